"""CIRCO: composed queries over COCO's unlabelled pictures, several right answers each (Baldrati et al. 2023).

``annotations/val.json`` is a list of ``{"id", "reference_img_id", "target_img_id", "relative_caption",
"shared_concept", "gt_img_ids", "semantic_aspects"}``; the gallery is COCO 2017 Unlabeled, listed in
``COCO2017_unlabeled/annotations/image_info_unlabeled2017.json``. The test split has no answers: a server scores it.
"""

from __future__ import annotations

from pathlib import Path

from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import Folder, field, key, known, listed, text
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

_GET = "https://github.com/miccunifi/CIRCO; pictures: https://cocodataset.org/#download (2017 Unlabeled)"
_INFO = "COCO2017_unlabeled/annotations/image_info_unlabeled2017.json"
_METRICS = ("mAP@5", "mAP@10", "mAP@25", "mAP@50")


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    info = str(folder.path(_INFO))
    pictures = {}
    for number, image in enumerate(listed(field(folder.json(_INFO), "images", info), info), 1):
        where = f"{info}, image {number}"
        name = field(image, "file_name", where)
        picture = folder.picture("COCO2017_unlabeled/unlabeled2017", name, where)
        pictures[key(field(image, "id", where), where)] = picture
    path = str(folder.path("annotations/val.json"))
    queries, right, target, reference, aspects = [], {}, {}, {}, {}
    for number, row in enumerate(listed(folder.json("annotations/val.json"), path), 1):
        where = f"{path}, entry {number}"
        name = key(field(row, "id", where), where)
        shown = key(field(row, "reference_img_id", where), where)
        said = text(field(row, "relative_caption", where), where)
        queries.append(QueryItem(name, said, known(pictures, shown, where)))
        right[name] = [key(one, where) for one in listed(field(row, "gt_img_ids", where), where)]
        target[name] = [key(field(row, "target_img_id", where), where)]
        reference[name] = [shown]
        aspects[name] = [text(one, where) for one in listed(row.get("semantic_aspects", []), where)]
    gallery = [GalleryItem(name, image) for name, image in pictures.items()]
    return [
        Task("all answers", queries, gallery, Qrels.of_sets(right), _METRICS, groups=aspects, exclude=reference),
        Task("target", queries, gallery, Qrels.of_sets(target), ("R@5", "R@10", "R@25", "R@50"), exclude=reference),
    ]


CIRCO = Benchmark(
    name="circo",
    title="CIRCO, val split, 220 queries",
    paper="2303.15247",
    task="composed: picture and text to picture, several right answers",
    get=_GET,
    files=(
        File("annotations/val.json", "queries and answers"),
        File(_INFO, "list of COCO's unlabelled pictures"),
        File("COCO2017_unlabeled/unlabeled2017", "the pictures", pictures=True),
    ),
    layout="README.md, src/dataset.py, src/evaluation.py and annotations of miccunifi/CIRCO",
    hit="mAP: any of the query's right pictures; R: the one target the text was written for",
    gallery="the 123,403 pictures of COCO 2017 Unlabeled but the reference",
    metrics=(*_METRICS, "R@5", "R@10", "R@25", "R@50"),
    licence="annotations CC-BY-NC-4.0, as the repository says; pictures belong to their Flickr uploaders",
    read=_read,
    notes=("the test split is scored by the authors' server only",),
)
