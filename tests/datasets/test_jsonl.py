from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from openitr import datasets
from openitr.errors import DatasetError


def write(folder: Path, *rows: dict[str, Any], name: str = "captions.jsonl") -> Path:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_the_forms_of_texts_and_what_is_metadata(pictures: Path) -> None:
    write(
        pictures,
        {"image": "a.png", "texts": {"en": ["one", "two"], "ca@valencia": "tres"}, "split": "validation", "mood": [1]},
        {"image": "b.png", "texts": ["  padded ", "", "  "], "metadata": {"x": 1}},
        {"image": "sub/c.png", "caption": "single", "lang": "de"},
    )
    data = datasets.read(pictures)
    assert [p.id for p in data] == ["a.png", "b.png", "sub/c.png"]
    assert dict(data[0].texts) == {"en": ("one", "two"), "ca@valencia": ("tres",)}
    assert data[0].split == "val" and dict(data[0].metadata) == {"mood": [1]}
    assert dict(data[1].texts) == {"und": ("padded",)} and dict(data[1].metadata) == {"x": 1}
    assert dict(data[2].texts) == {"de": ("single",)}
    assert data.notes == ("2 empty texts were dropped",)
    assert data[0].read() == (pictures / "a.png").read_bytes()


def test_one_picture_twice_is_refused_or_joined(pictures: Path) -> None:
    write(pictures, {"image": "a.png", "texts": "x"}, {"image": "./a.png", "texts": "y"})
    with pytest.raises(DatasetError, match=r"line 2: 'a\.png' was there before, in .*line 1"):
        datasets.read(pictures)
    assert dict(datasets.read(pictures, merge=True)[0].texts) == {"und": ("x", "y")}


def test_one_id_for_two_pictures_is_refused(pictures: Path) -> None:
    write(pictures, {"image": "a.png", "id": 1, "texts": "x"}, {"image": "b.png", "id": "1", "texts": "y"})
    with pytest.raises(DatasetError, match="line 2: the id '1' was there before"):
        datasets.read(pictures)
    assert [p.id for p in datasets.read(pictures, columns={"id": None})] == ["a.png", "b.png"]


def test_missing_pictures_are_one_error_or_passed_over(pictures: Path) -> None:
    rows = [{"image": f"gone{i}.png", "texts": "x"} for i in range(5)]
    write(pictures, {"image": "a.png", "texts": "x"}, *rows)
    with pytest.raises(DatasetError, match=r"5 of 6 pictures are not there, first gone0.png, gone1.png, gone2.png "):
        datasets.read(pictures)
    data = datasets.read(pictures, missing="skip")
    assert len(data) == 1
    assert data.notes[0].startswith("5 pictures were not there")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"texts": "x"}, "no picture named"),
        ({"image": 5, "texts": "x"}, "no picture named"),
        ({"image": "a.png", "texts": [1]}, "a text is a int"),
        ({"image": "a.png", "texts": {"en": {"x": 1}}}, "a text is a dict"),
        ({"image": "../a.png", "texts": "x"}, "leads out of"),
        ({"image": "https://a/b.png", "texts": "x"}, "web address"),
    ],
)
def test_errors_name_file_and_line(pictures: Path, row: dict[str, Any], says: str) -> None:
    write(pictures, {"image": "b.png", "texts": "x"}, row)
    with pytest.raises(DatasetError, match=rf"captions\.jsonl, line 2: .*{says}"):
        datasets.read(pictures)


def test_pictures_elsewhere(pictures: Path, tmp_path: Path) -> None:
    other = tmp_path / "lists"
    other.mkdir()
    write(other, {"image": "a.png", "texts": "x"}, name="rows.jsonl")
    with pytest.raises(DatasetError, match="not there"):
        datasets.read(other / "rows.jsonl")
    assert datasets.read(other / "rows.jsonl", images=pictures)[0].path == pictures / "a.png"


def test_half_a_surrogate_is_no_character(pictures: Path) -> None:
    write(pictures, {"image": "a.png", "texts": "dog \ud83d"})
    data = datasets.read(pictures)
    assert data[0].texts["und"] == ("dog ?",)
    assert "half a character" in data.notes[0]


def test_a_json_list_with_a_row_per_text(pictures: Path) -> None:
    rows = [{"image": "a.png", "caption": "x"}, {"image": "b.png", "caption": "y"}, {"image": "a.png", "caption": "z"}]
    (pictures / "rows.json").write_text(json.dumps(rows))
    data = datasets.read(pictures / "rows.json")
    assert [(p.id, p.texts["und"]) for p in data] == [("a.png", ("x", "z")), ("b.png", ("y",))]
    (pictures / "rows.json").write_text('["x"]')
    with pytest.raises(DatasetError, match="entry 1: a str"):
        datasets.read(pictures / "rows.json")
