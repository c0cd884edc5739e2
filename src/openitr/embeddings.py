"""The three kinds of embeddings, behind one interface.

Each knows its length, slicing, the exact ``score`` against another of its kind (the reference every index is tested
against) and how to save and load itself. Nothing here needs torch; the lexicon kind loads scipy when it is used.

    dense     one unit vector per item            cosine
    lexicon   one sparse weight vector per item   dot product over a vocabulary
    late      one bag of token vectors per item   sum over query tokens of the best match (MaxSim)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from openitr.errors import MissingExtra, ShapeError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Kind = Literal["dense", "lexicon", "late"]
Floats: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.int64]
Rows: TypeAlias = slice | Sequence[int] | npt.NDArray[Any]


def _finite(values: npt.NDArray[Any], what: str) -> None:
    """Raise :class:`ShapeError` naming the first row that is not finite."""
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        raise ShapeError(f"{what}: row {row} holds NaN or infinity", "check the model that made it")


@dataclass(frozen=True, eq=False)
class DenseEmbeddings:
    """Unit vectors, one per item.

    Args:
        values: (n, d) float32, every row L2-normalised (use :meth:`normalise` for raw vectors).

    Raises:
        ShapeError: Not two-dimensional, not finite, or a row whose norm is not 1 (to 1e-3).

    >>> e = DenseEmbeddings.normalise(np.array([[3.0, 4.0], [0.0, 2.0]]))
    >>> e.score(e).round(2).tolist()
    [[1.0, 0.800000011920929], [0.800000011920929, 1.0]]
    """

    values: Floats
    kind = "dense"

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, dtype=np.float32)
        if values.ndim != 2:
            raise ShapeError(f"dense embeddings have shape (n, d), not {values.shape}", "stack the vectors")
        object.__setattr__(self, "values", values)
        # One pass says that all is well, as it nearly always is: NaN and infinity have no square near 1.
        if (np.abs(np.einsum("ij,ij->i", values, values) - 1) <= 1.9e-3).all():
            return
        _finite(values, "dense embeddings")
        with np.errstate(over="ignore"):
            norms = np.linalg.norm(values, axis=1)
        off = np.abs(norms - 1) > 1e-3
        if off.any():
            row = int(np.argmax(off))
            raise ShapeError(f"row {row} has norm {norms[row]:.4g}, not 1", "use DenseEmbeddings.normalise")

    @classmethod
    def normalise(cls, values: npt.ArrayLike) -> DenseEmbeddings:
        """Divide each row of an (n, d) array by its length; a row of zeros is a :class:`ShapeError`."""
        raw = np.asarray(values, dtype=np.float32)
        if raw.ndim != 2:
            raise ShapeError(f"dense embeddings have shape (n, d), not {raw.shape}", "stack the vectors")
        _finite(raw, "dense embeddings")
        norms = np.linalg.norm(raw, axis=1, keepdims=True)
        if (norms == 0).any():
            raise ShapeError(f"row {int(np.argmin(norms))} is all zeros", "it has no direction to compare")
        return cls(raw / norms)

    @property
    def dim(self) -> int:
        """Width d."""
        return int(self.values.shape[1])

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def __getitem__(self, rows: Rows) -> DenseEmbeddings:
        return DenseEmbeddings(self.values[rows])

    def score(self, other: DenseEmbeddings) -> Floats:
        """Cosine of every row with every row of ``other``: (n, m) float32."""
        if other.dim != self.dim:
            raise ShapeError(f"{self.dim} dimensions against {other.dim}", "both must come from one model")
        return cast(Floats, self.values @ other.values.T)

    def save(self, path: str | Path) -> None:
        """Write one ``.npz`` file, without pickle."""
        np.savez(Path(path), kind="dense", values=self.values)


@dataclass(frozen=True, eq=False)
class LexiconEmbeddings:
    """Sparse non-negative term weights, one row per item.

    Args:
        matrix: (n, vocabulary) scipy CSR, float32, no negative weight.

    Raises:
        ShapeError: A negative or non-finite weight.
    """

    matrix: csr_matrix
    kind = "lexicon"

    def __post_init__(self) -> None:
        try:
            from scipy.sparse import csr_matrix
        except ImportError as error:
            raise MissingExtra("Lexicon embeddings", "lexicon") from error

        matrix = csr_matrix(self.matrix, dtype=np.float32)
        _finite(matrix.data[:, None], "lexicon embeddings")
        if matrix.nnz and float(matrix.data.min()) < 0:
            raise ShapeError("lexicon embeddings hold a negative weight", "apply relu before log(1 + x)")
        object.__setattr__(self, "matrix", matrix)

    @property
    def dim(self) -> int:
        """Size of the vocabulary."""
        return int(self.matrix.shape[1])

    def __len__(self) -> int:
        return int(self.matrix.shape[0])

    def __getitem__(self, rows: Rows) -> LexiconEmbeddings:
        return LexiconEmbeddings(self.matrix[rows])

    def score(self, other: LexiconEmbeddings) -> Floats:
        """Dot product of every row with every row of ``other``: (n, m) float32."""
        if other.dim != self.dim:
            raise ShapeError(f"{self.dim} terms against {other.dim}", "both must come from one model")
        return np.asarray((self.matrix @ other.matrix.T).todense(), dtype=np.float32)

    def save(self, path: str | Path) -> None:
        """Write one ``.npz`` file, without pickle."""
        m = self.matrix
        np.savez(Path(path), kind="lexicon", data=m.data, indices=m.indices, indptr=m.indptr, shape=np.array(m.shape))


@dataclass(frozen=True, eq=False)
class TokenEmbeddings:
    """A bag of unit token vectors per item.

    Args:
        values: (sum of m_i, d) float32, every row L2-normalised.
        offsets: (n + 1,) int64, item i owns rows ``offsets[i]:offsets[i + 1]``; no item is empty.

    Raises:
        ShapeError: Offsets that do not cover the rows, an item without tokens, a value that is not finite.

    >>> q = TokenEmbeddings(np.eye(2, dtype=np.float32), np.array([0, 2]))
    >>> p = TokenEmbeddings(np.array([[1, 0], [0.6, 0.8]], np.float32), np.array([0, 1, 2]))
    >>> q.score(p).round(1).tolist()
    [[1.0, 1.399999976158142]]
    """

    values: Floats
    offsets: Ints
    kind = "late"

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, dtype=np.float32)
        offsets = np.asarray(self.offsets, dtype=np.int64)
        if values.ndim != 2 or offsets.ndim != 1 or len(offsets) < 1:
            raise ShapeError("token embeddings are (rows, d) values with (n + 1,) offsets", "see the docstring")
        if offsets[0] != 0 or offsets[-1] != len(values) or (np.diff(offsets) < 1).any():
            raise ShapeError("offsets must start at 0, end at the row count and strictly grow", "one per item")
        _finite(values, "token embeddings")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "offsets", offsets)

    @property
    def dim(self) -> int:
        """Width d of a token vector."""
        return int(self.values.shape[1])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, rows: Rows) -> TokenEmbeddings:
        chosen = np.arange(len(self))[rows]
        parts = [self.values[self.offsets[i] : self.offsets[i + 1]] for i in chosen]
        lengths = np.array([len(p) for p in parts], dtype=np.int64)
        values = np.concatenate(parts) if parts else self.values[:0]
        return TokenEmbeddings(values, np.concatenate([[0], np.cumsum(lengths)]))

    def score(self, other: TokenEmbeddings) -> Floats:
        """MaxSim of every bag with every bag of ``other``: (n, m), sum over own tokens (FILIP; ColBERT)."""
        if other.dim != self.dim:
            raise ShapeError(f"{self.dim} dimensions against {other.dim}", "both must come from one model")
        if not len(self) or not len(other):
            return np.zeros((len(self), len(other)), np.float32)
        best = np.maximum.reduceat(self.values @ other.values.T, other.offsets[:-1], axis=1)
        return cast(Floats, np.add.reduceat(best, self.offsets[:-1], axis=0))

    def save(self, path: str | Path) -> None:
        """Write one ``.npz`` file, without pickle."""
        np.savez(Path(path), kind="late", values=self.values, offsets=self.offsets)


Embeddings: TypeAlias = DenseEmbeddings | LexiconEmbeddings | TokenEmbeddings


def joined(parts: Sequence[Embeddings]) -> Embeddings:
    """Embeddings of one kind, one after the other.

    Raises:
        ShapeError: Several kinds, or no part at all.

    >>> one = DenseEmbeddings(np.eye(2, dtype=np.float32))
    >>> len(joined([one, one]))
    4
    """
    if len(parts) == 1:
        return parts[0]
    if len({part.kind for part in parts}) != 1:
        raise ShapeError("batches of several kinds of embeddings, or none", "all must come from one model")
    if isinstance(parts[0], DenseEmbeddings):
        return DenseEmbeddings(np.concatenate([cast(DenseEmbeddings, part).values for part in parts]))
    if isinstance(parts[0], LexiconEmbeddings):
        from scipy.sparse import vstack

        return LexiconEmbeddings(vstack([cast(LexiconEmbeddings, part).matrix for part in parts], format="csr"))
    bags = [cast(TokenEmbeddings, part) for part in parts]
    lengths = np.concatenate([np.diff(bag.offsets) for bag in bags])
    return TokenEmbeddings(np.concatenate([bag.values for bag in bags]), np.concatenate([[0], np.cumsum(lengths)]))


def nothing(kind: Kind, dim: int) -> Embeddings:
    """No embeddings at all, of a kind.

    >>> len(nothing("late", 64)), nothing("dense", 8).dim
    (0, 8)
    """
    if kind == "dense":
        return DenseEmbeddings(np.zeros((0, dim), np.float32))
    if kind == "late":
        return TokenEmbeddings(np.zeros((0, dim), np.float32), np.zeros(1, np.int64))
    from scipy.sparse import csr_matrix

    return LexiconEmbeddings(csr_matrix((0, dim), dtype=np.float32))


def load_embeddings(path: str | Path) -> Embeddings:
    """Read what any of the three ``save`` methods wrote.

    Raises:
        ShapeError: The file is none of them.
    """
    with np.load(Path(path), allow_pickle=False) as stored:
        kind = str(stored["kind"]) if "kind" in stored else ""
        if kind == "dense":
            return DenseEmbeddings(stored["values"])
        if kind == "late":
            return TokenEmbeddings(stored["values"], stored["offsets"])
        if kind == "lexicon":
            from scipy.sparse import csr_matrix

            shape = tuple(int(n) for n in stored["shape"])
            return LexiconEmbeddings(csr_matrix((stored["data"], stored["indices"], stored["indptr"]), shape=shape))
    raise ShapeError(f"{path} holds no embeddings", "expected a file written by .save()")
