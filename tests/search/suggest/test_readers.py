"""Which model reads which language, and what is said of it."""

from __future__ import annotations

import pytest

from openitr.search.kinds import MODEL_OF
from openitr.search.suggest import foreign

READ = {
    "zwei Hunde auf der Wiese": "German",
    "une femme avec un chien": "French",
    "pes běží ve sněhu": "Czech",
    "海边的狗": "Chinese",
    "كلب على الشاطئ": "Arabic",
}


@pytest.mark.parametrize("text", READ)
def test_captioned_languages_are_sent_to_the_model_that_reads_them(text: str) -> None:
    for spec in (*MODEL_OF.values(), "conse"):
        told = foreign(text, spec)
        assert told is not None and told.reader == "multilingual"
        assert told.sentence.endswith(f"the model {spec} reads English, multilingual reads {READ[text]} too")
    assert foreign(text, "multilingual") is None


def test_of_other_languages_words_are_known_or_nothing() -> None:
    words = foreign("un perro en la playa", "default")
    assert words is not None and words.reader == "multilingual" and words.sentence.endswith("knows single words of it")
    nothing = foreign("바닷가의 개", "default")
    assert nothing is not None and nothing.reader is None and nothing.sentence.endswith("default reads English")
    for text, more in (("un perro en la playa", "single words of it only"), ("바닷가의 개", "does not read it")):
        told = foreign(text, "multilingual")
        assert told is not None and told.reader is None and told.sentence.endswith(more)


@pytest.mark.parametrize("text", ["two dogs on the grass", "Paris", "IMG_2041", "", "los angeles"])
def test_english_and_names_get_no_advice(text: str) -> None:
    assert foreign(text, "default") is None and foreign(text, "multilingual") is None


def test_nothing_is_said_of_models_that_are_not_shipped() -> None:
    assert foreign("zwei Hunde auf der Wiese", "transformers:some/model") is None
