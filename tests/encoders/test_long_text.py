"""Cutting long texts: nothing is lost, every piece fits, and pooling is the weighted mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.encoders.long_text import pool, readable, windows
from openitr.errors import InputError


def count(text: str) -> int:
    """Words, each letter beyond the fourth one token more: words of many tokens, as real tokenizers make them."""
    return sum(max(1, len(word) - 3) for word in text.split())


@given(
    words=st.lists(st.text("abcdé狗🐕", min_size=1, max_size=40), min_size=1, max_size=120),
    limit=st.integers(4, 30),
)
@settings(max_examples=150, deadline=None)
def test_every_piece_fits_and_together_they_are_the_text(words: list[str], limit: int) -> None:
    text = " ".join(words)
    found = windows([text], count, limit)
    position = 0  # up to where the text is covered; each piece starts at or before that
    for window in found:
        assert count(window.text) <= limit
        assert window.tokens == max(1, count(window.text))
        starts = [at for at in range(position + 1) if text.startswith(window.text, at)]
        assert starts, "a piece is a slice of the text that begins no later than the last one ended"
        position = max(position, *(at + len(window.text) for at in starts[-1:]))
    assert position == len(text)


def test_a_text_that_fits_is_not_touched() -> None:
    assert [w.text for w in windows(["  two  dogs ", "a"], count, 10)] == ["  two  dogs ", "a"]


def test_neighbours_overlap_by_an_eighth() -> None:
    text = " ".join(f"w{n % 90 + 10}" for n in range(40))
    pieces = [w.text.split() for w in windows([text], count, 16)]
    assert [len(piece) for piece in pieces] == [16, 16, 12]
    assert pieces[0][-2:] == pieces[1][:2]
    assert pieces[1][-2:] == pieces[2][:2]


def test_owners_of_several_texts() -> None:
    found = windows(["a b c d e f", "a", "a b c d e f g h i"], count, 4)
    assert [w.owner for w in found] == [0, 0, 1, 2, 2, 2]


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6), seed=st.integers(0, 1000), width=st.integers(2, 9))
@settings(max_examples=60, deadline=None)
def test_pool_against_plain_loops(sizes: list[int], seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    # Positive entries, so that no mean is near zero, where a direction would be rounding alone.
    vectors = rng.uniform(0.1, 1, (sum(sizes), width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    tokens = rng.integers(1, 77, sum(sizes)).tolist()
    owners = [owner for owner, size in enumerate(sizes) for _ in range(size)]
    found = pool(vectors, owners, tokens).values
    for owner in range(len(sizes)):
        total = np.zeros(width)
        for row, whose in enumerate(owners):
            if whose == owner:
                total += tokens[row] * vectors[row].astype(np.float64)
        np.testing.assert_allclose(found[owner], total / np.linalg.norm(total), atol=1e-6)


def test_a_single_window_keeps_its_vector_to_the_bit() -> None:
    vectors = np.eye(3, dtype=np.float32)
    np.testing.assert_array_equal(pool(vectors, [0, 1, 2], [5, 6, 7]).values, vectors)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ("a dog", "one string"),
        (["a", " \n"], "text 1 is blank"),
        (["a", None], "text 1 is a NoneType"),
        (["a" * 1_000_001], "1,000,001 characters"),
    ],
)
def test_what_is_no_text(texts: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        readable(texts)  # type: ignore[arg-type]


def test_a_file_name_that_is_not_unicode_can_be_read() -> None:
    assert readable(["caf\udce9"]) == ["caf?"]
