"""Recall by group, against plain counting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from openitr.datasets import Pair, PairDataset
from openitr.diagnose.strata import by_language, by_length, by_size, shrunk, stratum
from openitr.embeddings import DenseEmbeddings
from openitr.errors import DatasetError, InputError
from tests.diagnose.fakes import Reddish, half_red

EYE = DenseEmbeddings(np.eye(8, dtype=np.float32))


def test_a_stratum_by_hand() -> None:
    # Texts 0 to 3 find their picture; the fifth, of picture 0, names picture 7.
    texts = DenseEmbeddings(EYE.values[[0, 1, 2, 3, 7]])
    found = stratum("x", texts, EYE, np.array([0, 1, 2, 3, 0]))
    assert (found.queries, found.recall_1) == (5, 0.8)
    # All zeros tie, ties count against: picture 0 stands last of eight for the fifth text.
    assert found.recall_5 == 0.8
    assert found.error == pytest.approx(np.std([0.5, 1, 1, 1]) / 2)


def test_lengths_are_cut_in_thirds_and_equal_lengths_stay_together() -> None:
    captions = ["a"] * 4 + ["a b"] * 3 + ["a b c d"]
    groups = by_length(captions, EYE, EYE, np.arange(8))
    assert [(g.name, g.queries) for g in groups] == [("1 to 1 words", 4), ("2 to 2 words", 3), ("4 to 4 words", 1)]
    assert len(by_length(["a b"] * 8, EYE, EYE, np.arange(8))) == 1


class Polyglot:
    """Reads numbers in English; in German it is one off."""

    kind = "dense"

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        rows = [(int(text.split()[1]) + (text.split()[0] == "de")) % 8 for text in texts]
        return DenseEmbeddings(EYE.values[rows])


def test_languages_are_asked_about_the_same_pictures() -> None:
    # Picture 7 has no German text and picture 0 alone a French one.
    pairs = []
    for row in range(8):
        texts = {"en": f"en {row}"} | ({"de": f"de {row}"} if row < 7 else {}) | ({"fr": "fr 0"} if row == 0 else {})
        pairs.append(Pair(str(row), b"x", texts))
    groups = {g.name: g for g in by_language(PairDataset(pairs), EYE, Polyglot(), least=5)}  # type: ignore[arg-type]
    assert set(groups) == {"en", "de"}
    assert groups["en"].queries == groups["de"].queries == 7
    assert (groups["en"].recall_1, groups["de"].recall_1) == (1, 0)
    with pytest.raises(DatasetError, match="no language"):
        by_language(PairDataset(pairs), EYE, Polyglot(), least=9)  # type: ignore[arg-type]


@pytest.mark.parametrize("corner", [0, 1, 2, 3])
def test_shrunk_puts_the_picture_into_a_corner(corner: int) -> None:
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:10] = 200
    small = shrunk(picture, 0.5, corner)
    rows = slice(0, 10) if corner < 2 else slice(10, 20)
    columns = slice(0, 20) if corner % 2 == 0 else slice(20, 40)
    rest = np.ones((20, 40), bool)
    rest[rows, columns] = False
    assert (small[rest] == 100).all(), "the rest is the mean colour"
    assert small[rows, columns].max() >= 200
    np.testing.assert_array_equal(shrunk(picture, 1.0, corner), picture)


def test_small_things_lose_what_the_score_is_made_of() -> None:
    groups = by_size(
        [half_red(16)] * 3, Reddish().encode_texts(["red"] * 3), np.arange(3), Reddish(16), shares=(1.0, 0.5)
    )
    assert [g.name for g in groups] == ["100% of the side", "50% of the side"]


def test_refusals() -> None:
    with pytest.raises(InputError, match="share is 0"):
        shrunk(half_red(), 0)
    with pytest.raises(InputError, match="no text"):
        stratum("x", DenseEmbeddings(EYE.values[:0]), EYE, np.empty(0, np.int64))
