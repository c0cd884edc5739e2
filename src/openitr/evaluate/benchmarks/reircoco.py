"""REIRCOCO: find the one object in the gallery that an expression refers to (Hao et al. 2025).

A COCO file with an "image" for every object: ``images`` are ``{"id", "file_name", "expressions": [text, ...]}``,
``annotations`` are ``{"image_id", "bbox": [left, top, width, height]}``, one for each of them.
"""

from __future__ import annotations

from pathlib import Path

from openitr.errors import DatasetError
from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.boxes import iou
from openitr.evaluate.benchmarks.files import Folder, box, field, key, listed, text, texts
from openitr.evaluate.benchmarks.task import Box, GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

_GET = "https://huggingface.co/datasets/haoxiangzhao/REIRCOCO; pictures: https://cocodataset.org/#download (2014)"
_FILES = ("reircoco_val.json", "annotations/retrieval/reir_coco_test.json", "reir_coco_test.json")
_HITS = (0.5, 0.7, 0.9)


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    path = str(folder.path(*_FILES))
    document = folder.json(*_FILES)
    boxes: dict[str, Box] = {}
    for number, row in enumerate(listed(field(document, "annotations", path), path), 1):
        where = f"{path}, annotation {number}"
        boxes[key(field(row, "image_id", where), where)] = box(field(row, "bbox", where), where)
    queries, gallery, owner = [], [], {}
    in_file: dict[str, list[str]] = {}
    for number, row in enumerate(listed(field(document, "images", path), path), 1):
        where = f"{path}, image {number}"
        name = key(field(row, "id", where), where)
        if name not in boxes:
            raise DatasetError(f"{where}: object {name} has no box", "is this the published file?")
        file = text(field(row, "file_name", where), where, "file_name")
        gallery.append(
            GalleryItem(name, folder.picture(("train2014", "val2014", "images"), file, where), box=boxes[name])
        )
        in_file.setdefault(file, []).append(name)
        for at, said in enumerate(texts(field(row, "expressions", where), where)):
            queries.append(QueryItem(f"{name}#{at}", said))
            owner[f"{name}#{at}"] = (name, file)
    tasks = []
    for least in _HITS:
        right = {}
        for query, (name, file) in owner.items():
            right[query] = [other for other in in_file[file] if iou(boxes[name], boxes[other]) >= least]
        tasks.append(Task(f"IoU {least}", queries, gallery, Qrels.of_sets(right), ("R@1", "R@5", "R@10")))
    return tasks


REIRCOCO = Benchmark(
    name="reircoco",
    title="REIRCOCO, referring expressions over a gallery of pictures",
    paper="2506.18246",
    task="text to a box in one of many pictures",
    get=_GET,
    files=(
        File("|".join(_FILES), "expressions and boxes"),
        File("train2014|val2014|images", "the pictures", pictures=True),
    ),
    layout="conversion/convert_ref2coco.py and README.md of haoxiangzhao12138/REIR, and the reader of ObjEmbed's "
    "eval_retrieval/eval.py; the file itself was not seen",
    hit="BoxRecall@k: one of the first k boxes lies in the right picture with IoU of 0.5 (0.7, 0.9) or more",
    gallery="the annotated boxes of all pictures, cut out: a perfect detector is taken for granted, so numbers are not "
    "comparable with those of systems that find their boxes",
    metrics=("R@1", "R@5", "R@10"),
    licence="not stated; pictures belong to their Flickr uploaders",
    read=_read,
)
