"""What vectors hold, read by a linear probe, and whether the probe merely memorised.

Hewitt & Liang 2019, "Designing and Interpreting Probes with Control Tasks" (arXiv:1909.03368): selectivity is accuracy
less the accuracy of the same probe on labels that were shuffled among the same items, here both held out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openitr.embeddings import Floats, Ints
from openitr.errors import InputError, ShapeError


@dataclass(frozen=True)
class Probe:
    """What a linear probe reads.

    Args:
        accuracy: On held-out items, share.
        control: The same after the training labels were shuffled.
        fit, control_fit: Accuracy on the items the probe was fitted to: a probe that fits shuffled labels as well as
            true ones is too strong to say anything.
        chance: Share of the most frequent label among the held-out items.
    """

    accuracy: float
    control: float
    fit: float
    control_fit: float
    chance: float

    @property
    def selectivity(self) -> float:
        """Accuracy less that of the control task."""
        return self.accuracy - self.control


def linear_probe(vectors: Floats, labels: Ints, *, ridge: float = 1e-2, held: float = 0.3, seed: int = 0) -> Probe:
    """Ridge regression from vectors to one-hot labels.

    Args:
        vectors: (n, d).
        labels: (n,) small numbers from 0.
        ridge: Weight decay, as a share of the mean squared length of the vectors.
        held: Share of items held out.
        seed: Of the split and the shuffling.

    Raises:
        ShapeError: Not one label each.
        InputError: Fewer than two labels, or than four items.

    >>> x = np.repeat(np.eye(4, dtype=np.float32), 20, axis=0)
    >>> linear_probe(x, np.repeat(np.arange(4), 20)).accuracy
    1.0
    """
    if len(vectors) != len(labels) or vectors.ndim != 2:
        raise ShapeError(f"vectors {vectors.shape}, {len(labels)} labels", "give one label per vector")
    if len(labels) < 4 or len(np.unique(labels)) < 2:
        raise InputError(f"{len(labels)} items with {len(np.unique(labels))} labels", "give four, and two labels")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    cut = max(1, round(held * len(labels)))
    out, seen = order[:cut], order[cut:]
    shuffled = labels.copy()
    shuffled[seen] = rng.permutation(labels[seen])
    scores = [_fit(vectors, told, seen, ridge) for told in (labels, shuffled)]
    right = [np.mean(s[out] == labels[out]) for s in scores]
    fitted = [np.mean(s[seen] == told[seen]) for s, told in zip(scores, (labels, shuffled), strict=True)]
    chance = np.bincount(labels[out]).max() / len(out)
    return Probe(float(right[0]), float(right[1]), float(fitted[0]), float(fitted[1]), float(chance))


def concept_direction(vectors: Floats, has: Ints) -> tuple[Floats, float]:
    """The direction along which items with a concept differ from those without, and how well it tells them apart.

    The difference of the two means (after Kim et al. 2018, arXiv:1711.11279, whose direction is a classifier's normal).

    Args:
        vectors: (n, d).
        has: (n,) 1 with the concept, 0 without.

    Returns:
        (d,) unit direction, and the AUC of the projections on it.

    Raises:
        InputError: All items have it, or none.
    """
    there = np.asarray(has, bool)
    if there.all() or not there.any():
        raise InputError("all items have the concept, or none", "give some of both")
    line = vectors[there].mean(axis=0) - vectors[~there].mean(axis=0)
    line = (line / max(float(np.linalg.norm(line)), 1e-12)).astype(np.float32)
    ahead = (vectors[there] @ line)[:, None] - (vectors[~there] @ line)[None, :]
    return line, float(((ahead > 0) + 0.5 * (ahead == 0)).mean())


def _fit(vectors: Floats, labels: Ints, seen: Ints, ridge: float) -> Ints:
    """Labels that a probe fitted on some rows gives to all."""
    x = vectors.astype(np.float64)
    x = np.column_stack([x - x[seen].mean(axis=0), np.ones(len(x))])
    hot = np.eye(int(labels.max()) + 1)[labels]
    weight = ridge * np.square(x[seen]).sum(axis=1).mean() * np.eye(x.shape[1])
    return np.asarray(
        (x @ np.linalg.solve(x[seen].T @ x[seen] + weight, x[seen].T @ hot[seen])).argmax(axis=1), np.int64
    )
