"""ECCV Caption: COCO's test split with the positives that its own captions miss (Chun et al. 2022).

``eccv_caption_to_image.json`` is ``{caption id: [image id, ...]}`` and ``eccv_image_to_caption.json`` the reverse, for
1,332 captions and 1,261 pictures; ``coco_test_ids.npy`` has the 25,000 caption ids of the gallery. Ids are COCO's own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from openitr.errors import DatasetError
from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import Folder, field, key, listed, mapped, text
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

_GET = "https://github.com/naver-ai/eccv-caption (eccv_caption/data)"
_METRICS = ("mAP@R", "R-Precision", "R@1")
_IDS = ("eccv_caption/data/coco_test_ids.npy", "coco_test_ids.npy")


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    captions = folder.path("annotations/captions_val2014.json", "captions_val2014.json")
    coco = folder.json("annotations/captions_val2014.json", "captions_val2014.json")
    file_of = {}
    for number, image in enumerate(listed(field(coco, "images", str(captions)), str(captions)), 1):
        where = f"{captions}, image {number}"
        file_of[key(field(image, "id", where), where)] = text(field(image, "file_name", where), where, "file_name")
    said, owner = {}, {}
    for number, one in enumerate(listed(field(coco, "annotations", str(captions)), str(captions)), 1):
        where = f"{captions}, annotation {number}"
        name = key(field(one, "id", where), where)
        said[name] = text(field(one, "caption", where), where)
        owner[name] = key(field(one, "image_id", where), where)
    ids = [str(int(one)) for one in _ids(folder.path(*_IDS))]
    for name in ids:
        if name not in said or owner[name] not in file_of:
            raise DatasetError(f"{folder.path(*_IDS)}: caption {name} is not in {captions}", "use COCO's 2014 captions")
    pictures = {
        image: folder.picture(("val2014", "images"), file_of[image], str(captions))
        for image in dict.fromkeys(owner[name] for name in ids)
    }
    t2i, i2t = _judged(folder, "eccv_caption_to_image.json"), _judged(folder, "eccv_image_to_caption.json")
    for query in [*(q for q in t2i if q not in said), *(q for q in i2t if q not in pictures)]:
        raise DatasetError(f"{root}: {query!r} is judged and is not in {captions}", "use COCO's 2014 captions")
    return [
        Task(
            "t2i",
            [QueryItem(name, said[name]) for name in t2i],
            [GalleryItem(name, image) for name, image in pictures.items()],
            Qrels.of_sets(t2i),
            _METRICS,
            family="t2i",
        ),
        Task(
            "i2t",
            [QueryItem(name, image=pictures[name]) for name in i2t],
            [GalleryItem(name, texts=(said[name],)) for name in ids],
            Qrels.of_sets(i2t),
            _METRICS,
            family="i2t",
        ),
    ]


def _judged(folder: Folder, name: str) -> dict[str, list[str]]:
    path = folder.path(f"eccv_caption/data/{name}", name)
    found = mapped(folder.json(f"eccv_caption/data/{name}", name), str(path))
    return {query: [key(one, f"{path}, {query!r}") for one in listed(ids, str(path))] for query, ids in found.items()}


def _ids(path: Path) -> list[int]:
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DatasetError(f"{path}: no plain array: {str(error)[:120]}", f"fetch it again from {_GET}") from error
    if not isinstance(found, np.ndarray) or found.ndim != 1 or found.dtype.kind not in "iu":
        raise DatasetError(f"{path} holds no list of caption ids", f"fetch it again from {_GET}")
    return [int(one) for one in found]


ECCV_CAPTION = Benchmark(
    name="eccv-caption",
    title="ECCV Caption",
    paper="2204.03359",
    task="text to image and back, several right answers",
    get=f"{_GET}; COCO's captions_val2014.json and pictures: https://cocodataset.org/#download",
    files=(
        File("eccv_caption/data/eccv_caption_to_image.json|eccv_caption_to_image.json", "right pictures by caption"),
        File("eccv_caption/data/eccv_image_to_caption.json|eccv_image_to_caption.json", "right captions by picture"),
        File("|".join(_IDS), "caption ids of the gallery"),
        File("annotations/captions_val2014.json|captions_val2014.json", "COCO's captions"),
        File("val2014|images", "the pictures", pictures=True),
    ),
    layout="eccv_caption/data and eccv_caption/metrics.py of naver-ai/eccv-caption",
    hit="every picture (caption) that was found to match by machine and people, COCO's own among them",
    gallery="t2i: the pictures of the 25,000 captions; i2t: those captions",
    metrics=_METRICS,
    licence="annotations MIT; captions CC-BY-4.0; pictures belong to their Flickr uploaders",
    read=_read,
)
