from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from openitr.datasets import Pair, PairDataset
from openitr.errors import DatasetError, UnreadableImage


def made(n: int = 6) -> PairDataset:
    return PairDataset(
        [
            Pair(
                f"p{i}", bytes([i]), {"en": [f"text {i}", f"more {i}"]} | ({"de": f"Satz {i}"} if i % 2 else {}), split
            )
            for i, split in zip(range(n), ["train", "val", "dev", "test", "restval", ""] * n, strict=False)
        ],
        "made",
        ["a note"],
    )


def test_rows_splits_languages() -> None:
    data = made()
    assert len(data) == 6
    assert [p.id for p in data[1:3]] == ["p1", "p2"]
    assert data.splits == {"train": 1, "val": 2, "test": 1, "restval": 1, "": 1}
    assert [p.id for p in data.split("validation")] == ["p1", "p2"]
    assert [p.id for p in data.split("train", "restval")] == ["p0", "p4"]
    assert dict(data.languages) == {"en": (6, 12), "de": (3, 3)}
    assert data.split("val").notes == ("a note",)


def test_texts_carry_the_row_of_their_owner() -> None:
    texts, owner = made().texts("de")
    assert texts == ["Satz 1", "Satz 3", "Satz 5"]
    assert owner.tolist() == [1, 3, 5]
    view, texts, owner = made().images_and_texts("de")
    assert [p.id for p in view] == ["p1", "p3", "p5"]
    assert owner.tolist() == [0, 1, 2]
    assert all(set(p.texts) == {"de"} for p in view)
    nothing, rows = made().texts("xx")
    assert nothing == [] and rows.dtype == np.int64


def test_errors_name_what_there_is() -> None:
    with pytest.raises(DatasetError, match=r"no split 'holiday' \(there is: train \(1\), val \(2\).*none \(1\)"):
        made().split("holiday")
    with pytest.raises(DatasetError, match=r"no text in 'fr' \(there is: en \(6\), de \(3\)"):
        made().language("fr")
    with pytest.raises(DatasetError, match=r"1 ids stand for several pictures, first \['p'\]"):
        PairDataset([Pair("p", b"1"), Pair("p", b"2")])


def test_a_pair_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(DatasetError, match="ids are strings"):
        Pair("", b"")
    with pytest.raises(DatasetError, match="a text of 'x' is a int"):
        Pair("x", b"", {"en": [3]})  # type: ignore[list-item]
    with pytest.raises(DatasetError, match="picture of 'x' is a str"):
        Pair("x", "a.jpg")  # type: ignore[arg-type]


def test_rows_cannot_be_changed_and_travel_to_other_processes() -> None:
    pair = made()[1]
    with pytest.raises(TypeError):
        pair.texts["en"] = ("other",)  # type: ignore[index]
    with pytest.raises(AttributeError):
        pair.split = "test"  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(pair))
    assert (again.id, dict(again.texts), again.split, again.read()) == (pair.id, dict(pair.texts), "val", b"\x01")


def test_take_is_seeded_without_repeats_and_in_order() -> None:
    data = made(40)
    ids = [p.id for p in data.take(10, seed=3)]
    assert ids == [p.id for p in data.take(10, seed=3)]
    assert len(set(ids)) == 10
    assert ids == [p.id for p in data if p.id in set(ids)]
    assert ids != [p.id for p in data.take(10, seed=4)]
    assert len(data.take(99)) == 40
    assert [p.id for p in data.filter(lambda p: p.split == "test")] == [p.id for p in data.split("test")]


def test_a_missing_file_is_an_unreadable_image(tmp_path: Path) -> None:
    pair = Pair("x", tmp_path / "gone.jpg")
    with pytest.raises(UnreadableImage, match=r"gone\.jpg"):
        pair.read()
    assert pair.path == tmp_path / "gone.jpg"


BASE = [("a", b"12", {"en": ["x", "y"]}, "train"), ("b", b"34", {"de": ["z"]}, "")]


def hashes(rows: list[tuple[str, bytes, dict[str, list[str]], str]]) -> tuple[str, str]:
    data = PairDataset([Pair(*row) for row in rows])
    return data.hash, data.content_hash()


def test_the_hash_sees_ids_texts_splits_and_pictures_and_nothing_else() -> None:
    cheap, full = hashes(BASE)
    assert hashes(BASE[::-1]) == (cheap, full), "the order of rows does not count"
    assert PairDataset([Pair(*row, {"mood": 1}) for row in BASE]).hash == cheap, "metadata does not count"
    changed = [
        [("c", *BASE[0][1:]), BASE[1]],
        [("a", b"12", {"en": ["y", "x"]}, "train"), BASE[1]],
        [("a", b"12", {"en": ["xy"]}, "train"), BASE[1]],
        [("a", b"12", {"en": ["xy", ""]}, "train"), BASE[1]],
        [("a", b"12", {"en": ["x"], "y": [""]}, "train"), BASE[1]],
        [("a", b"12", {"fr": ["x", "y"]}, "train"), BASE[1]],
        [("a", b"12", {"en": ["x", "y"]}, "val"), BASE[1]],
        [("a", b"123", {"en": ["x", "y"]}, "train"), BASE[1]],
        [BASE[0]],
    ]
    found = [hashes(rows) for rows in changed]  # type: ignore[arg-type]
    assert len({cheap, *(h for h, _ in found)}) == len(changed) + 1
    assert len({full, *(h for _, h in found)}) == len(changed) + 1
    same_size = hashes([("a", b"21", {"en": ["x", "y"]}, "train"), BASE[1]])
    assert same_size[0] == cheap and same_size[1] != full


def test_describe_counts() -> None:
    told = made().describe()
    assert "made: 6 pictures" in told and "en (6 pictures, 12 texts)" in told and "note: a note" in told
