"""CroQS's measures against plain loops, and its file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from openitr.datasets.croqs import load_croqs
from openitr.errors import DatasetError, InputError, ShapeError
from openitr.evaluate.metrics.rouge import rouge_l, rouge_n
from openitr.evaluate.suggestion import SuggestionEvaluator, jaccard, mean
from tests.search.fakes import AXES, ColourEncoder, TermEncoder

ENCODER = ColourEncoder()


def gallery(n: int = 150, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = ENCODER.encode_texts([AXES[at % 4] for at in range(n)]).values + rng.normal(0, 0.4, (n, 5))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_measures_equal_plain_loops() -> None:
    images = gallery()
    groups = [np.arange(0, 40, 4), np.arange(1, 60, 4)]
    suggested = ["red thing", "blue"]
    for text, own, got in zip(
        suggested, groups, SuggestionEvaluator(images, ENCODER).each("thing", suggested, groups), strict=True
    ):
        vector = ENCODER.encode_texts([text]).values[0]
        scores = [float(image @ vector) for image in images]
        order = sorted(range(len(images)), key=lambda at: (-scores[at], at in own))
        results = [at for at in order if at in groups[0] or at in groups[1]]
        hits = [place for place, at in enumerate(order[:100], 1) if at in own]
        assert got.closed_recall == pytest.approx(sum(at in own for at in results[: len(own)]) / len(own))
        assert got.recall == pytest.approx(len(hits) / len(own))
        assert got.average_precision == pytest.approx(np.mean([n / place for n, place in enumerate(hits, 1)]))
        gains = sum(1 / np.log2(place + 1) for place in hits if place <= 10)
        assert got.ndcg == pytest.approx(gains / sum(1 / np.log2(place + 1) for place in range(1, 11)))
        assert got.fit == pytest.approx(np.mean([scores[at] for at in own]), abs=1e-5)


def test_the_query_itself_is_as_near_as_can_be() -> None:
    images = gallery()
    scores = SuggestionEvaluator(images, ENCODER).score("red", ["red", "red"], [np.arange(4), np.arange(4, 8)])
    assert scores.jaccard == 1.0 and scores.similarity == pytest.approx(1.0)
    assert scores.closed_recall < 1.0


def test_ties_count_against_the_group() -> None:
    images = np.tile(gallery(1), (10, 1))
    one = SuggestionEvaluator(images, ENCODER).each("red", ["red", "red"], [np.arange(5), np.arange(5, 10)])[0]
    assert one.closed_recall == 0.0


def test_jaccard_of_words() -> None:
    assert jaccard("a dog", "a dog in snow") == 0.5
    assert jaccard("", "") == 1.0


def test_senseless_calls() -> None:
    evaluator = SuggestionEvaluator(gallery(10), ENCODER)
    for groups in ([np.arange(3)], [np.arange(3), np.arange(0)], [np.arange(3), np.arange(8, 12)]):
        with pytest.raises(InputError):
            evaluator.each("red", ["red", "blue"], groups)
    with pytest.raises(InputError):
        mean([])
    with pytest.raises(ShapeError):
        SuggestionEvaluator(gallery(10), TermEncoder()).each("red", ["red"], [np.arange(3)])


ROW = {"query": "dogs", "clusters": {"1": {"items": [9, 5, 9], "caption": "dogs in snow"}}}


def test_croqs_is_read(tmp_path: Path) -> None:
    path = tmp_path / "croqs.json"
    path.write_text(json.dumps([ROW]))
    (one,) = load_croqs(path)
    assert (one.query, one.items) == ("dogs", (9, 5))
    assert (one.groups[0].name, one.groups[0].items, one.groups[0].caption) == ("1", (9, 5), "dogs in snow")


@pytest.mark.parametrize(
    "document",
    [
        {},
        [3],
        [{**ROW, "query": " "}],
        [{**ROW, "query": 3}],
        [{**ROW, "clusters": []}],
        [{**ROW, "clusters": {"1": {"items": ["a"], "caption": "x"}}}],
        [{**ROW, "clusters": {"1": {"items": [True], "caption": "x"}}}],
        [{**ROW, "clusters": {"1": {"items": [-1], "caption": "x"}}}],
        [{**ROW, "clusters": {"1": {"items": [1]}}}],
    ],
)
def test_junk_names_the_place(document: object, tmp_path: Path) -> None:
    path = tmp_path / "croqs.json"
    path.write_text(json.dumps(document))
    with pytest.raises(DatasetError, match=r"croqs\.json"):
        load_croqs(path)


def test_a_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="github"):
        load_croqs(tmp_path / "none.json")


def test_rouge_by_hand() -> None:
    # shared: the, cat (the twice in one, once in the other)
    got = rouge_n("the cat and the hat", "the cat sat")
    assert (got.recall, got.precision) == (pytest.approx(2 / 3), pytest.approx(2 / 5))
    assert got.f1 == pytest.approx(0.5)
    assert rouge_l("a c b", "a b c").recall == pytest.approx(2 / 3)
    assert rouge_n("", "x").f1 == rouge_l("x", "").f1 == 0.0
    with pytest.raises(InputError):
        rouge_n("a", "b", 0)
