"""Reference embeddings that a query is compared with: what unrelated pictures and texts score under this
model.

The score of one query cannot be compared with another's; how far it stands out of what unrelated pictures
get, can. The idea is the cohort normalisation of speaker verification (Auckenthaler, Carey and
Lloyd-Thomas, "Score Normalization for Text-Independent Speaker Verification Systems", 2000): z-norm over
pictures for the query, t-norm over texts for the picture. It asks for scores only, so it serves every kind.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import (
    DenseEmbeddings,
    Embeddings,
    Floats,
    Kind,
    LexiconEmbeddings,
    TokenEmbeddings,
    nothing,
)
from openitr.errors import ModelError, ShapeError
from openitr.index.base import Index
from openitr.search.evidence import WORDS

_SAMPLE = 512
_EXPECTED = 6


@dataclass(frozen=True, eq=False)
class Background:
    """Embeddings of unrelated pictures and texts of one model, of any kind.

    Args:
        images: Of pictures.
        texts: Of usual words; may be empty.
        source: Where they come from, in words.
        expect_text, expect_image: (6, d + 1) linear maps, the constants last, from a query (see
            :func:`direction`) to what right pictures and what the best 1 % of wrong ones reach; empty where that was
            not fitted.
        sentences: Of longer texts, which sentences are compared with; the words where there are none.
        alone: How many of the first numbers of a dense vector are a model by themselves, which is heard beside the
            whole; 0 where there is none.
    """

    images: Embeddings
    texts: Embeddings
    source: str
    expect_text: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))
    expect_image: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))
    sentences: Embeddings | None = None
    alone: int = 0

    @property
    def bank(self) -> Embeddings:
        """Texts as people ask them, to measure hubs by: sentences where there are any, else words."""
        return self.texts if self.sentences is None else self.sentences

    def beside(self, words: int) -> Embeddings:
        """The texts that a query part of so many words is compared with; 0 for a picture."""
        return self.texts if words <= WORDS or self.sentences is None else self.sentences

    def apart(self, rows: Embeddings) -> Floats:
        """(n, ``alone``): the first numbers of dense vectors, at unit length."""
        assert isinstance(rows, DenseEmbeddings)
        return first(rows.values, self.alone)

    def expected(self, query: Embeddings, *, by_image: bool) -> Floats:
        """(6,) what pictures usually reach for this query (ours): right ones, ``stands``, ``named`` and ``alone`` of
        :mod:`openitr.search.evidence`, then the same of the best wrong ones.

        Some queries ("man") are met by pictures that stand out little, others ("bicycle") by none that does not stand
        out far; the query itself tells which.

        Args:
            query: One row.
            by_image: Whether it is a picture.
        """
        fitted = self.expect_image if by_image else self.expect_text
        if not len(fitted):
            return np.zeros(_EXPECTED, np.float32)
        foretold: Floats = fitted[:, :-1] @ direction(query)[0] + fitted[:, -1]
        return foretold

    def spread(self, vector: Floats) -> float:
        """Standard deviation of a dense query's cosines with the pictures: the unit its scores are measured in."""
        if len(self.images) < 2 or not isinstance(self.images, DenseEmbeddings):
            return 1.0
        return max(float((self.images.values @ vector).std()), 1e-6)

    def reference(self, query: Embeddings) -> Floats:
        """(r,) what one query row scores with the pictures."""
        found: Floats = leveled(query, self.images)[0]
        return found

    def save(self, path: Path) -> None:
        """Write one ``.npz``: rows as int8, each with its own scale, which moves a cosine by less than 0.002; term
        weights as half floats.
        """
        parts = _packed("images", self.images) | _packed("texts", self.texts)
        if self.sentences is not None:
            parts |= _packed("sentences", self.sentences)
        parts |= {"expect_text": self.expect_text, "expect_image": self.expect_image, "alone": np.array(self.alone)}
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **parts)

    @classmethod
    def load(cls, path: Path, dim: int, kind: Kind = "dense") -> Background:
        """Read what :meth:`save` wrote.

        Raises:
            ModelError: The file is damaged or made for another kind or width.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                images, texts = (_unpacked(name, stored, kind, dim) for name in ("images", "texts"))
                long = _unpacked("sentences", stored, kind, dim) if "sentences" in stored else None
                expect = [stored[name].astype(np.float32) for name in ("expect_text", "expect_image")]
                alone = int(stored["alone"])
        except (OSError, ValueError, KeyError, IndexError, ShapeError, zipfile.BadZipFile) as error:
            raise ModelError(
                f"{path} cannot be read", "install the model again, or fit its calibration again"
            ) from error
        if images.dim != dim or texts.dim != dim or any(e.shape not in ((0, 0), (_EXPECTED, dim + 1)) for e in expect):
            raise ModelError(f"{path} was not made for {dim} dimensions", "fit the model's calibration again")
        if not 0 <= alone < dim or (alone and kind != "dense"):
            raise ModelError(f"{path} takes {alone} of {dim} numbers for a model", "fit the model's calibration again")
        source = "reference pictures and texts shipped with the model"
        return cls(images, texts, source, expect[0], expect[1], long, alone)

    @classmethod
    def of_collection(cls, index: Index, dim: int) -> Background:
        """A sample of the collection itself, for models without reference vectors; the same sample at every call."""
        ids = index.ids()
        if len(ids) > _SAMPLE:
            ids = np.sort(np.random.default_rng(0).permutation(ids)[:_SAMPLE])
        empty = nothing("dense", dim)
        if not len(ids) or index.kind != "dense":
            return cls(empty, empty, "nothing")
        return cls(index.vectors(ids), empty, "a sample of the collection")


def direction(queries: Embeddings) -> Floats:
    """(n, d): what a linear map reads of queries: a vector as it is, term weights at unit length, the mean of tokens.

    >>> direction(TokenEmbeddings(np.eye(2, dtype=np.float32), np.array([0, 2]))).tolist()
    [[0.5, 0.5]]
    """
    if isinstance(queries, DenseEmbeddings):
        return queries.values
    if isinstance(queries, LexiconEmbeddings):
        weights: Floats = np.asarray(queries.matrix.todense(), np.float32)
        return np.asarray(weights / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-9), np.float32)
    sums = np.add.reduceat(queries.values, queries.offsets[:-1], axis=0)
    return np.asarray(sums / np.diff(queries.offsets)[:, None], np.float32)


def first(vectors: Floats, count: int) -> Floats:
    """(n, count): the first numbers of each row, at unit length; a row that has none of them stays 0.

    >>> first(np.array([[0.3, 0.4, 0.5], [0, 0, 1]]), 2).round(2).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    rows = vectors[:, :count]
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return unit


def leveled(queries: Embeddings, stored: Embeddings) -> Floats:
    """(n, m) scores that do not grow with what a query holds: MaxSim per token, term weights at unit length, cosines.

    >>> two = TokenEmbeddings(np.eye(2, dtype=np.float32), np.array([0, 2]))
    >>> leveled(two, two).tolist()
    [[1.0]]
    """
    scores: Floats = queries.score(stored)  # type: ignore[arg-type]
    return scores if isinstance(queries, DenseEmbeddings) else scores / level(queries)[:, None]


def level(queries: Embeddings) -> Floats:
    """(n,) what :func:`leveled` divides by."""
    if isinstance(queries, DenseEmbeddings):
        return np.ones(len(queries), np.float32)
    if isinstance(queries, TokenEmbeddings):
        return np.diff(queries.offsets).astype(np.float32)
    squares = np.asarray(queries.matrix.multiply(queries.matrix).sum(axis=1), np.float32).ravel()
    return np.sqrt(np.maximum(squares, 1e-12))


def _packed(name: str, rows: Embeddings) -> dict[str, npt.NDArray[Any]]:
    if isinstance(rows, LexiconEmbeddings):
        m = rows.matrix
        parts = {"data": m.data.astype(np.float16), "indices": m.indices.astype(np.int32), "indptr": m.indptr}
        return {name: np.array(m.shape), **{f"{name}_{part}": value for part, value in parts.items()}}
    if isinstance(rows, TokenEmbeddings):
        return {name: _small(rows.values), f"{name}_offsets": rows.offsets}
    return {name: _small(rows.values)}


def _unpacked(name: str, stored: Mapping[str, npt.NDArray[Any]], kind: Kind, dim: int) -> Embeddings:
    if kind == "lexicon":
        from scipy.sparse import csr_matrix

        data, indices, indptr = (stored[f"{name}_{part}"] for part in ("data", "indices", "indptr"))
        count, width = (int(size) for size in stored[name])
        # scipy checks that indices are inside the shape, and that the parts fit together.
        return LexiconEmbeddings(csr_matrix((data.astype(np.float32), indices, indptr), (count, width)))
    rows = stored[name].astype(np.float32)
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise ModelError(f"the reference {name} were not made for {dim} dimensions", "fit the calibration again")
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return TokenEmbeddings(unit, stored[f"{name}_offsets"]) if kind == "late" else DenseEmbeddings(unit)


def _small(rows: Floats) -> npt.NDArray[np.int8]:
    scale = np.abs(rows).max(axis=1, keepdims=True, initial=1e-9) / 127
    return np.asarray(np.round(rows / scale), np.int8)
