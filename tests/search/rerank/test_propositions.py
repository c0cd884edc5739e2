"""What a text denies is found where the construction is plain, and nothing else is touched."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.search.rerank.propositions import Proposition, split_propositions, wanted_and_not

PLAIN = {
    "a dog but no people": ("a dog", ("people",)),
    "a dog and no people": ("a dog", ("people",)),
    "dog, no people, on grass": ("dog, on grass", ("people",)),
    "a man with no shirt": ("a man", ("shirt",)),
    "A Dog BUT NO People": ("A Dog", ("People",)),
    "a dog but not on grass": ("a dog", ("on grass",)),
    "not a dog but a cat": ("a cat", ("a dog",)),
    "no dogs, only cats": ("only cats", ("dogs",)),
    "a dog, not a cat": ("a dog", ("a cat",)),
    "photos without people": ("photos", ("people",)),
    "a picture with no people in the background": ("a picture", ("people",)),
    "a beach but nobody swimming": ("a beach", ("people swimming",)),
    "a beach with no one": ("a beach", ("people",)),
    "a man not wearing a hat": ("a man", ("wearing a hat",)),
    "a man who isn't wearing a hat": ("a man", ("wearing a hat",)),
    "a dog that doesn't have a collar": ("a dog", ("a collar",)),
    "a person wearing no hat riding a bike": ("a person riding a bike", ("hat",)),
    "two dogs playing without a ball in the snow": ("two dogs playing in the snow", ("a ball",)),
    "a man without a hat or glasses on the beach": ("a man on the beach", ("a hat", "glasses")),
    "people playing but no dogs, cats or birds": ("people playing", ("dogs", "cats", "birds")),
    "a dog but no black and white cats": ("a dog", ("black and white cats",)),
    "street with no cars and a bicycle": ("street and a bicycle", ("cars",)),
    "a street but no cars, with two children": ("a street, with two children", ("cars",)),
    "a child except for boys": ("a child", ("boys",)),
    "a lake, no people and no boats": ("a lake", ("people", "boats")),
    'a sign that says "and no dogs" but no people': ('a sign that says "and no dogs"', ("people",)),
    "rock 'n' roll but no guitar": ("rock 'n' roll", ("guitar",)),
}
UNTOUCHED = [
    "a dog",
    "no people",
    "a no parking sign",
    'a sign that says "and no dogs"',
    "“a dog but no people”",
    "a dog not only on grass",
    "a train that is no longer in use",
    "a cat and nothing else",
    "a black and white dog",
    "a knot in a rope",
    "without",
    "but no",
    " not ",
    "a, not",
    "",
]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_constructions(text: str) -> None:
    assert wanted_and_not(text) == PLAIN[text]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_everything_else_stays_as_it_was_typed(text: str) -> None:
    assert wanted_and_not(text) == (text, ())


PIECES = (
    "a", "dog", "no", "not", "but", "and", "with", "without", ",", ".", '"', "'", "or", "is", "wearing", "on", "people",
    "\x00", "except", "in the picture", "n't",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join) | st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    wanted, denied = wanted_and_not(text)
    assert (wanted == text) if not denied else (wanted.strip() and all(one.strip() for one in denied))
    clauses = split_propositions(text)
    assert all(one.text.strip() for clause in clauses for one in clause)
    assert [clause[0].text for clause in clauses if clause[0].negated] == list(denied)
    assert bool(clauses) == bool(text.strip()) or not wanted.strip(" ,;.")


def test_long_texts_take_no_longer_than_people_wait() -> None:
    for text in ("a dog, no " * 90, ", " * 450, "a dog but no" + " " * 900, "not " * 240, "a " * 400 + "no"):
        start = time.perf_counter()
        wanted_and_not(text)
        split_propositions(text)
        assert time.perf_counter() - start < 1
    assert wanted_and_not("a dog but no people " * 100)[1] == ()


def test_clauses_and_alternatives() -> None:
    made = split_propositions("a dog or a cat, and two birds but no people")
    assert made == (
        (Proposition("a dog"), Proposition("a cat")),
        (Proposition("two birds"),),
        (Proposition("people", True),),
    )
    assert [str(one) for clause in made for one in clause][-1] == "not people"
    assert split_propositions("a black and white dog") == ((Proposition("a black and white dog"),),)
    assert split_propositions('a sign "a dog and a cat"') == ((Proposition('a sign "a dog and a cat"'),),)
