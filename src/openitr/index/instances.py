"""Things in pictures: one vector per box, and answers that name the picture and the place in it.

Referring expression instance retrieval (REIR, Hao et al. 2025, arXiv:2506.18246): "the red mug left of the keyboard"
has one answer in a whole gallery, a picture and a box. ``score(q, picture) = max_m q . o_m`` over its instances, and
the box is the one that gave the maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Ints
from openitr.errors import InputError, ShapeError
from openitr.index.base import Index
from openitr.index.memory import MemoryIndex
from openitr.index.ranking import check_k

_MAX_BYTES = 1 << 34


@dataclass(frozen=True, slots=True)
class Instance:
    """One answer.

    Args:
        picture: Id of the picture.
        box: (left, top, right, bottom), in the unit that was added.
        score: Cosine of the query with the instance's vector.
    """

    picture: int
    box: tuple[float, float, float, float]
    score: float


class InstanceIndex:
    """Boxes with vectors, by picture.

    Args:
        dim: Width of the vectors.
        inner: A dense index for the vectors, empty; one in memory if None.

    Raises:
        ShapeError: ``inner`` holds something already, is not dense, or has another width.

    When to use:
        With any detector or grid that proposes boxes and any encoder that embeds them; the answers are what
        :func:`openitr.evaluate.metrics.boxes.box_recall_at` measures.

    >>> index = InstanceIndex(2)
    >>> index.add(7, [(0, 0, 5, 5), (5, 0, 9, 9)], DenseEmbeddings(np.eye(2, dtype=np.float32)))
    >>> index.search(DenseEmbeddings(np.array([[0.6, 0.8]], np.float32)), k=1)[0][0].box
    (5.0, 0.0, 9.0, 9.0)
    """

    def __init__(self, dim: int, inner: Index | None = None) -> None:
        self._inner: Index = MemoryIndex("dense", dim) if inner is None else inner
        if self._inner.kind != "dense" or self._inner.dim != dim or len(self._inner):
            raise ShapeError("instances need an empty dense index of their width", f"give one of width {dim}")
        self.dim = dim
        self._boxes: dict[int, tuple[int, npt.NDArray[np.float64]]] = {}
        self._owner: dict[int, int] = {}
        self._next = 0

    def add(self, picture: int, boxes: npt.ArrayLike, vectors: DenseEmbeddings) -> None:
        """Say what is in a picture; what was said of it before is forgotten.

        Args:
            picture: Its id, 0 or more.
            boxes: (m, 4) left, top, right, bottom, any unit; m may be 0.
            vectors: m of them.

        Raises:
            ShapeError: Counts or widths that do not fit, a box that is inside out, an id below 0.
        """
        places = np.asarray(boxes, np.float64).reshape(-1, 4) if np.size(boxes) else np.zeros((0, 4))
        if picture < 0 or len(places) != len(vectors) or vectors.dim != self.dim:
            raise ShapeError(
                f"picture {picture}: {len(places)} boxes, {len(vectors)} vectors of width {vectors.dim}",
                f"give an id of 0 or more and one vector of width {self.dim} per box",
            )
        if not np.isfinite(places).all() or (places[:, 2:] < places[:, :2]).any():
            raise ShapeError(f"picture {picture} has a box that is inside out", "give left, top, right, bottom")
        self.remove([picture])
        self._boxes[picture] = self._next, places
        for single in range(self._next, self._next + len(places)):
            self._owner[single] = picture
        if len(places):
            self._inner.add(np.arange(self._next, self._next + len(places)), vectors)
        self._next += len(places)

    def remove(self, pictures: Sequence[int]) -> None:
        """Forget pictures; unknown ones are ignored."""
        for picture in pictures:
            if picture in self._boxes:
                first, places = self._boxes.pop(picture)
                singles = range(first, first + len(places))
                self._inner.remove(np.array(singles, np.int64))
                for single in singles:
                    del self._owner[single]

    def search(
        self, queries: DenseEmbeddings, k: int, allowed: Ints | None = None, *, per_picture: bool = True
    ) -> list[list[Instance]]:
        """The k best answers per query.

        Args:
            queries: Of the expressions.
            k: How many answers.
            allowed: Ids of the pictures to look in; None for all.
            per_picture: Each picture once, with its best box (its place in a gallery); False ranks boxes whatever
                their picture, so that a picture may come several times.

        Raises:
            ShapeError: Another width, or k below 1.
        """
        check_k(k)
        singles = None
        if allowed is not None:
            chosen = {int(picture) for picture in allowed}
            singles = np.array([s for s, picture in self._owner.items() if picture in chosen], np.int64)
        return [self._one(queries[row : row + 1], k, singles, per_picture) for row in range(len(queries))]

    def _one(self, query: DenseEmbeddings, k: int, singles: Ints | None, per_picture: bool) -> list[Instance]:
        fetch, there = k if not per_picture else 4 * k + 16, len(self._owner) if singles is None else len(singles)
        while True:
            ranking = self._inner.search(query, fetch, singles)[0]
            found: dict[int, Instance] = {}
            for single, score in zip(ranking.ids.tolist(), ranking.scores.tolist(), strict=True):
                picture = self._owner[single]
                if not per_picture or all(one.picture != picture for one in found.values()):
                    first, places = self._boxes[picture]
                    x0, y0, x1, y1 = places[single - first].tolist()
                    found[single] = Instance(picture, (x0, y0, x1, y1), score)
            if len(found) >= k or fetch >= there:
                return list(found.values())[:k]
            fetch *= 4

    def __len__(self) -> int:
        """How many pictures; one without a box counts."""
        return len(self._boxes)

    def stats(self) -> dict[str, Any]:
        """Pictures, instances, and what the inner index says."""
        return {**self._inner.stats(), "pictures": len(self), "instances": len(self._owner)}

    def save(self, path: str | Path) -> None:
        """Write one ``.npz`` file, without pickle; :meth:`load` reads it."""
        ids = sorted(self._boxes)
        kept = [self._boxes[picture] for picture in ids]
        counts = np.array([len(places) for _, places in kept], np.int64)
        singles = [np.arange(first, first + len(places)) for first, places in kept]
        rows = np.concatenate([*singles, np.zeros(0, np.int64)]).astype(np.int64)
        stored = self._inner.vectors(rows)
        assert isinstance(stored, DenseEmbeddings)
        boxes = np.concatenate([*(places for _, places in kept), np.zeros((0, 4))])
        with Path(path).open("wb") as file:
            np.savez(file, ids=np.array(ids, np.int64), counts=counts, boxes=boxes, vectors=stored.values)

    @classmethod
    def load(cls, path: str | Path) -> InstanceIndex:
        """Read what :meth:`save` wrote, into memory.

        Raises:
            InputError: The file holds something else.
        """
        try:
            if Path(path).stat().st_size > _MAX_BYTES:
                raise ValueError("it is larger than 16 GiB")
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as kept:
                ids, counts = kept["ids"], kept["counts"]
                boxes, vectors = kept["boxes"], kept["vectors"]
            ends = np.concatenate([[0], np.cumsum(counts)])
            if len(ids) != len(counts) or not len(boxes) == len(vectors) == ends[-1]:
                raise ValueError("its parts do not fit together")
            made = cls(int(vectors.shape[1]))
            for picture, start, stop in zip(ids.tolist(), ends[:-1], ends[1:], strict=True):
                made.add(picture, boxes[start:stop], DenseEmbeddings(vectors[start:stop]))
        except FileNotFoundError as error:
            raise InputError(f"{path} is not there", "give what InstanceIndex.save wrote") from error
        except (OSError, ValueError, KeyError, IndexError, EOFError, BadZipFile) as error:
            raise InputError(f"{path} holds no instances: {error}", "give what InstanceIndex.save wrote") from error
        return made
