"""Words of a language that the default model does not read."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import openitr


def test_the_model_that_reads_the_words_is_named(collection: Path) -> None:
    german = openitr("search", collection, "ein roter Kreis", "-k", 1)
    assert german.code == 0
    assert "looks like German; the model default reads English, multilingual reads German too" in german.err
    assert german.err.count("--model multilingual") == 1
    # English gets no advice, nor does a model that reads the words.
    for words in (["a red disc"], ["ein roter Kreis", "--model", "multilingual"]):
        assert "looks like" not in openitr("search", collection, *words, "-k", 1).err


def test_what_a_model_does_not_read_is_said_of_that_model(collection: Path) -> None:
    spanish = openitr("search", collection, "un perro rojo en la playa", "-k", 1, "--model", "multilingual")
    assert "looks like Spanish; the model multilingual knows single words of it only" in spanish.err
    korean = openitr("search", collection, "빨간 원", "-k", 1)
    assert "looks like Korean; the model default reads English" in korean.err and "multilingual" not in korean.err


def test_suggest_says_the_same(collection: Path) -> None:
    told = openitr("suggest", collection, "ein roter Kreis").err
    assert "looks like German; the model default reads English, multilingual reads German too" in told


def test_the_advice_is_good(collection: Path) -> None:
    asked = openitr("search", collection, "ein roter Kreis", "--model", "multilingual", "-k", 3, "--json")
    assert asked.code == 0 and '"hits"' in asked.out
