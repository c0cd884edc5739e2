"""Words and visual objects in one space, from counts: which things lie together, which words are said of them.

IMAGINATOR (Krishna et al. 2023, arXiv:2305.10438) joins three views of the objects of captioned pictures: things that
share a picture, words that share a picture with a thing, and the looks of a thing's crops. The first two are positive
pointwise mutual information, factored; the third maps crops to the words. A picture is the mean of its things, a
sentence the mean of its words, so retrieval, analogy and similarity are cosines. Needs no training beyond linear
algebra. The smoothing exponent is ours, and so is ridge regression for the third view (the paper trains a triplet
loss).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Floats
from openitr.errors import InputError, ShapeError

Record: TypeAlias = tuple[Sequence[str], Sequence[str], npt.NDArray[np.floating] | None]
"""The things in a picture, the words said of it, and (things, features) of their crops, or None."""
Matrix: TypeAlias = npt.NDArray[np.float64]

VIEWS = ("together", "words", "looks")


def ppmi(counts: npt.ArrayLike, alpha: float = 0.75) -> Matrix:
    """Positive pointwise mutual information with a smoothed context: ``max(0, log(P(a, b) / (P(a) P_alpha(b))))``.

    Args:
        counts: (n, m), how often a row and a column came together.
        alpha: ``P_alpha(b)`` is proportional to ``count(b) ** alpha``; below 1, rare columns count less.

    Raises:
        ShapeError: Not a matrix, a count below 0, or nothing counted.

    >>> ppmi([[2, 0], [0, 2]], alpha=1).round(3).tolist()                    # log(0.5 / 0.25)
    [[0.693, 0.0], [0.0, 0.693]]
    """
    table = np.asarray(counts, np.float64)
    if table.ndim != 2 or (table < 0).any() or not table.sum() > 0:
        raise ShapeError(f"counts of shape {table.shape} hold nothing to learn from", "give counts of 0 or more")
    rows, columns = table.sum(axis=1, keepdims=True), table.sum(axis=0, keepdims=True) ** alpha
    expected = rows / table.sum() * (columns / columns.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log((table / table.sum()) / expected)
    return np.where(table > 0, np.maximum(found, 0), 0)


def factored(matrix: Matrix, dim: int) -> tuple[Matrix, Matrix]:
    """Rows and columns of a matrix as vectors: ``U sqrt(S)`` and ``V sqrt(S)`` of its truncated SVD, (n, d) and (m, d).

    Fewer than ``dim`` where the rank is lower; signs are set so that each direction's largest entry is positive.
    """
    u, sizes, v = np.linalg.svd(matrix, full_matrices=False)
    kept = min(dim, int((sizes > 1e-10 * max(float(sizes[0]), 1e-300)).sum()))
    signs = np.sign(u[np.abs(u).argmax(axis=0), np.arange(u.shape[1])])
    scale = np.sqrt(sizes[:kept])
    return (u * signs)[:, :kept] * scale, (v.T * signs)[:, :kept] * scale


def procrustes(source: npt.ArrayLike, target: npt.ArrayLike) -> Matrix:
    """The rotation (or reflection) R that brings ``source @ R`` nearest to ``target``: rows of the same things.

    (Schoenemann 1966; the narrower side is padded with zeros first.)

    >>> turned = procrustes([[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [-1.0, 0.0]])
    >>> (np.array([[1.0, 0.0]]) @ turned).round(6).tolist()
    [[0.0, 1.0]]
    """
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if a.ndim != 2 or b.ndim != 2 or len(a) != len(b):
        raise ShapeError(f"rows of shape {a.shape} and {b.shape} do not belong together", "give the same things twice")
    width = max(a.shape[1], b.shape[1])
    a, b = _wide(a, width), _wide(b, width)
    u, _, v = np.linalg.svd(a.T @ b)
    rotation: Matrix = u @ v
    return rotation


@dataclass(frozen=True, eq=False)
class JointEmbedding:
    """Vectors of things and words; make one with :meth:`fit`.

    Args:
        names: Every name, things and words alike; what is both has one vector.
        vectors: (n, dim) float32 of length 1, in that order.
        views: The same by each view alone, for comparison.

    >>> records = [(["king", "crown"], ["a", "king"], None), (["queen", "tiara"], ["a", "queen"], None)]
    >>> joint = JointEmbedding.fit(records, dim=4)
    >>> joint.nearest("king", 1)
    ['crown']
    """

    names: Sequence[str]
    vectors: Floats
    views: Mapping[str, Floats]

    @classmethod
    def fit(cls, records: Sequence[Record], dim: int = 512, *, alpha: float = 0.75) -> JointEmbedding:
        """Count, factor, align, join.

        Args:
            records: One per picture.
            dim: Width of the vectors at most; fewer names give fewer dimensions.
            alpha: Of :func:`ppmi`.

        Raises:
            InputError: No record with a thing in it, or crops whose number or width differs.
        """
        things = sorted({thing for objects, _, _ in records for thing in objects})
        words = sorted({word for _, said, _ in records for word in said})
        if not things:
            raise InputError("no record has a thing in it", "give (things, words, crops) per picture")
        names = sorted({*things, *words})
        row = {name: at for at, name in enumerate(names)}
        views = {"together": np.zeros((len(names), dim)), "words": np.zeros((len(names), dim))}
        together, said = _counts(records, things, words)
        if together.sum():
            views["together"][[row[thing] for thing in things]] = _wide(factored(ppmi(together, alpha), dim)[0], dim)
        if said.sum():
            of_words, of_things = factored(ppmi(said, alpha), dim)
            views["words"][[row[word] for word in words]] = _wide(of_words, dim)
            # A name that is thing and word keeps both of its roles: their sum.
            np.add.at(views["words"], [row[thing] for thing in things], _wide(of_things, dim))
        views = {view: _unit(vectors) for view, vectors in views.items()}
        looks = _looks(records, {thing: views["words"][row[thing]] for thing in things})
        views["looks"] = np.zeros((len(names), dim))
        for thing, vector in looks.items():
            views["looks"][row[thing]] = vector
        views["looks"] = _unit(views["looks"])
        return cls(names, _joined(views, dim), {view: _floats(vectors) for view, vectors in views.items()})

    def alone(self, view: str) -> JointEmbedding:
        """The embedding of one view: "together", "words" or "looks"."""
        if view not in self.views:
            raise InputError(f"there is no view {view!r}", "use " + ", ".join(self.views))
        return JointEmbedding(self.names, self.views[view], {view: self.views[view]})

    def knows(self, name: str) -> bool:
        """Whether a name has a vector that says something."""
        return name in self.names and bool(np.any(self.vectors[self.names.index(name)]))

    def vector(self, name: str) -> Floats:
        """(dim,) of a thing or word.

        Raises:
            InputError: It was never seen.
        """
        if name not in self.names:
            raise InputError(f"{name!r} was never seen", "ask with .knows first")
        found: Floats = self.vectors[self.names.index(name)]
        return found

    def nearest(self, name: str, k: int = 10) -> list[str]:
        """The k nearest other names."""
        return self._ranked(self.vector(name), {name}, k)

    def analogy(self, a: str, b: str, c: str, k: int = 1) -> list[str]:
        """What is to ``c`` as ``b`` is to ``a``: the k names nearest to b - a + c, the three left out (3CosAdd)."""
        return self._ranked(self.vector(b) - self.vector(a) + self.vector(c), {a, b, c}, k)

    def embed(self, bags: Sequence[Sequence[str]]) -> DenseEmbeddings:
        """Bags of names, a picture's things or a sentence's words, as the mean of their vectors: (n, dim).

        Raises:
            InputError: A bag without a name that is known, by its position.
        """
        place = {name: at for at, name in enumerate(self.names)}
        total = np.zeros((len(bags), self.vectors.shape[1]), np.float64)
        for row, bag in enumerate(bags):
            for name in bag:
                if name in place:
                    total[row] += self.vectors[place[name]]
            if not np.linalg.norm(total[row]) > 1e-9:
                raise InputError(f"bag {row} has no name that is known: {list(bag)[:5]}", "leave it out")
        return DenseEmbeddings.normalise(total)

    def search(self, words: Sequence[str], pictures: DenseEmbeddings, k: int = 10) -> list[int]:
        """Rows of the k pictures nearest to some words."""
        scores = self.embed([words]).score(pictures)[0]
        return [int(row) for row in np.lexsort((np.arange(len(scores)), -scores))[:k]]

    def _ranked(self, vector: Floats, without: set[str], k: int) -> list[str]:
        scores = self.vectors @ (vector / max(float(np.linalg.norm(vector)), 1e-12))
        order = np.lexsort((np.arange(len(scores)), -scores))
        return [self.names[at] for at in order if self.names[at] not in without and np.any(self.vectors[at])][:k]


def _counts(records: Sequence[Record], things: Sequence[str], words: Sequence[str]) -> tuple[Matrix, Matrix]:
    """How often two things share a picture, and a word and a thing do; once per picture."""
    of_thing, of_word = ({name: at for at, name in enumerate(names)} for names in (things, words))
    together, said = np.zeros((len(things), len(things))), np.zeros((len(words), len(things)))
    pairs = Counter[tuple[str, str]]()
    for objects, spoken, _ in records:
        pairs.update(combinations(sorted(set(objects)), 2))
        for word in set(spoken):
            for thing in set(objects):
                said[of_word[word], of_thing[thing]] += 1
    for (a, b), many in pairs.items():
        together[of_thing[a], of_thing[b]] = together[of_thing[b], of_thing[a]] = many
    return together, said


def _looks(records: Sequence[Record], aims: Mapping[str, Matrix], ridge: float = 1.0) -> dict[str, Matrix]:
    """Mean crop of each thing, mapped to the things' word vectors by ridge regression, so that like looks lie near."""
    sums, counts = dict[str, Matrix](), Counter[str]()
    for objects, _, crops in records:
        if crops is None:
            continue
        if len(crops) != len(objects):
            raise InputError(f"{len(crops)} crops for {len(objects)} things", "give one row per thing")
        for thing, crop in zip(objects, np.asarray(crops, np.float64), strict=True):
            if thing in sums and sums[thing].shape != crop.shape:
                raise InputError(f"crops of {thing!r} have {sums[thing].shape} and {crop.shape}", "use one model")
            sums[thing] = sums.get(thing, np.zeros_like(crop)) + crop
            counts[thing] += 1
    if not sums:
        return {}
    seen = sorted(sums)
    features = _unit(np.stack([sums[thing] / counts[thing] for thing in seen]))
    features = features - features.mean(axis=0)
    wanted = np.stack([aims[thing] for thing in seen])
    weights = np.linalg.solve(features.T @ features + ridge * np.eye(features.shape[1]), features.T @ wanted)
    return dict(zip(seen, features @ weights, strict=True))


def _joined(views: Mapping[str, Matrix], dim: int) -> Floats:
    """Views turned onto the second one by the names they share, side by side, and reduced to ``dim`` again."""
    anchor, parts = views["words"], []
    for vectors in views.values():
        both = np.any(vectors, axis=1) & np.any(anchor, axis=1)
        if not both.any():
            parts.append(vectors)
            continue
        turned = vectors @ procrustes(vectors[both], anchor[both])
        # A name that a view has not seen borrows the other view's vector, or words and things would lie apart.
        seen = np.any(turned, axis=1, keepdims=True)
        parts.append(np.where(seen, turned, anchor))
    wide = np.concatenate([part for part in parts if part.any()], axis=1)
    u, sizes, _ = np.linalg.svd(wide, full_matrices=False)
    return _floats(_unit(_wide((u * sizes)[:, :dim], dim)))


def _wide(matrix: Matrix, width: int) -> Matrix:
    return np.pad(matrix, ((0, 0), (0, width - matrix.shape[1])))


def _unit(matrix: Matrix) -> Matrix:
    """Rows of length 1; rows of zeros stay."""
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.where(norms > 1e-9, matrix / np.maximum(norms, 1e-9), 0.0)


def _floats(matrix: Matrix) -> Floats:
    return np.asarray(matrix, np.float32)
