"""The SCaR questions, against counting by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from openitr.errors import InputError
from openitr.evaluate.scar import ScarEvaluator, ScarItem


def item(name: str, **wrong: list[str]) -> ScarItem:
    return ScarItem(np.zeros((4, 4, 3), np.uint8), (0, 0, 2, 2), f"{name} right", wrong)


ITEMS = [item("a", object=["a o1", "a o2"], scene=["a s"]), item("b", scene=["b s"]), item("c", object=["c o"])]
SCORES = {
    "a right": 0.5,
    "a o1": 0.4,
    "a o2": 0.7,
    "a s": 0.1,
    "b right": 0.9,
    "b s": 0.2,
    "c right": 0.3,
    "c o": 0.3,
}


def test_by_hand() -> None:
    report = ScarEvaluator(ITEMS)(lambda item, captions: [SCORES[caption] for caption in captions])
    assert report.accuracy == pytest.approx(100 / 3)  # b; a loses to o2, c ties
    assert report.against == {"object": 25.0, "scene": 100.0}  # (0 + 1/2) / 2 and (1 + 1) / 2
    assert report.questions == 3


def test_a_scorer_that_always_takes_the_first_is_caught() -> None:
    def first(item: ScarItem, captions: Sequence[str]) -> list[float]:
        return [-place for place, _ in enumerate(captions)]

    assert ScarEvaluator([item("z", object=["a", "b"]), item("y", object=["c"])])(first).accuracy == 0


def test_what_cannot_be() -> None:
    with pytest.raises(InputError):
        ScarEvaluator([])
    with pytest.raises(InputError):
        item("a", object=[])
    with pytest.raises(InputError):
        ScarEvaluator(ITEMS)(lambda item, captions: [1.0])
