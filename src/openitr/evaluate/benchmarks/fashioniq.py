"""FashionIQ: composed queries over product photographs in three categories (Wu et al. 2021).

``captions/cap.CATEGORY.val.json`` is a list of ``{"candidate", "target", "captions": [text, text]}``,
``image_splits/split.CATEGORY.val.json`` a list of names; pictures are ``images/NAME.jpg``.
"""

from __future__ import annotations

from pathlib import Path

from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import Folder, field, key, known, listed, texts
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

CATEGORIES = ("dress", "shirt", "toptee")
_GET = "https://github.com/XiaoxiaoGuo/fashion-iq; pictures: https://github.com/hongwang600/fashion-iq-metadata"


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    return [_category(folder, name) for name in CATEGORIES]


def _category(folder: Folder, category: str) -> Task:
    listing = f"image_splits/split.{category}.val.json"
    where = str(folder.path(listing))
    names = dict.fromkeys(key(one, where) for one in listed(folder.json(listing), where))
    pictures = {name: folder.picture("images", f"{name}.jpg", where) for name in names}
    captions = f"captions/cap.{category}.val.json"
    queries, right = [], {}
    for number, row in enumerate(listed(folder.json(captions), str(folder.path(captions))), 1):
        where = f"{folder.path(captions)}, entry {number}"
        shown = key(field(row, "candidate", where), where)
        said = [one.strip().rstrip(".,?") for one in texts(field(row, "captions", where), where)]
        queries.append(QueryItem(str(number), " and ".join(said), known(pictures, shown, where)))
        right[str(number)] = [key(field(row, "target", where), where)]
    gallery = [GalleryItem(name, image) for name, image in pictures.items()]
    return Task(category, queries, gallery, Qrels.of_sets(right), ("R@10", "R@50"), family="categories")


FASHIONIQ = Benchmark(
    name="fashioniq",
    title="FashionIQ, val split, three categories",
    paper="1905.12794",
    task="composed: picture and text to picture",
    get=_GET,
    files=(
        *(File(f"captions/cap.{one}.val.json", f"queries, {one}") for one in CATEGORIES),
        *(File(f"image_splits/split.{one}.val.json", f"pictures, {one}") for one in CATEGORIES),
        File("images", "the pictures", pictures=True),
    ),
    layout="src/data_utils.py of ABaldrati/CLIP4Cir",
    hit="the target picture",
    gallery="per category: every picture of its val split, the reference among them, as published codes have it",
    prompts='both captions joined by " and " (published trainings also swap them at random)',
    metrics=("R@10", "R@50"),
    licence="Community Data License Agreement, as the repository says; pictures belong to the shop",
    read=_read,
    notes=("papers give the mean over the three categories of R@10 and of R@50",),
)
