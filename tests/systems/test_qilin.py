from __future__ import annotations

from pathlib import Path

import pytest

from openitr.systems import qilin
from openitr.systems.card import Budget


def test_what_needs_no_real_data() -> None:
    pytest.importorskip("pyarrow")
    checks = [*qilin._by_hand(), qilin._loader()]
    assert all(check.passed for check in checks), [check.measured for check in checks]


def test_the_check_fails_for_an_evaluation_that_leaves_requests_out(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator = qilin.SessionEvaluator
    monkeypatch.setattr(qilin, "SessionEvaluator", lambda ks, missing="skip": evaluator(ks, "skip"))
    assert not any(check.passed for check in qilin._by_hand())


@pytest.mark.slow
@pytest.mark.real_data
def test_the_card(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert qilin.CARD.experiment(Budget(60)).shown
    # A reranker that does not look at pictures does not pass.
    monkeypatch.setattr(qilin, "SessionReranker", lambda text, image=None: BLIND(text))
    outcome = qilin.CARD.experiment(Budget(60))
    assert [check.passed for check in outcome.checks] == [True, True, True, False, True, True]


BLIND = qilin.SessionReranker
