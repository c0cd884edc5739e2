"""Order kept through placeholders and files, and lines that do not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.datasets.sources import FileImage, MemoryImage
from openitr.errors import DatasetError, InputError
from openitr.evaluate.interleaved import InterleavedItem, read_items, write_items

_TEXT = st.text(min_size=1, max_size=20).filter(lambda text: bool(text.strip()))


def names(item: InterleavedItem) -> list[str]:
    return [part if isinstance(part, str) else f"<{part.name}>" for part in item.segments]


@given(
    st.lists(
        st.lists(st.one_of(_TEXT, st.sampled_from(["a.png", "b/c.png"]).map(Path)), min_size=1, max_size=6), max_size=4
    )
)
def test_segments_come_back_in_order(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str | Path]]) -> None:
    root = tmp_path_factory.mktemp("items")
    items = [
        InterleavedItem(f"i{n}", tuple(FileImage(root / p) if isinstance(p, Path) else p for p in row), {"domain": n})
        for n, row in enumerate(rows)
    ]
    write_items(root / "items.jsonl", items)
    back = read_items(root / "items.jsonl")
    assert [(item.id, names(item), item.metadata) for item in back] == [
        (item.id, names(item), item.metadata) for item in items
    ]
    assert all(
        image.path == root / image.path.relative_to(root) for item in back for image in item.images if image.path
    )


def test_placeholders_put_pictures_where_they_belong() -> None:
    one, two = MemoryImage(b"1", "1"), MemoryImage(b"2", "2")
    assert names(InterleavedItem.of_text("q", "<image> and <image>", [one, two])) == ["<1>", "and", "<2>"]
    assert names(InterleavedItem.of_text("q", "see <image 2>", [one, two])) == ["see", "<2>", "<1>"]
    assert names(InterleavedItem.of_text("q", "", [one])) == ["<1>"]
    with pytest.raises(InputError, match="<image 3> with 2 pictures"):
        InterleavedItem.of_text("q", "<image 3>", [one, two])
    with pytest.raises(InputError, match="no segment"):
        InterleavedItem.of_text("q", " ")


def test_words_stand_where_pictures_stood() -> None:
    one, two = MemoryImage(b"1", "1"), MemoryImage(b"2", "2")
    item = InterleavedItem("q", (two, "beside", one))
    assert item.worded({one: "a cat", two: "a dog"}) == "<a dog> beside <a cat>" and item.text == "beside"
    with pytest.raises(InputError, match="has no caption"):
        item.worded({one: "a cat"})


@pytest.mark.parametrize(
    "row",
    [
        {"segments": [{"text": "a"}]},
        {"id": "1", "segments": "a"},
        {"id": "1", "segments": [{"text": "a", "image": "b"}]},
        {"id": "1", "segments": [{"sound": "a"}]},
        {"id": "1", "segments": [{"text": 3}]},
        {"id": "1", "segments": []},
        {"id": "1", "segments": [{"text": " "}]},
        {"id": "1", "segments": [{"image": "../a.png"}]},
        {"id": "1", "segments": [{"image": "https://example.org/a.png"}]},
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, row: dict[str, object]) -> None:
    good = {"id": "0", "segments": [{"text": "fine"}]}
    (tmp_path / "items.jsonl").write_text(json.dumps(good) + "\n" + json.dumps(row) + "\n")
    with pytest.raises(DatasetError, match="line 2"):
        read_items(tmp_path / "items.jsonl")


def test_pictures_that_are_no_files_there_are_not_written(tmp_path: Path) -> None:
    for image in (MemoryImage(b"1"), FileImage(tmp_path.parent / "a.png")):
        with pytest.raises(InputError, match="is no file below"):
            write_items(tmp_path / "items.jsonl", [InterleavedItem("1", (image,))])
