"""A decoder over words and pictures."""

from __future__ import annotations

import math

import pytest
import torch

from openitr.models import WordTokenizer
from openitr.models.interleaved import Interleaved, Rows, pack

WORDS = WordTokenizer.fit(["a red frog", "two cars"])


def model() -> Interleaved:
    torch.manual_seed(0)
    return Interleaved(len(WORDS), 3, length=12, width=16, depth=2).eval()


def test_nothing_sees_what_comes_after() -> None:
    rows = pack([["a red frog", torch.ones(3), "two cars"]], WORDS, 3)
    other = pack([["a red frog", torch.zeros(3), "two cars"]], WORDS, 3)
    before, after = model()(rows), model()(other)
    assert torch.equal(before[1][:, :3], after[1][:, :3])
    assert not torch.allclose(before[1][:, 3:], after[1][:, 3:]), "the words after the picture do see it"
    assert not torch.allclose(before[0], after[0])


def test_padding_changes_nothing() -> None:
    alone = model()(pack([["two cars"]], WORDS, 3))[0]
    among = model()(pack([["two cars"], [torch.ones(3), "a red frog", "two cars"]], WORDS, 3))[0][:1]
    assert torch.allclose(alone, among, atol=1e-6)


def test_surprise_is_over_words_and_the_end_alone() -> None:
    rows = pack([["two", torch.ones(3), "cars"], ["cars"]], WORDS, 3)
    logits = torch.zeros(2, 4, len(WORDS))
    logits[0, 1, rows.ids[0, 2]] = math.log(len(WORDS))
    size = len(WORDS)
    # Positions 2 and 3 of the first, 1 of the second; the picture at 1 is not written.
    first = -math.log(size / (size + size - 1))
    expected = (first + 2 * math.log(size)) / 3
    assert model().surprise(rows, logits).item() == pytest.approx(expected, rel=1e-5)


def test_an_unknown_word_stays_a_word() -> None:
    assert pack([["a zebra"]], WORDS, 3).ids.tolist() == [[WORDS.id("a"), 1, 3]]
    assert isinstance(pack([["a"]], WORDS, 3), Rows)
