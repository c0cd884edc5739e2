"""Recall in both directions, ties counted against the model; no approximation, no library."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Recall:
    """R@1, R@5 and R@10 in percent for text-to-image and image-to-text."""

    t2i: tuple[float, float, float]
    i2t: tuple[float, float, float]

    @property
    def rsum(self) -> float:
        return sum(self.t2i) + sum(self.i2t)

    def __str__(self) -> str:
        t, i = (" / ".join(f"{v:.1f}" for v in side) for side in (self.t2i, self.i2t))
        return f"t2i {t}, i2t {i}, RSUM {self.rsum:.1f}"


def _at_k(ranks: np.ndarray) -> tuple[float, float, float]:
    a, b, c = (float((ranks < k).mean() * 100) for k in (1, 5, 10))
    return a, b, c


def recall(images: np.ndarray, texts: np.ndarray, owner: np.ndarray) -> Recall:
    """`owner[j]` is the row of the picture that text j describes.

    The rank of an answer is the number of wrong answers scored as high or higher.
    """
    scores = images.astype(np.float32) @ texts.astype(np.float32).T
    own = scores[owner, np.arange(len(owner))]
    t2i = (scores >= own[None]).sum(0) - 1
    right = owner[None] == np.arange(len(images))[:, None]
    best = np.where(right, scores, -np.inf).max(1)
    i2t = ((scores >= best[:, None]) & ~right).sum(1)
    return Recall(_at_k(t2i), _at_k(i2t))
