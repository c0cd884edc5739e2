"""A test double that answers from the scene itself, wrong at a settable rate. It is no model and never shown as one."""

from __future__ import annotations

import numpy as np

from openitr.datasets.scenes import BACKGROUNDS, COLOURS, KINDS, PATTERNS, SIZES, Question, Scene, Statement
from openitr.datasets.scenes import answer as true_answer
from openitr.datasets.scenes import holds as truly_holds

_ANSWERS = {
    "count": tuple(str(n) for n in range(9)),
    "exists": ("yes", "no"),
    "related": ("yes", "no"),
    "colour": COLOURS,
    "size": tuple(SIZES),
    "pattern": PATTERNS,
    "kind": KINDS,
    "background": BACKGROUNDS,
}


class SceneOracle:
    """Answers questions and judges statements.

    Args:
        error: Share of wrong answers, 0 to 1.
        seed: For which are wrong, and how.
    """

    def __init__(self, error: float = 0.0, seed: int = 0) -> None:
        self.error = error
        self.rng = np.random.default_rng(seed)

    def answer(self, scene: Scene, question: Question) -> str:
        true = true_answer(scene, question)
        if self.rng.random() >= self.error:
            return true
        wrong = [a for a in _ANSWERS[question.topic] if a != true]
        return wrong[int(self.rng.random() * len(wrong))]

    def holds(self, scene: Scene, statement: Statement) -> bool:
        return truly_holds(scene, statement) != (self.rng.random() < self.error)
