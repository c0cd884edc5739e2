"""A Qdrant copy of a flat index proposes, and the store decides, as in :mod:`openitr.index.derived`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Floats, Ints
from openitr.index.flat import View
from openitr.index.qdrant import QdrantIndex


class ServedCopy:
    """Proposes rows of a flat index by asking the copy of it on a server.

    Args:
        copy: Of the store's vectors, under the same ids.
        generation, rows: What of the store it was brought up to.
    """

    def __init__(self, copy: QdrantIndex, generation: int, rows: int) -> None:
        self.copy, self.generation, self.rows = copy, generation, rows

    def propose(self, queries: Floats, count: int, view: View, allowed: npt.NDArray[np.bool_] | None) -> Sequence[Ints]:
        """Rows that may be among the nearest ``count`` of each query."""
        chosen = None if allowed is None else view.ids[allowed[view.rows]]
        found = self.copy.search(DenseEmbeddings(queries), count, chosen)
        return [self._rows(view, ranking.ids) for ranking in found]

    def _rows(self, view: View, ids: Ints) -> Ints:
        """Where those ids live that have not changed since; the others are scored exactly anyway."""
        if not len(view.ids):
            return np.zeros(0, np.int64)
        places = np.minimum(np.searchsorted(view.ids, ids), len(view.ids) - 1)
        rows = view.rows[places[view.ids[places] == ids]]
        covered: Ints = np.sort(rows[rows < self.rows])
        return covered

    def stats(self) -> dict[str, Any]:
        """As the copy says."""
        return self.copy.stats()
