"""CIRR: composed queries over real photographs, with small groups of look-alikes (Liu et al. 2021).

``captions/cap.rc2.val.json`` is a list of ``{"pairid", "reference", "target_hard", "caption", "img_set":
{"members"}}``, ``image_splits/split.rc2.val.json`` is ``{picture: path}``. The test split has no targets: the authors'
server scores it.
"""

from __future__ import annotations

from pathlib import Path

from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import Folder, field, key, known, listed, mapped, text
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

_GET = "https://github.com/Cuberick-Orion/CIRR (branch cirr_dataset); pictures: NLVR2's, see its README"


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    captions = folder.path("captions/cap.rc2.val.json", "cirr/captions/cap.rc2.val.json")
    splits = ("image_splits/split.rc2.val.json", "cirr/image_splits/split.rc2.val.json")
    listing = str(folder.path(*splits))
    pictures = {
        name: folder.picture(("img_raw", "."), path, listing)
        for name, path in mapped(folder.json(*splits), listing).items()
    }
    queries, right, members, reference = [], {}, {}, {}
    rows = listed(folder.json("captions/cap.rc2.val.json", "cirr/captions/cap.rc2.val.json"), str(captions))
    for number, row in enumerate(rows, 1):
        where = f"{captions}, entry {number}"
        name = key(field(row, "pairid", where), where)
        shown = key(field(row, "reference", where), where)
        queries.append(QueryItem(name, text(field(row, "caption", where), where), known(pictures, shown, where)))
        right[name] = [key(field(row, "target_hard", where), where)]
        reference[name] = [shown]
        group = [key(one, where) for one in listed(field(field(row, "img_set", where), "members", where), where)]
        members[name] = [one for one in group if one != shown]
    gallery = [GalleryItem(name, image) for name, image in pictures.items()]
    qrels = Qrels.of_sets(right)
    return [
        Task("all", queries, gallery, qrels, ("R@1", "R@5", "R@10", "R@50"), exclude=reference),
        Task("subset", queries, gallery, qrels, ("R@1", "R@2", "R@3"), candidates=members),
    ]


CIRR = Benchmark(
    name="cirr",
    title="CIRR, val split, 4,181 queries",
    paper="2108.04024",
    task="composed: picture and text to picture",
    get=_GET,
    files=(
        File("captions/cap.rc2.val.json|cirr/captions/cap.rc2.val.json", "queries and targets"),
        File("image_splits/split.rc2.val.json|cirr/image_splits/split.rc2.val.json", "paths of the pictures"),
        File("img_raw|dev", "the pictures", pictures=True),
    ),
    layout="branch cirr_dataset of Cuberick-Orion/CIRR; src/data_utils.py of ABaldrati/CLIP4Cir",
    hit="the target picture",
    gallery="all: every picture of the split but the reference; subset: the other five of the query's group of six",
    metrics=("R@1", "R@5", "R@10", "R@50", "R@1, R@2, R@3 of subset"),
    licence="annotations MIT; pictures on NLVR2's terms",
    read=_read,
    parsed="the released val captions and paths, whole",
    notes=("papers give the mean of R@5 and subset R@1; the test split is scored by the authors' server only",),
)
