"""Words and their forms: what counts as the same, and what says nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.search.forms import STOP, content, singular, stem, topics, words_of


@pytest.mark.parametrize(
    "forms",
    ["dog dogs", "run runs running", "play plays played playing", "man men", "child children kids", "beach beaches"],
)
def test_forms_of_a_word_have_one_stem(forms: str) -> None:
    assert len({stem(word) for word in forms.split()}) == 1


@pytest.mark.parametrize(("one", "other"), [("dog", "cat"), ("bus", "bust"), ("grass", "grape"), ("car", "cart")])
def test_different_words_keep_different_stems(one: str, other: str) -> None:
    assert stem(one) != stem(other) and singular(one) != singular(other)


def test_a_verb_is_no_plural() -> None:
    assert singular("running") == "running" and stem("running") == "run"


def test_what_people_say_alike_has_the_same_content() -> None:
    assert content("Two dogs run on the beach") == content("dog running, beach, two")
    assert content("without people") != content("people"), "what is missing says something"
    assert topics("Two dogs without a ball") == {"dog", "ball"}


@given(st.text(max_size=80))
def test_any_text_is_taken(text: str) -> None:
    words = words_of(text)
    assert all(word == word.lower() and word.strip() for word in words)
    assert topics(text) == {singular(word) for word in words if word not in STOP}
    assert all(content(text)) and len(content(text)) <= len(text)
