"""SORCE-1K: captions of small things in crowded pictures (Liu et al. 2025).

``dataset.jsonl`` has ``{"image", "caption"}``; each picture is there whole (``full_res``) and cut closer to its object
(``zoom_2x``, ``zoom_3x``), under one name.
"""

from __future__ import annotations

from pathlib import Path

from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.both_ways import RECALLS
from openitr.evaluate.benchmarks.files import Folder, field, text
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

LEVELS = {"easy": "zoom_3x", "medium": "zoom_2x", "hard": "full_res"}
_GET = "https://huggingface.co/datasets/lcxrocks/sorce-1k"


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    rows = [
        (f"{number}", text(field(row, "caption", where), where), field(row, "image", where), where)
        for number, (where, row) in enumerate(folder.lines("dataset.jsonl"), 1)
    ]
    gallery = [
        GalleryItem(f"{level}/{number}", folder.picture(place, name, where))
        for level, place in LEVELS.items()
        for number, _, name, where in rows
    ]
    queries = [QueryItem(number, said) for number, said, _, _ in rows]
    tasks = []
    for level in LEVELS:
        right = Qrels.of_sets({query.id: [f"{level}/{query.id}"] for query in queries})
        others = {query.id: [f"{one}/{query.id}" for one in LEVELS if one != level] for query in queries}
        tasks.append(Task(level, queries, gallery, right, RECALLS, exclude=others))
    return tasks


SORCE = Benchmark(
    name="sorce-1k",
    title="SORCE-1K, 1,023 captions of small objects",
    paper="2505.24441",
    task="text to image, small objects",
    get=_GET,
    files=(
        File("dataset.jsonl", "captions"),
        *(File(place, f"pictures, {level}", pictures=True) for level, place in LEVELS.items()),
    ),
    layout="eval_sorce.py of MCG-NJU/SORCE",
    hit="the caption's picture at the level's zoom",
    gallery="the pictures of all three zooms together, without the same picture at the two other zooms",
    metrics=RECALLS,
    licence="code Apache-2.0; the pictures' terms are not stated",
    read=_read,
    notes=(
        "the authors' code gives the two other zooms the score 0 where this leaves them out; a difference only where "
        "right scores are below 0",
    ),
)
