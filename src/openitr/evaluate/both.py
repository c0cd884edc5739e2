"""Pictures and texts ranked both ways in one pass over their scores.

A picture's scores against all texts are one row, a text's against all pictures one column of the same matrix, so each
block of rows serves both directions and is then forgotten: for 5,000 pictures and 25,000 texts the matrix would take
500 MB, a block takes 6. Ranks are those of :mod:`openitr.evaluate.ranks`, ties against the model.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Embeddings, Ints
from openitr.evaluate.ranks import TIE, Positives, Ranks, rank_all

_ROWS = 64


def rank_both(images: Embeddings, texts: Embeddings, owner: npt.ArrayLike) -> tuple[Ranks, Ranks]:
    """Text to image and image to text.

    Args:
        images: n pictures; those without a text are in the gallery and ask nothing.
        texts: m texts, the same kind and width.
        owner: (m,) row of the picture each text belongs to.

    >>> e = DenseEmbeddings(np.eye(3, dtype=np.float32))
    >>> [way.first.tolist() for way in rank_both(e, e, [0, 1, 2])]
    [[1, 1, 1], [1, 1, 1]]
    """
    rows = np.asarray(owner, np.int64)
    own = Positives.of_images(rows, len(images))
    if not (isinstance(images, DenseEmbeddings) and isinstance(texts, DenseEmbeddings)):
        return rank_all(texts, images, Positives.of_texts(rows)), rank_all(images, texts, own)
    right = _right(images, texts, rows)
    reach = (right - TIE * np.maximum(1.0, np.abs(right))).astype(np.float32)
    above = np.zeros(len(texts), np.int64)
    beside = np.zeros(len(texts), np.int64)
    block = np.empty((_ROWS, len(texts)), np.float32)
    reaches = np.empty((_ROWS, len(texts)), np.bool_)
    counted = reaches.view(np.uint8)
    across = texts.values.T
    for start in range(0, len(images), _ROWS):
        stop = min(start + _ROWS, len(images))
        scores = np.matmul(images.values[start:stop], across, out=block[: stop - start])
        first, last = own.offsets[start], own.offsets[stop]
        mine = own.items[first:last]
        scores[rows[mine] - start, mine] = -np.inf
        np.greater_equal(scores, reach, out=reaches[: stop - start])
        above += np.add.reduce(counted[: stop - start], axis=0, dtype=np.uint8)
        for row in range(start, stop):
            line = scores[row - start]
            for text in own.items[own.offsets[row] : own.offsets[row + 1]].tolist():
                beside[text] = np.count_nonzero(line >= reach[text])
    t2i = Ranks(np.arange(len(texts)), above + 1, 1.0 / (above + 1), len(images))
    return t2i, _images(right, beside, own, len(texts))


def _right(images: DenseEmbeddings, texts: DenseEmbeddings, owner: Ints) -> npt.NDArray[np.float64]:
    """(m,) score of every text with its own picture."""
    found = np.empty(len(texts))
    for start in range(0, len(texts), 4096):
        some = slice(start, start + 4096)
        found[some] = np.einsum("id,id->i", texts.values[some], images.values[owner[some]])
    return found


def _images(right: npt.NDArray[np.float64], beside: Ints, own: Positives, gallery: int) -> Ranks:
    """Image to text from how many wrong texts reach each right one."""
    asked = np.flatnonzero(own.counts)
    owner = np.repeat(np.arange(len(own)), own.counts)
    # The better a right text's score, the fewer wrong ones reach it.
    order = np.lexsort((-right[own.items], owner))
    before = beside[own.items[order]]
    nth = np.arange(1, len(order) + 1) - np.repeat(own.offsets[:-1], own.counts)
    precision = np.bincount(owner, weights=nth / (nth + before), minlength=len(own))[asked] / own.counts[asked]
    return Ranks(asked, 1 + before[own.offsets[asked]], precision, gallery)
