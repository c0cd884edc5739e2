"""Spelling and languages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import InputError
from openitr.search.suggest import Speller, did_you_mean, tongue
from openitr.search.suggest.spelling import changes

COUNTS = {"beach": 5, "bench": 9, "dog": 20, "frisbee": 2, "mountain": 4, "skateboard": 3, "peach": 1}


def by_recursion(one: str, other: str) -> int:
    if not one or not other:
        return len(one) + len(other)
    best = min(
        by_recursion(one[1:], other) + 1,
        by_recursion(one, other[1:]) + 1,
        by_recursion(one[1:], other[1:]) + (one[0] != other[0]),
    )
    if len(one) > 1 and len(other) > 1 and one[0] == other[1] and one[1] == other[0]:
        best = min(best, by_recursion(one[2:], other[2:]) + 1)
    return best


@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
@settings(max_examples=60, deadline=None)
def test_changes_equal_the_definition(one: str, other: str) -> None:
    assert changes(one, other) == by_recursion(one, other) == changes(other, one)


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("baech", "beach"),
        ("bech", "bench"),  # beach is as near, and rarer
        ("dgo", "dog"),
        ("dug", None),  # a word of three letters is only put right where neighbours are swapped
        ("skatebord", "skateboard"),
        ("skatbord", "skateboard"),
        ("dogs", None),
        ("zebra", None),
        ("m0untain", None),
        ("ab", None),
    ],
)
def test_nearest_word(word: str, near: str | None) -> None:
    assert Speller(COUNTS).near(word) == near


@given(st.text("abcdefghmnopst", min_size=4, max_size=8))
@settings(max_examples=60, deadline=None)
def test_what_is_ruled_out_is_far(word: str) -> None:
    # The letters rule most words out; none of them may be one that is near enough.
    speller = Speller(COUNTS)
    most = 1 if len(word) < 7 else 2
    near = [known for known in COUNTS if by_loops(word, known) <= most]
    assert (speller.near(word) is not None) == bool(near and not speller.knows(word))


def by_loops(one: str, other: str) -> int:
    return changes(one, other)


def test_known_words_are_left_alone_and_nothing_is_read() -> None:
    def never() -> dict[str, int]:
        raise AssertionError("words were read though all are known")

    assert did_you_mean("a dog on the beach", never, lambda word: word in COUNTS) is None
    assert did_you_mean("a dog on the beaach", dict, lambda word: word in COUNTS) is None


def test_punctuation_stays() -> None:
    assert did_you_mean("Dog, (baech)!", lambda: COUNTS, lambda word: word in COUNTS) == "Dog, (beach)!"


def test_no_words_are_refused() -> None:
    with pytest.raises(InputError):
        Speller({})


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("zwei Hunde auf der Wiese", "German"),
        ("une femme avec un chien", "French"),
        ("un perro en la playa", "Spanish"),
        ("duas crianças na praia", "Portuguese"),
        ("dva psi běží na trávě", "Czech"),
        ("je ne sais quoi", None),
        ("psi", None),
        ("собака на пляже", "a language in Cyrillic letters"),
        ("海边的狗", "Chinese or Japanese"),
        ("犬が走る", "Japanese"),
        ("كلب على الشاطئ", "a language in Arabic letters"),
        ("two dogs on the grass", None),
        ("hat", None),
        ("Las Vegas at night", None),
        ("los angeles", None),
        ("basketball court", None),
        ("pies", None),
        ("berg", None),
        ("Berge", "German"),
        ("IMG_2041", None),
        ("", None),
        ("🙂", None),
    ],
)
def test_tongues(text: str, language: str | None) -> None:
    assert tongue(text) == language


@given(st.text(max_size=80))
@settings(max_examples=80)
def test_any_text_has_a_tongue_or_none(text: str) -> None:
    assert tongue(text) is None or tongue(text)


@pytest.mark.real_data
def test_captions_are_taken_for_what_they_are(real_data: object) -> None:
    import json
    from pathlib import Path

    lines = Path(str(real_data), "flickr8k", "captions.jsonl").read_text("utf-8").splitlines()[:300]
    said: dict[str, list[str]] = {"en": [], "de": [], "zh": [], "ar": [], "cs_translated": []}
    for line in lines:
        texts = json.loads(line)["texts"]
        for lang, captions in said.items():
            some = texts.get(lang) or []
            captions += [some] if isinstance(some, str) else some[:1]
    # English must not be called anything else; the others need only be noticed mostly.
    assert sum(tongue(text) is not None for text in said["en"]) <= 0.01 * len(said["en"])
    names = {"de": "German", "zh": "Chinese or Japanese", "ar": "a language in Arabic letters"}
    names["cs_translated"] = "Czech"
    for lang, name in names.items():
        found = [tongue(text) == name for text in said[lang]]
        assert len(found) > 20 and sum(found) > 0.7 * len(found), (lang, sum(found), len(found))
