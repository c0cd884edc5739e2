"""Vectors of any kind as columns of a Parquet file, and back.

dense    vector: a list of ``dim`` float32
lexicon  terms, weights: two lists as long as the item has terms
late     vectors: a list of lists of ``dim`` float32, one per token
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from openitr.embeddings import DenseEmbeddings, Embeddings, Kind, LexiconEmbeddings, TokenEmbeddings
from openitr.errors import InputError, MissingExtra


def parquet() -> tuple[Any, Any]:
    """pyarrow and its Parquet module.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("Parquet files", "parquet") from error
    return pyarrow, pyarrow.parquet


def schema(kind: Kind, dim: int) -> Any:
    """Columns of a file of vectors."""
    arrow, _ = parquet()
    vector = arrow.list_(arrow.float32(), dim)
    columns = {
        "dense": [("vector", vector)],
        "lexicon": [("terms", arrow.list_(arrow.int32())), ("weights", arrow.list_(arrow.float32()))],
        "late": [("vectors", arrow.list_(vector))],
    }
    return arrow.schema([("id", arrow.int64()), *columns[kind]])


def table(ids: Any, embeddings: Embeddings) -> Any:
    """A part of the file."""
    arrow, _ = parquet()
    if isinstance(embeddings, DenseEmbeddings):
        columns = [_vectors(arrow, embeddings.values)]
    elif isinstance(embeddings, LexiconEmbeddings):
        matrix = embeddings.matrix
        starts = arrow.array(matrix.indptr.astype(np.int32))
        columns = [
            arrow.ListArray.from_arrays(starts, arrow.array(matrix.indices.astype(np.int32))),
            arrow.ListArray.from_arrays(starts, arrow.array(matrix.data)),
        ]
    else:
        starts = arrow.array(embeddings.offsets.astype(np.int32))
        columns = [arrow.ListArray.from_arrays(starts, _vectors(arrow, embeddings.values))]
    named = schema(cast(Kind, embeddings.kind), embeddings.dim)
    return arrow.Table.from_arrays([arrow.array(ids), *columns], schema=named)


def _vectors(arrow: Any, values: Any) -> Any:
    return arrow.FixedSizeListArray.from_arrays(arrow.array(values.ravel()), values.shape[1])


def embeddings(rows: Sequence[dict[str, Any]], kind: Kind, dim: int) -> Embeddings:
    """Rows of the file as embeddings.

    Raises:
        InputError: Columns that are not of this kind and width.
        ShapeError: Values that no encoder makes.
    """
    try:
        if kind == "dense":
            return DenseEmbeddings(np.array([row["vector"] for row in rows], np.float32).reshape(len(rows), dim))
        if kind == "late":
            bags = [np.array(row["vectors"], np.float32).reshape(-1, dim) for row in rows]
            return TokenEmbeddings(np.concatenate(bags), np.cumsum([0, *map(len, bags)]))
        from scipy.sparse import csr_matrix

        terms = np.concatenate([np.array(row["terms"], np.int64) for row in rows])
        weights = np.concatenate([np.array(row["weights"], np.float32) for row in rows])
        starts = np.cumsum([0, *(len(row["terms"]) for row in rows)])
        if len(terms) and not 0 <= int(terms.min()) <= int(terms.max()) < dim:
            raise ValueError(f"a term outside the vocabulary of {dim}")
        return LexiconEmbeddings(csr_matrix((weights, terms, starts), shape=(len(rows), dim)))
    except InputError:
        raise
    except (KeyError, ValueError, TypeError) as error:
        what = f"the export holds no {kind} vectors of width {dim}: {error}"
        raise InputError(what, "copy the export again") from error
