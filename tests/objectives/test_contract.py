"""Every public objective passes the one battery and equals its oracle; none can be added without one."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import Tensor

import openitr.objectives as room
from openitr.objectives import Batch, Contrastive, Objective, Targets, check, constant
from openitr.objectives.contract import PROMISES, build, equals

PUBLIC = [
    thing
    for name in room.__all__
    if isinstance(thing := getattr(room, name), type) and issubclass(thing, Objective) and thing is not Objective
]
Oracle = Callable[[Objective, Batch], float]


def oracles() -> dict[type[Objective], Oracle]:
    """What the test files of this folder declare as ``ORACLES``."""
    found: dict[type[Objective], Oracle] = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if path.name != Path(__file__).name:
            found |= getattr(import_module(f"tests.objectives.{path.stem}"), "ORACLES", {})
    return found


@pytest.mark.parametrize("kind", PUBLIC, ids=lambda k: k.__name__)
@pytest.mark.parametrize("promise", PROMISES, ids=lambda p: p.__name__)
def test_every_objective_keeps_its_promises(kind: type[Objective], promise: Callable[[Objective], None]) -> None:
    promise(build(kind))


@pytest.mark.parametrize("kind", PUBLIC, ids=lambda k: k.__name__)
def test_every_objective_equals_its_oracle(kind: type[Objective]) -> None:
    assert kind in oracles(), f"declare ORACLES = {{{kind.__name__}: plain_loops}} in a test of this folder"
    equals(build(kind), oracles()[kind])


@pytest.mark.parametrize("kind", PUBLIC, ids=lambda k: k.__name__)
def test_every_objective_says_what_it_is(kind: type[Objective]) -> None:
    assert kind.__doc__ and ">>>" in kind.__doc__


class Wrong(Objective):
    """A loss whose flaw is chosen by name."""

    def __init__(self, flaw: str) -> None:
        super().__init__()
        self.flaw = flaw
        self.register_buffer("calls", torch.zeros(()))

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        scores = (batch.images[batch.owner] * batch.texts).sum(1)
        if self.flaw == "gradient":
            scores = scores * scores.detach()
        if self.flaw == "order":
            scores = scores * torch.arange(1, len(scores) + 1)
        if self.flaw == "one pair":
            scores = scores / (len(scores) - 1)
        if self.flaw == "duplicates" and len(scores) > 1:
            scores = scores + torch.pdist(batch.texts).min().log()
        if self.flaw == "leak":
            scores = scores * (batch.slow.images[batch.owner] * batch.texts).sum(1)
        if self.flaw == "memory":
            self.calls += 1
            scores = scores + self.calls
        return {"it": (1.0, scores, None)}


@pytest.mark.parametrize("flaw", ["gradient", "order", "one pair", "duplicates", "leak", "memory"])
def test_the_battery_finds_each_flaw(flaw: str) -> None:
    with pytest.raises((AssertionError, RuntimeError)):
        check(Wrong(flaw))


def test_the_battery_accepts_what_has_no_flaw() -> None:
    check(Wrong("none"), lambda _, batch: float((batch.images[batch.owner] * batch.texts).sum(1).mean()))


def test_the_battery_finds_a_stop_gradient_that_was_forgotten() -> None:
    """Targets must not carry gradient: here they do, because ``constant`` is not called."""

    class Leaky(Targets):
        def weights(self, batch: Batch, scores: Tensor) -> Tensor:
            return (scores.detach() * 3).softmax(1)

        def __call__(self, batch: Batch, scores: Tensor) -> Tensor:
            return self.weights(batch, scores)

    with pytest.raises((AssertionError, RuntimeError)):
        check(Contrastive(targets=Leaky()))

    class Sound(Leaky):
        def __call__(self, batch: Batch, scores: Tensor) -> Tensor:
            return constant(self.weights(batch, scores))

    check(Contrastive(targets=Sound()))


def test_a_wrong_oracle_is_noticed() -> None:
    with pytest.raises(AssertionError, match="oracle"):
        equals(build(room.InfoNCE), lambda _objective, _batch: 1.0)
