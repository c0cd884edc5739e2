"""Queries that deny something: who answers is counted by hand, and whoever heeds the negation wins."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from openitr.embeddings import DenseEmbeddings
from openitr.errors import InputError
from openitr.evaluate.negation import THINGS, compare, evaluate_negation, gain, negation_queries, precision
from openitr.search.rerank import wanted_and_not
from tests.search.fakes import ColourEncoder, unit

COLOURS = {"red": "red", "a blue": "blue", "green": "green"}


def world() -> tuple[list[str], np.ndarray, DenseEmbeddings]:
    """Pictures with one or two colours, told in two captions each."""
    rng = np.random.default_rng(0)
    rows = np.full((90, 5), 0.05)
    texts, owners = [], []
    for row in range(90):
        shown = rng.permutation(3)[: rng.integers(1, 3)]
        rows[row, shown] += rng.uniform(0.8, 1.2, len(shown))
        for name in (shown[0], shown[-1]):
            texts.append(f"something {('red', 'green', 'blue')[name]}")
            owners.append(row)
    return texts, np.array(owners), unit(rows + rng.uniform(0, 0.05, rows.shape))


def test_answers_are_those_that_a_hand_count_finds() -> None:
    texts, owners, _ = world()
    queries = negation_queries(texts, owners, things=COLOURS)
    assert len(queries) == 6
    for query in queries:
        wanted, denied = query.wanted.removeprefix("a "), query.denied.removeprefix("a ")
        for row in range(90):
            said = " ".join(text for text, owner in zip(texts, owners, strict=True) if owner == row)
            assert query.answers[row] == (wanted in said and denied not in said)
            assert query.shows[row] == (denied in said)
        assert "no a " not in query.text


def test_every_query_is_read_as_what_it_asks() -> None:
    texts = [f"{name} {other}" for name in THINGS for other in THINGS for _ in range(3)]
    for query in negation_queries(texts, np.arange(len(texts)), least=3, split=0.0):
        wanted, denied = wanted_and_not(query.text)
        assert wanted == query.wanted
        assert [one.removeprefix("a ") for one in denied] == [query.denied.removeprefix("a ")]


def test_nonsense_and_too_little_are_left_out() -> None:
    texts = ["a dog and a man"] * 20 + ["a dog"] * 20 + ["a man"] * 20
    asked = {(q.wanted, q.denied) for q in negation_queries(texts, np.arange(60))}
    assert ("a man", "people") not in asked and ("people", "a man") not in asked
    assert ("a dog", "a man") in asked
    with pytest.raises(InputError, match="split about nothing"):
        negation_queries(texts[:25], np.arange(25))
    with pytest.raises(InputError, match="split about nothing"):
        negation_queries([], np.zeros(0, np.int64))


def test_precision_counts_and_intervals_hold_the_mean() -> None:
    texts, owners, _ = world()
    queries = negation_queries(texts, owners, things=COLOURS)
    perfect = {q.text: np.concatenate([np.flatnonzero(q.answers), np.flatnonzero(~q.answers)]) for q in queries}
    best = precision(queries, perfect.__getitem__, 10)
    worst = precision(queries, lambda text: perfect[text][::-1], 10)
    assert best.answers == 100 and best.shows == 0 and worst.answers == 0
    half = precision(queries, lambda text: np.concatenate([perfect[text][:5], perfect[text][-5:]]), 10)
    assert half.answers == pytest.approx(50) and half.low <= 50 <= half.high
    assert gain(best, worst) == (100, 100, 100)


def test_a_search_that_heeds_negation_beats_an_encoder_that_does_not() -> None:
    texts, owners, pictures = world()
    report = compare(negation_queries(texts, owners, things=COLOURS), ColourEncoder(), pictures)  # type: ignore[arg-type]
    assert report.typed.answers > report.plain.answers + 20
    assert report.typed.answers >= report.wanted.answers
    assert report.typed.shows < report.plain.shows
    columns, rows = report.table()
    assert [len(row) for row in rows] == [len(columns)] * 3
    document = json.loads(json.dumps(report.to_json()))
    assert document["gain"]["plain"][0] == pytest.approx(report.typed.answers - report.plain.answers, abs=0.01)
    assert document["queries"] == 6 and document["pictures"] == 90


def test_a_dataset_is_measured_whole_and_from_the_command_line(tmp_path: object, monkeypatch: object) -> None:
    from openitr import datasets

    rng = np.random.default_rng(1)
    colours = {"people": (250, 10, 10), "grass": (10, 250, 10), "water": (10, 10, 250)}
    from PIL import Image

    lines = []
    for row in range(60):
        shown = [list(colours)[int(at)] for at in rng.permutation(3)[: rng.integers(1, 3)]]
        picture = np.empty((8, 8, 3), np.uint8)
        picture[:, :4], picture[:, 4:] = colours[shown[0]], colours[shown[-1]]
        Image.fromarray(picture).save(tmp_path / f"{row}.png")  # type: ignore[operator]
        lines.append(json.dumps({"image": f"{row}.png", "texts": {"en": [" and ".join(shown)]}}))
    (tmp_path / "captions.jsonl").write_text("\n".join(lines))  # type: ignore[operator]

    class Told(ColourEncoder):
        def encode_texts(self, texts: list[str]) -> DenseEmbeddings:  # type: ignore[override]
            words = {"people": "red", "grass": "green", "water": "blue"}
            return super().encode_texts([" ".join(words.get(w, w) for w in text.split()) for text in texts])

    report = evaluate_negation(datasets.read(str(tmp_path)), Told(), k=5)  # type: ignore[arg-type]
    assert report.pictures == 60 and report.typed.answers > report.plain.answers

    import openitr.encoders
    from openitr.cli.app import app

    monkeypatch.setattr(openitr.encoders, "load", lambda spec, **options: Told())  # type: ignore[attr-defined]
    plain, document = (
        CliRunner().invoke(app, ["eval", str(tmp_path), "--task", "negation", *more]) for more in ((), ("--json",))
    )
    assert plain.exit_code == document.exit_code == 0, plain.output
    assert "search, as typed" in plain.output and "points" in plain.output
    assert json.loads(document.stdout)["queries"] == report.queries


@pytest.mark.real_data
@pytest.mark.slow
def test_on_photos_the_search_wins(real_data: object) -> None:
    """On 300 photos of Flickr8k val already; the figures in the docs are of all 1,000."""
    from pathlib import Path

    from openitr import datasets, encoders

    part = datasets.read(str(Path(str(real_data)) / "flickr8k")).split("val")[:300]
    report = evaluate_negation(part, encoders.load("default"))
    assert report.typed.answers > report.plain.answers + 10
