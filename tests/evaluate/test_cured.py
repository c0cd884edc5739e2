"""Cured rankings against plain loops, and the report that says what it counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings, LexiconEmbeddings
from openitr.errors import InputError, ShapeError
from openitr.evaluate import evaluate_embeddings
from openitr.evaluate.cured import Cured, rank_cured
from openitr.evaluate.ranks import Positives, rank_all
from openitr.search.hubness import METHODS, Unhub
from tests.search.fakes import ColourEncoder


def unit(count: int, seed: int) -> DenseEmbeddings:
    return DenseEmbeddings.normalise(np.random.default_rng(seed).standard_normal((count, 6)))


@given(seed=st.integers(0, 50), method=st.sampled_from(METHODS))
def test_ranks_of_cured_scores(seed: int, method: str) -> None:
    images, texts, bank = unit(7, seed), unit(9, seed + 100), unit(5, seed + 200)
    owner = np.random.default_rng(seed).integers(0, 7, 9)
    cure = Unhub(method, k=3)  # type: ignore[arg-type]
    made = rank_cured(texts, images, Positives.of_texts(owner), bank, cure)
    against = bank.score(images).astype(np.float64)
    for text in range(9):
        scores = texts.score(images)[text].astype(np.float64)
        better = scores.copy()
        for picture in range(7):
            if method == "nnn":
                better[picture] -= cure.alpha * sum(sorted(against[:, picture])[-3:]) / 3
            elif int(scores.argmax()) in {int(row.argmax()) for row in against}:
                total = sum(np.exp(cure.beta * s) for s in against[:, picture])
                better[picture] = np.log(np.exp(cure.beta * scores[picture]) / total)
        right = better[owner[text]]
        before = sum(better[p] >= right - 1e-5 for p in range(7) if p != owner[text])
        sure = all(abs(better[p] - right) > 1e-4 for p in range(7) if p != owner[text])
        assert not sure or made.first[text] == 1 + before


def test_without_a_bank_scores_stay() -> None:
    images, texts = unit(7, 1), unit(7, 2)
    right = Positives.of_texts(np.arange(7))
    plain, same = rank_all(texts, images, right), rank_cured(texts, images, right, None, Unhub())
    assert plain.first.tolist() == same.first.tolist()
    np.testing.assert_allclose(plain.average_precision, same.average_precision)


def test_a_hub_is_cured_and_the_report_says_how() -> None:
    """Every picture lies in its own direction; picture 0 lies along what all texts share, and comes first for all."""
    base = np.eye(6, dtype=np.float32)
    shared = np.ones(6, np.float32)
    images = DenseEmbeddings.normalise(np.vstack([shared * 2, base[1:] + 0.1]))
    texts = DenseEmbeddings.normalise(base[1:] * 0.6 + shared)
    bank = DenseEmbeddings.normalise(shared + np.random.default_rng(0).normal(0, 0.1, (20, 6)))
    owner = np.arange(1, 6)
    plain = evaluate_embeddings(images, texts, owner, samples=0)
    cured = Cured(Unhub(k=5, alpha=1), bank, None, "a test")
    better = evaluate_embeddings(images, texts, owner, samples=0, cured=cured)
    assert plain.t2i["R@1"] == 0 and better.t2i["R@1"] == 100
    assert plain.i2t == better.i2t, "image to text has no bank"
    said = better.to_json()["protocol"]["unhub"]
    assert said["method"] == "nnn" and said["bank"] == {"t2i": "20 texts", "i2t": "not cured", "source": "a test"}
    assert "unhub" not in plain.to_json()["protocol"]


def test_banks_that_do_not_fit() -> None:
    from scipy.sparse import csr_matrix

    images = unit(3, 1)
    right = Positives.of_texts(np.arange(3))
    sparse = LexiconEmbeddings(csr_matrix(np.eye(6, dtype=np.float32)))
    for bank in (sparse, DenseEmbeddings(np.zeros((0, 6), np.float32))):
        with pytest.raises(ShapeError, match="a bank of"):
            rank_cured(images, images, right, bank, Unhub())
    with pytest.raises(InputError, match="ships no unrelated texts"):
        Cured.of(Unhub(), ColourEncoder())
    given_ = Cured.of(Unhub(), ColourEncoder(), ["red", "green"])
    assert given_.facts()["bank"] == {"t2i": "2 texts", "i2t": "not cured", "source": "2 texts that were given"}


def test_the_default_model_brings_its_own_bank() -> None:
    from openitr import encoders

    cured = Cured.of(Unhub(), encoders.load("default"))
    assert cured.texts is not None and cured.images is not None and len(cured.texts) >= 100
