"""ITCPR: composed person retrieval over three person sets (Liu et al. 2025).

``query.json`` is a list of ``{"file_path", "datasets", "person_id", "instance_id", "caption"}``, ``gallery.json`` the
same without caption; a gallery picture is right when its ``instance_id`` is the query's, and -1 is nobody's.
"""

from __future__ import annotations

from pathlib import Path

from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import Folder, field, key, listed, text
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

_GET = "https://huggingface.co/datasets/a1557811266/ITCPR and the three person sets its README names"
_METRICS = ("R@1", "R@5", "R@10", "mAP")


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    of_instance: dict[str, list[str]] = {}
    gallery = []
    path = str(folder.path("gallery.json"))
    for number, row in enumerate(listed(folder.json("gallery.json"), path), 1):
        where = f"{path}, entry {number}"
        gallery.append(GalleryItem(str(number), folder.picture(".", field(row, "file_path", where), where)))
        instance = key(field(row, "instance_id", where), where)
        if instance != "-1":
            of_instance.setdefault(instance, []).append(str(number))
    queries, right, groups = [], {}, {}
    path = str(folder.path("query.json"))
    for number, row in enumerate(listed(folder.json("query.json"), path), 1):
        where = f"{path}, entry {number}"
        image = folder.picture(".", field(row, "file_path", where), where)
        queries.append(QueryItem(str(number), text(field(row, "caption", where), where), image))
        right[str(number)] = of_instance.get(key(field(row, "instance_id", where), where), [])
        groups[str(number)] = str(row.get("datasets", ""))
    return [Task("composed", queries, gallery, Qrels.of_sets(right), _METRICS, groups=groups)]


ITCPR = Benchmark(
    name="itcpr",
    title="ITCPR, 2,225 composed person queries",
    paper="2311.16515",
    task="composed: picture and text to picture, persons",
    get=_GET,
    files=(
        File("query.json", "queries"),
        File("gallery.json", "the gallery"),
        File("Celeb-reID", "pictures", pictures=True),
        File("PRCC", "pictures", pictures=True),
        File("LAST", "pictures", pictures=True),
    ),
    layout="README.md and FAFA_SynCPR/src/data_utils.py of Delong-liu-bupt/Composed_Person_Retrieval",
    hit="any gallery picture of the query's instance_id",
    gallery="all 20,510 gallery pictures",
    metrics=_METRICS,
    licence="research only; each person set has terms of its own",
    read=_read,
)
