"""The published sets as they are, by the counts of their README."""

from __future__ import annotations

from pathlib import Path

import pytest

from openitr import datasets
from openitr.errors import DatasetError

pytestmark = pytest.mark.real_data


@pytest.mark.parametrize(
    ("name", "pictures", "splits", "languages", "texts"),
    [
        ("flickr8k", 7091, {"train": 6000, "val": 1000, "extra": 91}, 12, ("en", 35455)),
        ("fashion", 3873, {"train": 3085, "val": 422, "test": 366}, 1, ("und", 3873)),
        ("openclipart", 1533, {"": 1533}, 1, ("und", 3463)),
        ("emoji", 1911, {"": 1911}, 160, ("en", 1911)),
        ("nlvr", 1979, {"val": 989, "test": 990}, 1, ("und", 1979)),
        ("tuxpaint", 950, {"": 950}, 78, ("en", 950)),
    ],
)
def test_counts(
    real_data: Path, name: str, pictures: int, splits: dict[str, int], languages: int, texts: tuple[str, int]
) -> None:
    data = datasets.read(real_data / name)
    assert (len(data), data.splits, len(data.languages)) == (pictures, splits, languages)
    assert data.languages[texts[0]].texts == texts[1]
    assert data.notes == ()
    assert data[0].path is not None and data[0].path.is_file()


def test_all_sentences_of_tux_paint(real_data: Path) -> None:
    assert sum(n.texts for n in datasets.read(real_data / "tuxpaint").languages.values()) == 62340


def test_a_folder_without_pictures_says_so(real_data: Path) -> None:
    with pytest.raises(DatasetError, match="no pair dataset that is known here"):
        datasets.read(real_data / "text_eval")
