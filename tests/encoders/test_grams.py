"""Texts as words and pieces of words: oracles in plain loops, scripts without spaces, input of any kind."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.encoders import grams


def plain_pieces(word: str) -> list[str]:
    """Every window of three to five characters of <word>, longest last, and the whole in front."""
    whole, found = "<" + word + ">", []
    for size in (3, 4, 5):
        for start in range(len(whole)):
            window = whole[start : start + size]
            if len(window) == size and window != whole:
                found.append(window)
    return [whole, *found]


@pytest.mark.parametrize("word", ["a", "ei", "hund", "stra", "strassenbahnen", "كلب"])
def test_pieces_are_all_windows(word: str) -> None:
    assert grams.pieces(word) == plain_pieces(word)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Straße", "STRASSE"),
        ("größer", "grosser"),
        ("fille à vélo", "Fille a velo"),
        ("dívka", "divka"),
        ("أولاد", "اولاد"),
        ("كُرَة", "كره"),
        ("كـــلب", "كلب"),
        ("ＤＯＧ", "dog"),
        ("cafe\u0301", "café"),
    ],
)
def test_what_people_leave_out_does_not_count(left: str, right: str) -> None:
    assert grams.folded(left) == grams.folded(right)


def test_scripts_without_spaces_are_read_by_the_character() -> None:
    assert grams.words("两只狗在草地上run, ok") == ["两只狗在草地上", "run", "ok"]
    assert grams.pieces("狗") == ["狗"]
    assert len(grams.pieces("两只狗在")) == 4 + 3 + 2


def test_kin_share_pieces() -> None:
    def share(a: str, b: str) -> float:
        left, right = set(grams.pieces(a)), set(grams.pieces(b))
        return len(left & right) / len(left | right)

    assert share("hunde", "hund") > share("hunde", "katze") == 0


def test_nothing_to_read() -> None:
    assert grams.words("  ... !? ___ ") == []
    assert grams.grams("-") == []


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    found = grams.words(text)
    assert all(found)
    for word in found:
        assert grams.pieces(word)[0] in {f"<{word}>", word[0]}
        assert not any(unicodedata.category(c) == "Mn" for c in word)
    plain = []
    for place, word in enumerate(found):
        plain += grams.pieces(word)
        if place:
            plain.append(found[place - 1] + " " + word)
    assert grams.grams(text) == plain
    sizes = [len(grams.pieces(word)) + (place > 0) for place, word in enumerate(found)]
    assert [len(each) for each in grams.in_order(found)] == sizes
