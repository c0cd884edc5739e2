"""What is read out of what people say."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import QueryError
from openitr.search.dialogue.reading import answered, read
from openitr.search.dialogue.turns import Question, Step

DOG = Question("Does it show a dog?", ("yes", "no"), 1.0, ("a dog", ""), ("", "a dog"))
WHERE = Question(
    "Where is it: a beach, a street?",
    ("a beach", "a street", "none of these"),
    1.0,
    ("on a beach", "on a street", ""),
    ("", "", ""),
)


def later(said: str, question: Question | None = None) -> Step:
    return read(said, question=question, shown=[10, 20, 30], first=False)


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ("more like the second one", Step(liked=(20,))),
        ("Like 3", Step(liked=(30,))),
        ("like #2, but at night", Step(("at night",), (), (20,))),
        ("the first is close", Step(liked=(10,))),
        ("not 2", Step(rejected=(20,))),
        ("not 2, 3 and 1", Step(rejected=(20, 30, 10))),
        ("not the second one", Step(rejected=(20,))),
        ("not at night", Step((), ("at night",))),
        ("no people", Step((), ("people",))),
        ("not 2 dogs", Step((), ("2 dogs",))),
        ("a dog but no people", Step(("a dog",), ("people",))),
        ("a dog and a cat", Step(("a dog and a cat",))),
        ("it was on a beach", Step(("on a beach",))),
        ("there is no snow", Step((), ("snow",))),
        ("it's not a cat, it is a dog", Step(("a dog",), ("a cat",))),
        ("it isn't raining", Step((), ("raining",))),
        ("there can't be any snow", Step((), ("snow",))),
        ("it can’t be indoors", Step((), ("indoors",))),
        ("it cannot be at night", Step((), ("at night",))),
        ("it can not be at night", Step((), ("at night",))),
        ("it won't have people", Step((), ("people",))),
        ("won't be at night", Step((), ("at night",))),
        ("it wouldn't show a cat", Step((), ("a cat",))),
        ("I don't want people", Step((), ("people",))),
        ("don't show me cars", Step((), ("cars",))),
        ("he isn't wearing a hat", Step((), ("a hat",))),
        ("they aren't children", Step((), ("children",))),
        ("no longer at night", Step((), ("at night",))),
        ("it is no longer raining", Step((), ("raining",))),
        ("without snow", Step((), ("snow",))),
        ("on grass without people", Step(("on grass",), ("people",))),
        ("a dog, it isn't black", Step(("a dog",), ("black",))),
        ("a dog, and there aren't any people", Step(("a dog",), ("people",))),
        ("a dog and it can't be indoors", Step(("a dog",), ("indoors",))),
        ("a dog but it doesn't have a collar", Step(("a dog",), ("a collar",))),
        # What somebody cannot do is no thing that is missing.
        ("a dog that can't swim", Step(("a dog that can't swim",))),
        ("a canned drink", Step(("a canned drink",))),
        ("like 3 dogs playing", Step(("3 dogs playing",))),
        ("something like 2 people", Step(("2 people",))),
        ("like 3 on grass", Step(("on grass",), (), (30,))),
        ("like 3, dogs playing", Step(("dogs playing",), (), (30,))),
        ("like 2 but darker", Step(("darker",), (), (20,))),
        ("like the 2nd with snow", Step(("with snow",), (), (20,))),
    ],
)
def test_corrections(said, step):
    assert later(said) == step


def test_the_first_words_are_no_answer_and_may_begin_with_no():
    assert read("no parking sign", question=None, shown=[], first=True) == Step(("no parking sign",))
    assert read("like 3 dogs playing", question=None, shown=[], first=True) == Step(("3 dogs playing",))
    assert read("something like 1 red car", question=None, shown=[], first=True) == Step(("1 red car",))
    with pytest.raises(QueryError, match="there is no hit 3"):
        read("like 3", question=None, shown=[], first=True)
    assert read("a dog without a leash", question=None, shown=[], first=True) == Step(("a dog",), ("a leash",))


@pytest.mark.parametrize(
    ("said", "question", "step"),
    [
        ("yes", DOG, Step(("a dog",))),
        ("Yes, a black one", DOG, Step(("a dog", "a black one"))),
        ("yes a black one", DOG, Step(("a dog", "a black one"))),
        ("no", DOG, Step(doubts=("a dog",))),
        ("no, a cat", DOG, Step(("a cat",), doubts=("a dog",))),
        ("no people", DOG, Step((), ("people",))),
        ("I don't know", DOG, Step()),
        ("not sure, it was dark", DOG, Step(("dark",))),
        ("beach", WHERE, Step(("on a beach",))),
        ("On a street!", WHERE, Step(("on a street",))),
        ("none of these", WHERE, Step()),
        ("neither", WHERE, Step()),
        ("yes", None, Step(("yes",))),
        ("two men talk", WHERE, Step(("two men talk",))),
    ],
)
def test_answers(said, question, step):
    assert later(said, question) == step


def test_an_answer_alone_needs_no_language_model():
    assert answered("yes", DOG, Step(("a dog",))) and answered("not 2", None, Step(rejected=(20,)))
    assert not answered("yes, and it is running", DOG, Step()) and not answered("two men", None, Step(("two men",)))


@pytest.mark.parametrize("said", ["", "  \n ", "like 4", "not 0", "more like the tenth one"])
def test_what_cannot_be_done_is_said(said):
    with pytest.raises(QueryError):
        later(said)


@given(st.text(max_size=200), st.booleans())
def test_any_words_are_read_or_refused_by_name(said, first):
    try:
        step = read(said, question=WHERE, shown=[1, 2], first=first)
    except QueryError:
        return
    assert all(text.strip() for text in (*step.adds, *step.avoids))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["and ", "but ", "not ", "like ", "1, ", "the ", "it is ", "no ", ", ", "with "])))
def test_no_sentence_takes_long_to_read(words):
    said = ("".join(words) * 100)[:2000] or "a"
    start = time.process_time()
    with suppress(QueryError):
        read(said, question=DOG, shown=[1], first=False)
    # Matching that goes back over and over would take seconds to hours.
    assert time.process_time() - start < 0.5
