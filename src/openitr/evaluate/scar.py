"""SCaR: a picture, a box, and which of several captions is about the thing in the box, in its scene.

Segmentation-and-scene caption retrieval (VIRTUE, Wang et al. 2025, arXiv:2510.00523): wrong captions change the object,
its relation, or the scene around it, so a model that sees the crop alone fails on the last two, and one that sees the
whole picture alone on the first. Accuracy is the benchmark's; the shares against each kind of change alone are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError
from openitr.types import ImageArray


@dataclass(frozen=True, eq=False)
class ScarItem:
    """One question.

    Args:
        image: (h, w, 3) uint8.
        box: (left, top, right, bottom) in pixels.
        right: The caption of the thing in the box.
        wrong: False captions by what was changed ("object", "relation", "scene"), any number of each.

    Raises:
        InputError: No wrong caption.
    """

    image: ImageArray
    box: tuple[float, float, float, float]
    right: str
    wrong: Mapping[str, Sequence[str]]

    def __post_init__(self) -> None:
        if not any(self.wrong.values()):
            raise InputError(f"{self.right!r} has no wrong caption", "there must be something to choose from")


@dataclass(frozen=True)
class ScarReport:
    """What a model came to, in percent.

    Args:
        accuracy: Questions whose right caption scores above every wrong one; ties count against the model.
        against: By kind of change, questions whose right caption scores above the wrong ones of that kind; a tie counts
            one half, so guessing among two is 50.
        questions: How many there were.
    """

    accuracy: float
    against: Mapping[str, float]
    questions: int


Scorer = Callable[[ScarItem, Sequence[str]], npt.ArrayLike]
"""A question and captions to a score for each caption."""


class ScarEvaluator:
    """Asks a model every question.

    Args:
        items: The questions.

    Raises:
        InputError: No question.

    >>> item = ScarItem(np.zeros((4, 4, 3), np.uint8), (0, 0, 2, 2), "a cat on a mat", {"object": ["a dog on a mat"]})
    >>> ScarEvaluator([item])(lambda item, captions: [len(caption) for caption in captions])     # a tie
    ScarReport(accuracy=0.0, against={'object': 50.0}, questions=1)
    """

    def __init__(self, items: Sequence[ScarItem]) -> None:
        if not items:
            raise InputError("no question", "there is nothing to measure")
        self.items = list(items)

    def __call__(self, scorer: Scorer) -> ScarReport:
        """Accuracy of a scorer; it sees the captions in no telling order."""
        hits, against = 0, dict[str, list[float]]()
        for item in self.items:
            captions = sorted({item.right, *(caption for some in item.wrong.values() for caption in some)})
            scores = np.asarray(scorer(item, captions), np.float64)
            if scores.shape != (len(captions),):
                raise InputError(f"{scores.shape} scores for {len(captions)} captions", "give one each")
            score = dict(zip(captions, scores.tolist(), strict=True))
            others = [score[caption] for caption in captions if caption != item.right]
            hits += score[item.right] > max(others)
            for kind, some in item.wrong.items():
                if some:
                    best = max(score[caption] for caption in some)
                    won = 1.0 if score[item.right] > best else 0.5 if score[item.right] == best else 0.0
                    against.setdefault(kind, []).append(won)
        shares = {kind: 100 * float(np.mean(won)) for kind, won in sorted(against.items())}
        return ScarReport(100 * hits / len(self.items), shares, len(self.items))
