"""Words of a language that the default model does not read."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import openitr


def test_the_model_that_reads_the_words_is_named(collection: Path) -> None:
    german = openitr("search", collection, "ein roter Kreis", "-k", 1)
    assert german.code == 0 and "looks like German: --model multilingual reads it" in german.err
    # What it does not read, English, and a model that was chosen get no advice.
    for words in (["un perro rojo en la playa"], ["a red disc"], ["ein roter Kreis", "--model", "multilingual"]):
        assert "--model multilingual reads" not in openitr("search", collection, *words, "-k", 1).err


def test_the_advice_is_good(collection: Path) -> None:
    asked = openitr("search", collection, "ein roter Kreis", "--model", "multilingual", "-k", 3, "--json")
    assert asked.code == 0 and '"hits"' in asked.out
