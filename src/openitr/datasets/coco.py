"""COCO captions JSON (``images`` + ``annotations``) and Karpathy's split files (``images`` with ``sentences``).

Layouts as published: https://cocodataset.org/#format-data ("Image Captioning") and Karpathy & Fei-Fei 2015,
``dataset_flickr8k.json``, ``dataset_flickr30k.json``, ``dataset_coco.json``. Karpathy's split "restval" keeps its name:
``dataset.split("train", "restval")`` is the usual training set.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openitr.datasets.builder import Builder, Layout, Options
from openitr.datasets.decoding import json_file
from openitr.datasets.pairs import PairDataset
from openitr.datasets.roots import Root, picture_folder
from openitr.datasets.rows import texts_of
from openitr.datasets.sources import FileImage
from openitr.errors import DatasetError

_SPLIT = re.compile(r"(?:^|[^a-z])(train|val|test)")


def read_coco(path: Path, options: Options) -> PairDataset:
    """Read one JSON file, or those of a folder (``dataset_*.json`` or ``captions_*.json``, also in annotations/)."""
    builder = Builder(path, options)
    for file in _files(path):
        document = json_file(file)
        images = document.get("images") if isinstance(document, dict) else None
        if not isinstance(images, list):
            raise DatasetError(
                f'{file}: no list "images"', "COCO and Karpathy files have one; name the layout with layout="
            )
        annotations = document.get("annotations")
        rows = _coco(file, images, annotations) if isinstance(annotations, list) else _karpathy(file, images)
        root: Root | None = None
        for where, name, number, texts, split, metadata in rows:
            if root is None:
                root = Root(options.images or picture_folder(file.parent, name, file.stem.partition("_")[2]))
            picture = root.file(name, where)
            said = texts_of(texts, options.lang, where)[options.lang]
            # Two files of one collection (train2014, val2014) may lie in two folders, so the path alone is no key.
            key = f"{root.folder.name}/{root.id_of(picture)}" if path.is_dir() else root.id_of(picture)
            builder.add(
                key, FileImage(picture), {options.lang: said}, id=number, split=split, metadata=metadata, where=where
            )
    return builder.done()


_Found = tuple[str, str, str, list[Any], str, dict[str, Any]]


def _coco(file: Path, images: list[Any], annotations: list[Any]) -> Iterator[_Found]:
    texts: dict[Any, list[Any]] = defaultdict(list)
    for number, annotation in enumerate(annotations, 1):
        owner = annotation.get("image_id") if isinstance(annotation, dict) else None
        if not isinstance(owner, str | int) or "caption" not in annotation:
            raise DatasetError(
                f"{file}, annotation {number}: no image_id or caption",
                "this may be a file of boxes: use captions_*.json",
            )
        texts[owner].append(annotation["caption"])
    named = _SPLIT.search(file.stem.lower())
    for where, image in _checked(file, images):
        rest = {key: value for key, value in image.items() if key in ("width", "height", "license", "coco_url")}
        said = texts.pop(image.get("id"), [])
        yield where, _name(image, where), str(image.get("id", "")), said, named[1] if named else "", rest
    if texts:
        lost = list(texts)[:3]
        raise DatasetError(
            f"{file}: {len(texts)} captions belong to no image, first of image_id {lost}", "mend the file"
        )


def _karpathy(file: Path, images: list[Any]) -> Iterator[_Found]:
    for where, image in _checked(file, images):
        folder = image.get("filepath")
        name = f"{folder}/{_name(image, where)}" if isinstance(folder, str) and folder else _name(image, where)
        rest: dict[str, Any] = {key: image[key] for key in ("imgid", "cocoid") if key in image}
        sentences = image.get("sentences", [])
        yield (
            where,
            name,
            "",
            sentences if isinstance(sentences, list) else [sentences],
            str(image.get("split", "")),
            rest,
        )


def _checked(file: Path, images: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, image in enumerate(images, 1):
        where = f"{file}, image {number}"
        if not isinstance(image, dict):
            raise DatasetError(f"{where}: a {type(image).__name__}, not an object", "mend the file")
        if not isinstance(image.get("id", ""), str | int):
            raise DatasetError(f"{where}: its id is a {type(image['id']).__name__}", "ids are numbers or strings")
        yield where, image


def _name(image: dict[str, Any], where: str) -> str:
    name = image.get("file_name", image.get("filename"))
    if not isinstance(name, str):
        raise DatasetError(f"{where}: no file_name or filename", "mend the file")
    return name


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" else []
    for folder, pattern in (
        (path, "dataset_*.json"),
        (path, "captions_*.json"),
        (path / "annotations", "captions_*.json"),
    ):
        # dataset_info.json and dataset_dict.json belong to Hugging Face's layout.
        found = sorted(p for p in folder.glob(pattern) if p.name not in ("dataset_info.json", "dataset_dict.json"))
        if found:
            return found
    return []


COCO = Layout(
    "coco",
    "a .json file with images and annotations or sentences (captions_*.json, dataset_*.json)",
    lambda p: bool(_files(p)),
    read_coco,
)
