"""The exact cases of the card, that a wrong measure fails them, and the whole card when there is time."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.diagnose.source import SourceBias
from openitr.systems import Budget
from openitr.systems import invisible_relevance_bias as card


def test_the_exact_cases_hold() -> None:
    assert all(check.passed for check in card._exact())


def test_ties_for_one_side_fail_the_exact_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    def against_the_model(self: SourceBias, pool: np.ndarray, target: np.ndarray) -> dict[str, float]:
        rank = (pool >= target[:, None] - 1e-6).sum(axis=1)
        return {f"R@{k}": float(np.mean(rank <= k)) for k in self.ks} | {"nDCG": float(np.mean(1 / np.log2(rank + 1)))}

    monkeypatch.setattr(SourceBias, "_metrics", against_the_model)
    assert all(check.passed for check in card._exact()), "ties against both sides alike leave Delta at 0"

    def first_side_first(self: SourceBias, pool: np.ndarray, target: np.ndarray) -> dict[str, float]:
        at = pool.argmax(axis=1)
        hit = (pool[np.arange(len(pool)), at] == target) & (at < pool.shape[1] / 2)
        return {f"R@{k}": float(hit.mean()) + target.mean() * k for k in self.ks} | {"nDCG": float(hit.mean())}

    monkeypatch.setattr(SourceBias, "_metrics", first_side_first)
    assert not all(check.passed for check in card._exact())


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_on_stamps(real_data: object) -> None:
    pytest.importorskip("torch")
    outcome = card.experiment(Budget())
    assert all(check.passed for check in outcome.checks[:3])
