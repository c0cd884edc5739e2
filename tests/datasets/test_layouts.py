from __future__ import annotations

from pathlib import Path

import pytest

from openitr import datasets
from openitr.errors import DatasetError


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is nothing at"):
        datasets.read(tmp_path / "gone")


def test_an_unknown_folder_is_told_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("x")
    with pytest.raises(DatasetError) as caught:
        datasets.read(tmp_path)
    for layout in datasets.LAYOUTS:
        assert f"({layout.name})" in str(caught.value)


def test_a_collection_is_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "collection.json").write_text("{}")
    with pytest.raises(DatasetError, match="is a collection, not a pair dataset"):
        datasets.read(tmp_path)


def test_senseless_options(pictures: Path) -> None:
    with pytest.raises(DatasetError, match=r"no layout is called 'yaml' .layouts: huggingface, jsonl"):
        datasets.read(pictures, "yaml")
    with pytest.raises(DatasetError, match="missing='maybe'"):
        datasets.read(pictures, missing="maybe")  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="is no folder"):
        datasets.read(pictures, images=pictures / "a.png")
    (pictures / "captions.jsonl").write_text('{"image": "a.png"}\n')
    with pytest.raises(DatasetError, match="no column role is called 'colour'"):
        datasets.read(pictures, columns={"colour": "x"})


def test_the_layout_may_be_said(pictures: Path) -> None:
    (pictures / "captions.jsonl").write_text('{"image": "a.png", "texts": "x"}\n')
    assert len(datasets.read(pictures)) == 1
    assert len(datasets.read(pictures, "folder")) == 3
    assert datasets.read(pictures, name="mine").name == "mine"


def test_an_empty_file(pictures: Path) -> None:
    (pictures / "captions.jsonl").write_text("\n")
    with pytest.raises(DatasetError, match="holds no picture"):
        datasets.read(pictures)
