from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openitr import datasets
from openitr.errors import DatasetError


def coco(names: list[str], captions: list[tuple[int, str]]) -> dict[str, Any]:
    return {
        "info": {},
        "images": [{"id": 10 + i, "file_name": name, "width": 4} for i, name in enumerate(names)],
        "annotations": [{"id": n, "image_id": 10 + i, "caption": text} for n, (i, text) in enumerate(captions)],
    }


def test_coco_captions_of_two_splits(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    (tmp_path / "annotations").mkdir()
    for split, first in (("train", 0), ("val", 100)):
        (tmp_path / f"{split}2014").mkdir()
        (tmp_path / f"{split}2014" / "x.jpg").write_bytes(png(first))
        document = coco(["x.jpg"], [(0, f"{split} one "), (0, "two")])
        document["images"][0]["id"] += first
        for annotation in document["annotations"]:
            annotation["image_id"] += first
        (tmp_path / "annotations" / f"captions_{split}2014.json").write_text(json.dumps(document))
    data = datasets.read(tmp_path, lang="en")
    assert [(p.id, p.split, p.texts["en"]) for p in data] == [
        ("10", "train", ("train one", "two")),
        ("110", "val", ("val one", "two")),
    ]
    assert data[1].read() == png(100)


def test_karpathy(pictures: Path) -> None:
    images = [
        {
            "filename": "a.png",
            "imgid": 0,
            "split": "train",
            "sentences": [{"raw": "One.", "tokens": ["one"]}, {"raw": "Two."}],
        },
        {
            "filename": "c.png",
            "filepath": "sub",
            "imgid": 1,
            "split": "restval",
            "sentences": [{"raw": "Three.", "sentid": 3}],
        },
    ]
    file = pictures / "dataset_flickr8k.json"
    file.write_text(json.dumps({"images": images, "dataset": "flickr8k"}))
    for place in (file, pictures):
        data = datasets.read(place, lang="en")
        assert data.splits == {"train": 1, "restval": 1}
        assert [p.texts["en"] for p in data] == [("One.", "Two."), ("Three.",)]
        assert data[1].path == pictures / "sub" / "c.png"
        assert dict(data[1].metadata) == {"imgid": 1}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.pop("images"), 'no list "images"'),
        (lambda d: d["annotations"].append({"image_id": 99, "caption": "x"}), r"1 captions belong to no image.*\[99\]"),
        (lambda d: d["annotations"].append({"bbox": []}), "annotation 2: no image_id or caption"),
        (lambda d: d["annotations"].append({"image_id": [1], "caption": "x"}), "annotation 2: no image_id"),
        (lambda d: d["images"].append(3), "image 2: a int"),
        (lambda d: d["images"].append({"id": {}}), "image 2: its id is a dict"),
        (lambda d: d["images"].append({"id": 5}), "image 2: no file_name"),
        (lambda d: d["images"].append({"id": 5, "file_name": "../a.png"}), "image 2: .*leads out"),
        (lambda d: d["images"].append({"id": 10, "file_name": "b.png"}), "image 2: the id '10' was there before"),
        (lambda d: d["images"].append({"id": 5, "file_name": "a.png"}), r"'a\.png' was there before"),
    ],
)
def test_errors(pictures: Path, change: Callable[[dict[str, Any]], Any], says: str) -> None:
    document = coco(["a.png"], [(0, "x")])
    change(document)
    (pictures / "captions_val.json").write_text(json.dumps(document))
    with pytest.raises(DatasetError, match=says):
        datasets.read(pictures / "captions_val.json")
