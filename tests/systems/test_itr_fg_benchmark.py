"""Near distractors are harder, specific captions easier; and a pool of random pictures does not pass for near ones."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.datasets.pairs import PairDataset
from openitr.evaluate import fine_grained
from openitr.systems import Budget, itr_fg_benchmark
from openitr.systems.frozen import FrozenPairs


def clustered(n: int = 300) -> FrozenPairs:
    """Pictures in 100 tight clusters, a text near each picture: its neighbours are what confuses it."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(100, 24))
    images = centres[np.arange(n) % 100] + 0.15 * rng.normal(size=(n, 24))
    images = (images / np.linalg.norm(images, axis=1, keepdims=True)).astype(np.float32)
    texts = images + 0.12 * rng.normal(size=(n, 24)).astype(np.float32)
    texts = (texts / np.linalg.norm(texts, axis=1, keepdims=True)).astype(np.float32)
    owners = np.arange(n, dtype=np.int64)
    return FrozenPairs(images, texts, owners, [str(i) for i in range(n)], ["x"] * n, PairDataset([]))


def test_near_distractors_cost_more_than_random_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(itr_fg_benchmark, "TARGETS", 90)
    assert itr_fg_benchmark._distractors(clustered(), 0).passed

    def any_pictures(targets: object, pool: object, per_target: int) -> np.ndarray:
        return np.sort(np.random.default_rng(1).choice(210, 60, replace=False))

    monkeypatch.setattr(fine_grained, "build_fg_pool", any_pictures)
    assert not itr_fg_benchmark._distractors(clustered(), 0).passed


def test_the_reader_takes_the_released_shapes() -> None:
    assert itr_fg_benchmark._loader().passed


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs_and_says_what_it_found(real_data: object) -> None:
    outcome = itr_fg_benchmark.experiment(Budget(300))
    assert outcome.measured["pictures in the pool"] == 31_244
    # Keywords make captions more specific, whatever they do to R@1.
    for model in ("default", "conse"):
        title, both = (outcome.measured[f"{model}: others that fit, title{more}"] for more in ("", " and keywords"))
        assert float(both) < float(title)
