"""CroQS: a query, clusters of its results, and the query a person suggests for each (Pavone et al. 2025).

``CroQS_Benchmark_v1.0.0.json`` is a list of ``{"query", "clusters": {name: {"items": [COCO id, ...], "caption"}}}``;
ids are those of COCO's train2017, whose files are called by them.
"""

from __future__ import annotations

from pathlib import Path

from openitr.datasets.croqs import load_croqs
from openitr.datasets.sources import FileImage
from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import Folder
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

_FILE = "CroQS_Benchmark_v1.0.0.json"
_GET = "https://github.com/Ruggero1912/CroQS-benchmark; pictures: https://cocodataset.org/#download (2017 Train)"
_CLOSED, _OPEN = ("R-Precision",), ("Recall@100", "mAP@100", "nDCG@10")


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    asked: dict[str, list[QueryItem]] = {"human": [], "initial": []}
    right: dict[str, list[str]] = {}
    results: dict[str, list[str]] = {}
    groups: dict[str, str] = {}
    for number, row in enumerate(load_croqs(folder.path(_FILE)), 1):
        whole = [str(one) for one in row.items]
        for group in row.groups:
            one = f"{number}/{group.name}"
            asked["human"].append(QueryItem(one, group.caption))
            asked["initial"].append(QueryItem(one, row.query))
            right[one], results[one], groups[one] = [str(item) for item in group.items], whole, row.query
    pictures = _collection(folder, [one for ids in right.values() for one in ids])
    gallery = [GalleryItem(name, image) for name, image in pictures.items()]
    qrels = Qrels.of_sets(right)
    made = []
    for who, queries in asked.items():
        made.append(Task(f"{who}, within the results", queries, gallery, qrels, _CLOSED, "", groups, results))
        made.append(Task(f"{who}, whole collection", queries, gallery, qrels, _OPEN, "", groups))
    return made


def _collection(folder: Folder, named: list[str]) -> dict[str, FileImage]:
    """Every picture of train2017 that is there, by its id; those that clusters name in any case."""
    there = sorted(path.name for path in (folder.root / "train2017").glob("*.jpg"))
    names = {str(int(Path(name).stem)): name for name in there if Path(name).stem.isdigit()}
    names |= {one: f"{int(one):012d}.jpg" for one in named if one not in names}
    return {one: folder.picture("train2017", name, _FILE) for one, name in names.items()}


CROQS = Benchmark(
    name="croqs",
    title="CroQS, query suggestions for clusters of results",
    paper="2412.13834",
    task="query suggestion: how well a suggested text finds its cluster",
    get=_GET,
    files=(File(_FILE, "queries, clusters, suggestions"), File("train2017", "the pictures", pictures=True)),
    layout="CroQS_Benchmark_v1.0.0.json and lib/CroQS.py of Ruggero1912/CroQS-benchmark",
    hit="a picture of the cluster",
    gallery="within the results: the pictures of all clusters of the query (R-Precision is the closed-set recall); "
    "whole collection: COCO's train2017",
    metrics=(*_CLOSED, *_OPEN),
    licence="not stated; pictures belong to their Flickr uploaders",
    read=_read,
    notes=("'human' asks with the text a person suggested, 'initial' with the query as it was: the two references",),
)
