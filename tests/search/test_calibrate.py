"""Closed forms and promises of the calibrated answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings, Embeddings, LexiconEmbeddings, TokenEmbeddings, nothing
from openitr.encoders import WEIGHTS
from openitr.errors import ModelError
from openitr.index.memory import MemoryIndex
from openitr.search.background import Background
from openitr.search.calibrate import (
    POOL,
    Calibrate,
    Calibration,
    Curve,
    calibration_of,
    thresholds,
    unsupervised,
)
from openitr.search.evidence import EVIDENCE, FREE, WORDS, Outdone, Usual, measure
from openitr.search.pipeline import Asked, Candidates
from openitr.search.retrieve import Retrieve
from openitr.types import Part, Query
from tests.search.fakes import unit

RNG = np.random.default_rng(7)
CURVE = Curve(-2.5, {**dict.fromkeys(EVIDENCE, 0.0), "stands": 1.5, "named": 0.6, "rivals": 0.3})
NOTHING = np.zeros(6)


def background(dim: int = 8, images: int = 50, texts: int = 40) -> Background:
    rng = np.random.default_rng(1)
    return Background(unit(rng.normal(size=(images, dim))), unit(rng.normal(size=(texts, dim))), "test")


def calibration(**changes: object) -> Calibration:
    made = Calibration(CURVE, CURVE, CURVE, 0.5, 0.2, "print-1", background())
    return replace(made, **changes)  # type: ignore[arg-type]


def test_evidence_is_what_its_names_say() -> None:
    # 0.0, 0.1, ... 0.4: quartiles 0.1 and 0.3, mean 0.2, variance 0.02; the best of them is 0.4.
    reference = np.linspace(0, 0.4, 5)
    rivals = np.stack([reference, reference + 0.1])
    scores = np.array([0.5, 0.2])
    found = measure(scores, Usual.of(rivals), reference, np.arange(1, 7) / 10, 2, 2000, np.array([0.7, -0.7]))
    columns = dict(zip(EVIDENCE, found.values.T, strict=True))
    spread = 0.02**0.5
    assert columns["stands"] == pytest.approx([0.1 * 1.349 / 0.2, -0.2 * 1.349 / 0.2])
    assert columns["named"] == pytest.approx([0.3 / spread, -0.1 / spread])
    assert columns["rivals"] == pytest.approx([0.1 / spread, -0.3 / spread])
    assert columns["alone"].tolist() == [0.7, -0.7]
    about = [columns[f"{which}_{n}"].tolist() for which in ("right", "wrong") for n in ("stands", "named", "alone")]
    assert about == [[n / 10] * 2 for n in range(1, 7)]
    assert columns["length"] == pytest.approx([np.log(3)] * 2)
    assert columns["size"] == pytest.approx([np.log(2)] * 2)
    assert found.beaten.tolist() == [1.0, 0.4]


def test_many_right_pictures_among_the_unrelated_do_not_widen_the_unit() -> None:
    """An eighth of the background shows it: the standard deviation grows by half, the quartiles hardly."""
    reference = np.random.default_rng(0).normal(size=200)
    mixed = np.concatenate([reference[:175], np.full(25, 4.0)])
    alone, beside = (measure(np.array([9.0]), Usual(*np.ones((3, 1))), r, NOTHING, 1, 100) for r in (reference, mixed))
    gap = [9 - np.sort(r)[-5:].mean() for r in (reference, mixed)]
    units = [g / e.values[0, 0] for g, e in zip(gap, (alone, beside), strict=True)]
    assert mixed.std() > 1.4 * reference.std() and units[1] < 1.25 * units[0]


def test_scores_that_are_mostly_zero_have_a_unit() -> None:
    """Term weights: the quartiles of a rare word are both 0."""
    reference = np.zeros(40)
    reference[:4] = 1.0
    found = measure(np.array([0.0, 2.0]), Usual(*np.ones((3, 2))), reference, NOTHING, 1, 100).values[:, 0]
    assert np.isfinite(found).all() and found[1] == pytest.approx((2 - 1) / (0.3 / 4))


def test_outdone_is_counted_where_it_is_asked_for() -> None:
    rivals = np.random.default_rng(0).normal(size=(90, 7))
    scores, asked = np.linspace(-1, 1, 90), list[int]()

    def of(ids: np.ndarray) -> np.ndarray:
        asked.extend(ids.tolist())
        return rivals[ids - 5]

    every = Outdone(of, np.arange(90) + 5, scores)
    shown = every[np.array([3, 2, 60])]
    assert [shown[row] for row in range(3)] == [float((rivals[r] < scores[r]).mean()) for r in (3, 2, 60)]
    assert asked == [8, 7, 65] and len(shown) == 3


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=20), rng.normal(size=(20, 30)), rng.normal(size=60)


@given(st.floats(0.1, 10), st.floats(-5, 5), st.integers(0, 50))
def test_scaling_and_shifting_every_score_changes_nothing(scale: float, shift: float, seed: int) -> None:
    scores, rivals, reference = drawn(seed)
    one = measure(scores, Usual.of(rivals), reference, NOTHING, 3, 100)
    s, r, f = (scale * a + shift for a in (scores, rivals, reference))
    two = measure(s, Usual.of(r), f, NOTHING, 3, 100)
    assert np.allclose(one.values, two.values, atol=1e-6)


@given(st.integers(0, 50), st.floats(0.0, 3.0))
def test_a_higher_score_is_likelier_and_changes_no_other(seed: int, more: float) -> None:
    scores, rivals, reference = drawn(seed)
    raised = scores.copy()
    raised[3] += more
    before, after = (
        CURVE.probabilities(measure(s, Usual.of(rivals), reference, NOTHING, 3, 100)) for s in (scores, raised)
    )
    assert after[3] >= before[3] and (np.delete(after, 3) == np.delete(before, 3)).all()


@pytest.mark.parametrize("name", ["default", "conse", "lexicon", "late"])
def test_no_shipped_weight_lets_a_better_score_speak_against_a_picture(name: str) -> None:
    document = json.loads((WEIGHTS / name / "calibration.json").read_text())
    for kind in ("words", "sentence", "image"):
        weights = document[kind]["weights"]
        assert set(weights) == set(EVIDENCE)
        assert all(weights[n] >= 0 for n in EVIDENCE if n not in FREE) and any(weights[n] > 0 for n in EVIDENCE[:4])
    assert 0 < document["maybe"] < document["likely"] < 1


def test_words_sentences_and_pictures_have_curves_of_their_own() -> None:
    words, sentence, image = (replace(CURVE, bias=float(b)) for b in range(3))
    made = calibration(words=words, sentence=sentence, image=image)
    assert [made.curve(n) for n in (0, 1, WORDS, WORDS + 1, 50)] == [image, words, words, sentence, sentence]


def test_the_expectation_is_linear_in_the_query() -> None:
    fitted = np.array([[1, 2, 0.5], [0, 1, -1], [0, 0, 3], [1, 0, 0], [0, 0, 0], [0, 0, 1]], np.float32)
    empty, query = nothing("dense", 2), DenseEmbeddings(np.array([[0.6, 0.8]], np.float32))
    made = Background(empty, empty, "test", expect_text=fitted)
    assert made.expected(query, by_image=False) == pytest.approx([2.7, -0.2, 3, 0.6, 0, 1])
    assert made.expected(query, by_image=True).tolist() == [0.0] * 6


def test_sentences_are_compared_with_sentences() -> None:
    short, long = unit(RNG.normal(size=(4, 3))), unit(RNG.normal(size=(2, 3)))
    made = Background(nothing("dense", 3), short, "test", sentences=long)
    assert [made.beside(n) for n in (0, 1, WORDS, WORDS + 1)] == [short, short, short, long]
    assert replace(made, sentences=None).beside(WORDS + 1) is short
    assert made.bank is long and replace(made, sentences=None).bank is short


def hits_of(images: np.ndarray, query: np.ndarray, made: Calibration | None, k: int = 10) -> Candidates:
    index = MemoryIndex("dense", images.shape[1])
    index.add(np.arange(len(images)), unit(images))
    encoder = SimpleNamespace(encode_texts=lambda texts: unit(query[None]), spec="fixed")
    query_ = Query([Part(text="x")], k=k)
    found = (Retrieve(index, encoder, pool=2 * POOL))(query_, Candidates(np.empty(0, np.int64), np.empty(0)))  # type: ignore[arg-type]
    return Calibrate(index, made)(query_, found)


def test_a_collection_like_the_background_has_nothing_likely_and_a_match_is() -> None:
    images = np.random.default_rng(3).normal(size=(60, 8))
    query = np.random.default_rng(4).normal(size=8)
    # Random pictures stand out by about 2 deviations at best; the curve needs more.
    quiet = hits_of(images, query, calibration())
    assert quiet.probabilities is not None and quiet.probabilities.max() < 0.5
    found = hits_of(np.concatenate([images, np.tile(query, (10, 1))]), query, calibration())
    assert found.probabilities is not None and found.ids[0] >= 60
    assert found.probabilities[0] > 0.5 > found.probabilities[-1]
    assert "unrelated pictures" in found.columns[-1].reason(0).text


def test_the_same_picture_everywhere_is_likely_by_the_reference_not_by_the_collection() -> None:
    """All scores equal: the collection itself says nothing, the reference does."""
    query = np.random.default_rng(4).normal(size=8)
    dogs = hits_of(np.tile(query, (30, 1)), query, calibration())
    assert dogs.probabilities is not None and dogs.probabilities.min() > 0.5
    guessed = hits_of(np.tile(query, (30, 1)), query, None)
    assert guessed.probabilities is not None and guessed.probabilities.max() < 0.5
    assert "no calibration" in guessed.columns[-1].reason(0).text
    assert any("no calibration" in note for note in guessed.notes)


def test_beyond_the_pool_nothing_is_likelier_than_its_last() -> None:
    rng = np.random.default_rng(5)
    found = hits_of(rng.normal(size=(POOL + 200, 8)), rng.normal(size=8), calibration(), k=POOL + 200)
    assert found.probabilities is not None
    assert found.probabilities[POOL:].max() <= found.probabilities[:POOL].min()


def test_the_first_part_of_a_model_is_heard_by_itself() -> None:
    """Two pictures of the same score, one by the first part and one by the second: the evidence tells them apart."""
    rng = np.random.default_rng(12)

    def beside(one: np.ndarray, two: np.ndarray) -> np.ndarray:
        return np.hstack([unit(one).values, unit(two).values]) / 2**0.5

    query = beside(*rng.normal(size=(2, 1, 6)))
    noise = beside(*rng.normal(size=(2, 20, 6)))
    halves = query[:, :6] * 2**0.5, query[:, 6:] * 2**0.5
    images = np.concatenate([beside(halves[0], -halves[1]), beside(-halves[0], halves[1]), noise])
    # Likely is what stands above the texts that fit best by the first part.
    heard = Curve(0.0, {**dict.fromkeys(EVIDENCE, 0.0), "alone": 1.0})
    reference = replace(background(12), alone=6)
    both = hits_of(images, query[0], calibration(words=heard, background=reference))
    deaf = hits_of(images, query[0], calibration(words=heard, background=replace(reference, alone=0)))
    assert both.probabilities is not None and deaf.probabilities is not None
    by_id = dict(zip(both.ids.tolist(), both.probabilities.tolist(), strict=True))
    assert by_id[0] > 0.5 > by_id[1] and by_id[0] == max(by_id.values())
    assert np.ptp(deaf.probabilities) == 0


def test_parts_are_averaged_by_weight_and_negatives_cost() -> None:
    images = np.random.default_rng(6).normal(size=(40, 8))
    index = MemoryIndex("dense", 8)
    index.add(np.arange(40), unit(images))
    a, b = unit(np.random.default_rng(8).normal(size=(2, 8)))[:1], unit(np.random.default_rng(9).normal(size=(1, 8)))
    ids = np.arange(40)
    vector = a.values

    def logits(*parts: tuple[float, object]) -> np.ndarray:
        asked = Asked([Part(text="x", weight=w) for w, _ in parts], len(parts), [r for _, r in parts], vector)  # type: ignore[misc]
        made = Candidates(ids, np.zeros(40), asked=asked)
        p = Calibrate(index, calibration())(Query(asked.parts), made).probabilities
        assert p is not None
        return np.log(p / (1 - p))

    assert np.allclose(logits((3, a), (1, b)), 0.75 * logits((1, a)) + 0.25 * logits((1, b)))


@given(st.floats(0.1, 10), st.floats(-5, 5))
def test_the_guess_without_calibration_ignores_scale_and_shift(scale: float, shift: float) -> None:
    rng = np.random.default_rng(2)
    scores, reference = rng.normal(size=30) + 3, rng.normal(size=200)
    one = unsupervised(scores, reference, 1000)
    two = unsupervised(scale * scores + shift, scale * reference + shift, 1000)
    assert np.allclose(one, two, atol=1e-6)


def test_the_guess_asks_more_of_larger_collections() -> None:
    reference = np.random.default_rng(2).normal(size=500)
    small, large = (unsupervised(np.array([3.5]), reference, n)[0] for n in (100, 100_000))
    assert small > large


def test_saved_and_read_back(tmp_path: Path) -> None:
    made = calibration(sentence=replace(CURVE, bias=1.0), image=replace(CURVE, bias=2.0), measured={"ece": 0.1})
    made.save(tmp_path / "calibration.json")
    read = Calibration.load(tmp_path / "calibration.json", 8)
    assert (read.words, read.sentence, read.image) == (CURVE, replace(CURVE, bias=1.0), replace(CURVE, bias=2.0))
    assert (read.likely, read.maybe) == (0.5, 0.2)
    assert read.measured == {"ece": 0.1}
    # int8 rows with a scale each: half a step of 1/127 of the largest value, over 8 dimensions.
    assert np.abs(read.background.images.values - made.background.images.values).max() < 0.01  # type: ignore[union-attr]
    assert read.background.texts.values.shape == (40, 8)  # type: ignore[union-attr]


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"format": 1}', '{"format": 4, "words": {}}'])
def test_damaged_files_are_model_errors(tmp_path: Path, damage: str) -> None:
    calibration().save(tmp_path / "calibration.json")
    (tmp_path / "calibration.json").write_text(damage)
    with pytest.raises(ModelError):
        Calibration.load(tmp_path / "calibration.json", 8)


def test_a_background_of_another_width_or_place_is_refused(tmp_path: Path) -> None:
    calibration().save(tmp_path / "calibration.json")
    with pytest.raises(ModelError, match="9 dimensions"):
        Calibration.load(tmp_path / "calibration.json", 9)
    document = json.loads((tmp_path / "calibration.json").read_text())
    document["background"] = "../background.npz"
    (tmp_path / "calibration.json").write_text(json.dumps(document))
    with pytest.raises(ModelError, match="outside"):
        Calibration.load(tmp_path / "calibration.json", 8)


@pytest.mark.parametrize(("alone", "kind"), [(8, "dense"), (-1, "dense"), (3, "lexicon")])
def test_a_part_that_is_no_part_is_refused(tmp_path: Path, alone: int, kind: Any) -> None:
    rows = unit(RNG.normal(size=(3, 8))) if kind == "dense" else sparse(RNG.normal(size=(3, 8)))
    Background(rows, rows, "test", alone=alone).save(tmp_path / "b.npz")
    with pytest.raises(ModelError, match="for a model"):
        Background.load(tmp_path / "b.npz", 8, kind)


def test_a_calibration_of_other_weights_is_not_used(tmp_path: Path) -> None:
    calibration().save(tmp_path / "calibration.json")
    manifest = SimpleNamespace(calibration=tmp_path / "calibration.json")
    mine = SimpleNamespace(kind="dense", dim=8, fingerprint="print-1", manifest=manifest)
    assert calibration_of(mine) is not None  # type: ignore[arg-type]
    old = json.loads((tmp_path / "calibration.json").read_text()) | {"format": 1}
    (tmp_path / "calibration.json").write_text(json.dumps(old))
    assert calibration_of(mine) is None  # type: ignore[arg-type]
    calibration().save(tmp_path / "calibration.json")
    mine.fingerprint = "print-2"
    assert calibration_of(mine) is None  # type: ignore[arg-type]
    assert calibration_of(SimpleNamespace(kind="dense", dim=8, fingerprint="x")) is None  # type: ignore[arg-type]
    assert thresholds(None) == (0.5, 0.2)


def test_nothing_found_is_nothing_calibrated() -> None:
    index = MemoryIndex("dense", 8)
    made = Calibrate(index, calibration())(
        Query([Part(text="x")]), Candidates(np.empty(0, np.int64), np.empty(0, np.float32))
    )
    assert made.probabilities is not None and len(made.probabilities) == 0


def sparse(rows: np.ndarray) -> LexiconEmbeddings:
    return LexiconEmbeddings(unit(np.maximum(rows, 0)).values)  # type: ignore[arg-type]


def bags(rows: np.ndarray) -> TokenEmbeddings:
    """Three tokens each."""
    tokens = unit(rows.reshape(-1, rows.shape[1])).values
    return TokenEmbeddings(np.repeat(tokens, 3, axis=0), 3 * np.arange(len(rows) + 1))


@pytest.mark.parametrize("make", [unit, sparse, bags], ids=["dense", "lexicon", "late"])
def test_every_kind_is_calibrated(make: Callable[[np.ndarray], Embeddings]) -> None:
    """A match is likely and noise is not, by the same curves, whatever the embeddings are."""
    rng = np.random.default_rng(3)
    query = rng.normal(size=(1, 24))
    noise, match = rng.normal(size=(60, 24)), np.tile(query, (10, 1)) + 0.2 * rng.normal(size=(10, 24))
    reference = Background(make(rng.normal(size=(50, 24))), make(rng.normal(size=(40, 24))), "test")
    made = calibration(background=reference)

    def best(rows: np.ndarray) -> np.ndarray:
        stored = make(rows)
        index = MemoryIndex(stored.kind, 24)
        index.add(np.arange(len(rows)), stored)
        encoder = SimpleNamespace(encode_texts=lambda texts: make(query), spec="fixed")
        ask = Query([Part(text="x")], k=len(rows))
        found = Retrieve(index, encoder)(ask, Candidates(np.empty(0, np.int64), np.empty(0)))  # type: ignore[arg-type]
        answer = Calibrate(index, made)(ask, found)
        assert answer.probabilities is not None and "no calibration" not in answer.columns[-1].reason(0).text
        return np.stack([answer.ids, answer.probabilities])

    ids, found = best(np.concatenate([noise, match]))
    assert set(ids[:10]) == set(range(60, 70))
    assert found[:10].min() > 0.5 and found[:10].min() > found[10:].max()
    # Without the match the same noise is hardly likelier than beside it: all that changes is the collection's size.
    assert best(noise)[1].max() < found[:10].min()


@pytest.mark.parametrize("make", [unit, sparse, bags], ids=["dense", "lexicon", "late"])
def test_a_background_of_any_kind_is_saved_and_read_back(
    tmp_path: Path, make: Callable[[np.ndarray], Embeddings]
) -> None:
    rng = np.random.default_rng(2)
    made = Background(
        make(rng.normal(size=(9, 6))), make(rng.normal(size=(5, 6))), "test", expect_text=np.ones((6, 7), np.float32),
        sentences=make(rng.uniform(0.1, 1, size=(3, 6))), alone=2 if make is unit else 0,
    )  # fmt: skip
    made.save(tmp_path / "b.npz")
    kind = made.images.kind
    read = Background.load(tmp_path / "b.npz", 6, kind)
    query = make(rng.normal(size=(1, 6)))
    # Half floats keep three digits, int8 rows half a step of 1/127.
    assert np.allclose(read.reference(query), made.reference(query), atol=0.02)
    assert read.expected(query, by_image=False).tolist() == made.expected(query, by_image=False).tolist()
    assert read.sentences is not None and len(read.sentences) == 3 and read.sentences.kind == kind
    assert read.alone == made.alone
    with pytest.raises(ModelError):
        Background.load(tmp_path / "b.npz", 7, kind)
    with pytest.raises(ModelError):
        Background.load(tmp_path / "b.npz", 6, "late" if kind == "lexicon" else "lexicon")
