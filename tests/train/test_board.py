"""What TensorBoard will show."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from openitr.errors import MissingExtra
from openitr.objectives import InfoNCE
from openitr.train import Board, Plan, Trainer
from tests.train.conftest import small, vectors

pytest.importorskip("tensorboard")


def test_every_step_and_every_epoch_is_there(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    data = vectors(48)
    with Board(tmp_path / "curves") as board:
        trainer = Trainer(small(), InfoNCE(), Plan(epochs=3, batch=16, rate=1e-2, warmup=0.2), data, data)
        history = trainer.fit(progress=board)
    events = EventAccumulator(str(tmp_path / "curves"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"loss", "rate", "parts/i2t", "parts/t2i", "rsum"}
    loss = events.Scalars("loss")
    assert [event.step for event in loss] == list(range(1, 10))
    for row in history.rows:
        mean = sum(event.value for event in loss[int(row["step"]) - 3 : int(row["step"])]) / 3
        assert mean == pytest.approx(row["loss"], rel=1e-5)
    assert [event.value for event in events.Scalars("rate")] == pytest.approx(
        [trainer.plan.rate_at(step, 9) for step in range(9)]
    )
    told = {event.step: event.value for event in events.Scalars("rsum")}
    assert set(told) <= {4, 7} | {3, 6, 9}
    assert told[max(told)] == pytest.approx(history.rows[-1]["rsum"], rel=1e-5)


def test_without_tensorboard_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtra, match="tensorboard"):
        Board(tmp_path)
