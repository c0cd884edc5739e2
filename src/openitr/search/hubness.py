"""Pictures that come up for everything, and two ways of putting them in their place.

A hub scores high with every query. Both cures look at how a picture scores with a bank of queries that have nothing to
do with the one at hand, and cost nothing but that.

    nnn        s(q, v) - alpha * mean of the k best s(b, v) over the bank
    qb-norm    exp(beta s(q, v)) / sum over the bank of exp(beta s(b, v)), for queries whose best picture is the best of
               some query of the bank too; the others stay as they are

"Nearest Neighbor Normalization Improves Multimodal Retrieval" (Chowdhury et al. 2024, arXiv:2410.24114), section 3;
"Cross Modal Retrieval with Querybank Normalisation" (Bogolin et al. 2022, arXiv:2112.12777), dynamic inverted softmax.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Embeddings, Floats
from openitr.errors import InputError, ShapeError
from openitr.index.base import Index
from openitr.search.pipeline import Candidates, Column, Stage
from openitr.search.retrieve import dense, exact
from openitr.types import Query

Method = Literal["nnn", "qb-norm"]
METHODS: tuple[Method, ...] = ("nnn", "qb-norm")


@dataclass(frozen=True)
class Unhub:
    """A cure for hubs, ready to be applied to scores.

    Args:
        method: "nnn" or "qb-norm".
        k: How many of the bank's best scores count for "nnn".
        alpha: How much of their mean "nnn" takes away.
        beta: Inverse temperature of "qb-norm"; the paper's 20 is for cosines.

    Raises:
        InputError: An unknown method, or a number out of range.

    >>> bank = np.array([[0.9, 0.1], [0.9, 0.3]], np.float32)            # picture 0 scores high with everything
    >>> Unhub(k=2, alpha=1)(np.array([[0.8, 0.7]], np.float32), bank).round(2).tolist()
    [[-0.10000000149011612, 0.5]]
    """

    method: Method = "nnn"
    k: int = 16
    alpha: float = 0.75
    beta: float = 20.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(f"there is no cure {self.method!r} for hubs", "use " + " or ".join(METHODS))
        if self.k < 1 or self.alpha < 0 or self.beta <= 0:
            raise InputError(f"k {self.k}, alpha {self.alpha}, beta {self.beta}", "use k >= 1, alpha >= 0, beta > 0")

    def __call__(self, scores: npt.NDArray[np.floating], bank: npt.NDArray[np.floating]) -> Floats:
        """New scores.

        Args:
            scores: (q, n) of queries with pictures.
            bank: (b, n) of the bank's queries with the same pictures.

        Returns:
            (q, n) float32; comparable within a row only. Rows that "qb-norm" leaves alone keep their scores.

        Raises:
            ShapeError: Another number of pictures, or an empty bank.
        """
        if bank.ndim != 2 or scores.ndim != 2 or scores.shape[1] != bank.shape[1] or not len(bank):
            raise ShapeError(
                f"scores {scores.shape}, bank {bank.shape}", "both need the same pictures, the bank a query"
            )
        if self.method == "nnn":
            return np.asarray(scores - self.alpha * self.level(bank), np.float32)
        hubs = np.unique(bank.argmax(axis=1))
        touched = np.isin(scores.argmax(axis=1), hubs)
        return np.where(touched[:, None], self.beta * scores - self.level(bank), scores).astype(np.float32)

    def level(self, bank: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """(n,) how high each picture scores with the bank: what is taken away from its scores.

        For "nnn" the mean of the k best; for "qb-norm" the logarithm of the sum of exp(beta * score), so that the
        quotient of the paper becomes a difference with the same order.
        """
        values = bank.astype(np.float64)
        if self.method == "nnn":
            k = min(self.k, len(values))
            return np.asarray(np.partition(values, -k, axis=0)[-k:].mean(axis=0), np.float64)
        top = values.max(axis=0)
        return np.asarray(self.beta * top + np.log(np.exp(self.beta * (values - top)).sum(axis=0)), np.float64)


class Level(Stage):
    """Rank candidates by how far they score above what unrelated queries get from them: hubs fall back.

    Put it between ``Retrieve`` and ``Calibrate``; only candidates that were retrieved can rise.

    Args:
        index: The one that was searched.
        bank: Unrelated queries of the same model, embedded; a few hundred are enough.
        cure: Which, and how strong.

    Raises:
        ShapeError: An empty bank, or one of another kind than the index.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"candidates", "model scores"})

    def __init__(self, index: Index, bank: Embeddings, cure: Unhub | None = None) -> None:
        if not len(bank) or bank.kind != index.kind:
            raise ShapeError(f"a bank of {len(bank)} {bank.kind} queries", f"give some of kind {index.kind}")
        self.index, self.bank, self.cure = index, bank, cure or Unhub()
        self._hubs: npt.NDArray[np.int64] | None = None

    def __repr__(self) -> str:
        return f"Level({self.cure.method}, {len(self.bank)} queries)"

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        if not len(candidates):
            return candidates
        stored = self.index.vectors(candidates.ids)
        if isinstance(self.bank, DenseEmbeddings):
            against = self.bank.values @ dense(stored).T
        else:
            against = np.stack([exact(self.bank[row : row + 1], stored) for row in range(len(self.bank))])
        level = self.cure.level(against)
        if self.cure.method == "nnn":
            taken = -self.cure.alpha * (level - level.mean())
            return candidates.ranked(candidates.scores + taken, Column("level", taken, _say, (level,)))
        if int(candidates.ids[int(np.argmax(candidates.scores))]) not in self._known_hubs():
            return candidates
        taken = -(level - level.mean()) / self.cure.beta
        return candidates.ranked(candidates.scores + taken, Column("level", taken, _say, (level / self.cure.beta,)))

    def _known_hubs(self) -> npt.NDArray[np.int64]:
        """Ids that are the best answer to some query of the bank, found once."""
        if self._hubs is None:
            ranked = self.index.search(self.bank, 1)
            self._hubs = np.unique(np.concatenate([ranking.ids for ranking in ranked]))
        return self._hubs


def _say(taken: float, level: float) -> str:
    how = "more than most" if taken < 0 else "less than most"
    return f"unrelated queries find it {how} (level {level:.3f})"
