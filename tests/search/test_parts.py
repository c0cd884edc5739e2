"""Parts as people write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import QueryError
from openitr.search.parts import image_part, parse_part, parse_weight
from openitr.types import ImageArray, Part

GREY = np.full((4, 4, 3), 99, np.uint8)


def decode(source: Path | bytes) -> ImageArray:
    return GREY


@pytest.mark.parametrize(
    ("text", "weight", "words"),
    [
        ("dog", 1.0, "dog"),
        ("2:golden retriever", 2.0, "golden retriever"),
        ("0.5: snow", 0.5, "snow"),
        ("-1:snow", -1.0, "snow"),
        (".5:snow", 0.5, "snow"),
        ("1e1:snow", 10.0, "snow"),
        ("dog: a portrait", 1.0, "dog: a portrait"),
        ("1:10:30 on a clock", 1.0, "10:30 on a clock"),
        ("http://a/b", 1.0, "http://a/b"),
        ("2 dogs: running", 1.0, "2 dogs: running"),
    ],
)
def test_weights(text: str, weight: float, words: str) -> None:
    assert parse_weight(text) == (weight, words)
    assert (parse_part(text).weight, parse_part(text).text) == (weight, words)


@pytest.mark.parametrize("text", ["", "  ", "2:", "0:dog", "1e999:dog"])
def test_useless_parts_are_refused(text: str) -> None:
    with pytest.raises(QueryError):
        parse_part(text)


@given(st.floats(0.01, 100), st.text(min_size=1).filter(lambda s: s.strip() and s.strip() == s))
def test_what_is_written_is_read_back(weight: float, words: str) -> None:
    part = parse_part(f"{weight!r}:{words}")
    assert (part.weight, part.text) == (weight, words)


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    weight, rest = parse_weight(text)
    assert text.endswith(rest) or weight == 1.0


def test_pictures_in_every_form(tmp_path: Path) -> None:
    file = tmp_path / "cat.jpg"
    file.write_bytes(b"x")
    assert image_part(file, decode).label == "cat.jpg"
    assert image_part(f"0.5:{file}", decode).weight == 0.5
    assert image_part(b"bytes", decode).image is GREY
    assert image_part(GREY, decode).image is GREY
    ready = Part(image=GREY, weight=3)
    assert image_part(ready, decode) is ready


def test_a_file_with_a_weighty_name_is_that_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "2:00.jpg").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    part = image_part("2:00.jpg", decode)
    assert (part.weight, part.label) == (1.0, "2:00.jpg")


@pytest.mark.parametrize("array", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_arrays_that_are_no_pictures(array: np.ndarray) -> None:
    with pytest.raises(QueryError, match="no picture"):
        image_part(array, decode)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(QueryError, match=r"nowhere\.jpg"):
        image_part("2:nowhere.jpg", decode)
