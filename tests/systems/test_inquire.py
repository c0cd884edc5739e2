from __future__ import annotations

import numpy as np
import pytest

from openitr.datasets.scenes import Exists, What, World, holds
from openitr.systems import inquire
from openitr.systems.card import Budget


def test_by_hand() -> None:
    assert all(check.passed for check in inquire._by_hand())


def test_the_oracle_errs_as_often_as_it_is_told() -> None:
    scenes = [World(kinds=inquire.KINDS, colours=inquire.COLOURS, things=(1, 3)).sample(seed) for seed in range(200)]
    queries = {f"{colour} {kind}": Exists(What(kind, colour)) for kind in inquire.KINDS for colour in inquire.COLOURS}
    oracle = inquire.SceneOracle(scenes, queries, 0.2, 0)
    wrong = [
        oracle(query, f"s{i}") != holds(scene, what)
        for query, what in queries.items()
        for i, scene in enumerate(scenes)
    ]
    # 4,000 answers leave a share of 0.2 uncertain by 0.006.
    assert np.mean(wrong) == pytest.approx(0.2, abs=0.02)
    assert oracle("red circle", "s3") == oracle("red circle", "s3")


@pytest.mark.slow
def test_the_card_and_a_reranker_that_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inquire.CARD.experiment(Budget(60)).shown

    class Idle(inquire.YesNoReranker):
        def rerank(self, run, queries=None, name=""):  # type: ignore[no-untyped-def]
            return run

    monkeypatch.setattr(inquire, "YesNoReranker", Idle)
    outcome = inquire.CARD.experiment(Budget(60))
    assert [check.passed for check in outcome.checks] == [True, True, True, True, False]
