"""Hubs and antihubs: pictures that come up for everything, and pictures that never come up.

Radovanovic, Nanopoulos & Ivanovic 2010, "Hubs in Space" (JMLR 11), section 2: the skewness of the number of queries
that have an item among their k nearest. What the cures of :mod:`openitr.search.hubness` do to it stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.errors import InputError, ShapeError
from openitr.search.hubness import METHODS, Unhub


@dataclass(frozen=True)
class Hubness:
    """How evenly the first k places are shared out.

    Args:
        k: Length of the answers.
        skew: Skewness of the occurrences; 0 for a symmetric spread, 1 and more means hubs.
        antihubs: Share of pictures that no query finds.
        expected_antihubs: The same if places were given out at random: (1 - k/n) ** queries.
        greedy: Share of all places that the 1% most frequent pictures take (at least one picture).
        most: Most places of one picture, as a share of the queries.
    """

    k: int
    skew: float
    antihubs: float
    expected_antihubs: float
    greedy: float
    most: float


def occurrences(scores: npt.NDArray[np.floating], k: int = 10) -> Ints:
    """(n,) how many queries have each item among their first k; equal scores go to the lower row.

    Args:
        scores: (q, n).
        k: 1 to n.

    >>> occurrences(np.array([[0.9, 0.5, 0.1], [0.8, 0.1, 0.3]]), k=1).tolist()
    [2, 0, 0]
    """
    if scores.ndim != 2 or not 1 <= k <= scores.shape[1]:
        raise InputError(f"k is {k} for scores of shape {scores.shape}", "use 1 to the number of items")
    first = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.bincount(first.ravel(), minlength=scores.shape[1]).astype(np.int64)


def hubness(scores: npt.NDArray[np.floating], k: int = 10) -> Hubness:
    """Hubness of (q, n) scores.

    >>> even = hubness(np.eye(5), k=1)
    >>> even.skew, even.antihubs, even.most
    (0.0, 0.0, 0.2)
    """
    counts = occurrences(scores, k)
    queries, items = scores.shape
    spread = float(counts.std())
    skew = float(((counts - counts.mean()) ** 3).mean() / spread**3) if spread else 0.0
    top = np.sort(counts)[::-1][: max(1, items // 100)]
    return Hubness(
        k,
        skew,
        float((counts == 0).mean()),
        float((1 - k / items) ** queries),
        float(top.sum() / max(1, counts.sum())),
        float(counts.max() / queries),
    )


@dataclass(frozen=True)
class Cure:
    """What one cure does on queries that are not in its bank.

    Args:
        name: "none", "nnn" or "qb-norm".
        hubness: After it.
        recall: R@1, share of queries, a tie against the model.
    """

    name: str
    hubness: Hubness
    recall: float


def cures(images: Floats, texts: Floats, owners: Ints, k: int = 10, seed: int = 0) -> list[Cure]:
    """Hubness and recall without and with each cure, text to picture.

    Half of the pictures lend their texts as the bank and then step aside; the texts of the other half ask among their
    own pictures. A bank of texts whose own pictures are searched would push those down, and so flatter the cure.

    Args:
        images: (n, d) unit vectors.
        texts: (m, d) unit vectors.
        owners: (m,) row of the picture of each text.
        k: Of the hubness, lowered to a fifth of the pictures where there are few.
        seed: Of the halving.

    Raises:
        ShapeError: Fewer than ten pictures.
    """
    n = len(images)
    if n < 10:
        raise ShapeError(f"{n} pictures", "give ten or more: half of them lend their texts as the bank")
    lent = np.zeros(n, bool)
    lent[np.random.default_rng(seed).permutation(n)[: n // 2]] = True
    k = max(1, min(k, int((~lent).sum()) // 5))
    searched = images[~lent]
    bank, asked = texts[lent[owners]] @ searched.T, texts[~lent[owners]] @ searched.T
    own = (np.cumsum(~lent) - 1)[owners[~lent[owners]]]
    found = [Cure("none", hubness(asked, k), _recall(asked, own))]
    for method in METHODS:
        better = Unhub(method)(asked, bank)
        found.append(Cure(method, hubness(better, k), _recall(better, own)))
    return found


def _recall(scores: Floats, own: Ints) -> float:
    rows = np.arange(len(scores))
    right = scores[rows, own]
    others = scores.copy()
    others[rows, own] = -np.inf
    return float((right > others.max(axis=1) + 1e-7).mean())
