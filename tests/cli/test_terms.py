"""``openitr terms`` on a tiny model: JSON, table, what two sides share, and calls that are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from openitr.cli.app import app
from openitr.cli.terms import shared
from tests.encoders.tiny import onnx_folder
from tests.encoders.tiny_lexicon import WORDS, lexicon_folder


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(lexicon_folder(tmp_path / "model"))


@pytest.fixture
def picture(tmp_path: Path) -> str:
    path = tmp_path / "a[b].png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 7, 3), dtype=np.uint8)).save(path)
    return str(path)


def test_json_has_words_by_weight_and_what_they_add_up_to(model: str, picture: str) -> None:
    found = CliRunner().invoke(app, ["terms", picture, "--text", "two dogs", "--model", model, "--json"])
    assert found.exit_code == 0, found.output
    answer = json.loads(found.stdout)
    (seen,), (told,), (both,) = answer["pictures"], answer["texts"], answer["shared"]
    assert seen["picture"] == "a[b].png" and told["text"] == "two dogs"
    for read in (seen["terms"], told["terms"]):
        weights = [term["weight"] for term in read]
        assert weights == sorted(weights, reverse=True) and {term["word"] for term in read} <= set(WORDS)
        # All words are shown, rounded to four digits: together they have length 1.
        assert sum(w * w for w in weights) == pytest.approx(1, abs=1e-3)
    assert {"two", "dogs"} <= {term["word"] for term in told["terms"]}
    by_word = ({t["word"]: t["weight"] for t in seen["terms"]}, {t["word"]: t["weight"] for t in told["terms"]})
    assert both["score"] == pytest.approx(sum(w * by_word[1].get(word, 0) for word, w in by_word[0].items()), abs=1e-3)
    assert both["score"] == pytest.approx(sum(term["adds"] for term in both["terms"]), abs=1e-4)


def test_tables_show_names_as_they_are_and_keep_to_n(model: str, picture: str) -> None:
    found = CliRunner().invoke(app, ["terms", picture, "--text", "grass", "--model", model, "-n", "1"])
    assert found.exit_code == 0, found.output
    assert "a[b].png" in found.output and "grass" in found.output and "█" in found.output
    assert sum("█" in line for line in found.output.splitlines()) == 2


def test_shared_words_are_products_largest_first() -> None:
    one, other = [("a", 0.9), ("b", 0.3), ("c", 0.1)], [("b", 0.8), ("a", 0.2), ("d", 0.5)]
    assert [(w, round(p, 3)) for w, _, _, p in shared(one, other)] == [("b", 0.24), ("a", 0.18)]
    assert shared(one, []) == []


@pytest.mark.parametrize("words", [[], ["--text", "x", "-n", "0"], ["--text", "  "], ["gone.jpg"], ["/"]])
def test_wrong_calls_exit_with_two(model: str, words: list[str]) -> None:
    found = CliRunner().invoke(app, ["terms", *words, "--model", model])
    assert found.exit_code == 2 and found.stdout == "" and "try:" in found.stderr


def test_words_where_a_picture_is_wanted_are_told_of(model: str) -> None:
    assert "--text" in CliRunner().invoke(app, ["terms", "two dogs on grass", "--model", model]).stderr


def test_a_dense_model_has_no_words(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["terms", "--text", "a dog", "--model", str(onnx_folder(tmp_path / "dense"))])
    assert found.exit_code == 2 and "no words" in found.output
