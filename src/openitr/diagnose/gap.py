"""The modality gap: how far pictures and texts lie apart in a space that is meant to be one.

Liang et al. 2022, "Mind the Gap" (arXiv:2203.02053), section 2: the gap is the distance of the two means. What follows
from it for people who put pictures and texts in one collection (``texts_first``) is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.errors import ShapeError


@dataclass(frozen=True)
class ModalityGap:
    """What :func:`modality_gap` measures; cosines unless said otherwise.

    Args:
        distance: Of the mean picture vector from the mean text vector; 0 to 2.
        separable: Share of held-out vectors that a threshold on the line between the means files correctly, pictures
            and texts counted alike: 0.5 means that they cannot be told apart, 1.0 that they always can.
        own, other: Mean of a text with its own picture, and with another one.
        pictures, texts: Mean of two different pictures, and of texts of two different pictures.
        texts_first: Share of texts whose best match is another picture's text, in a gallery that holds every picture
            and one text of each other picture.
        texts_first_centred: The same after each side's mean was taken away.
        recall, recall_centred: R@1 from text to picture, share, as it is and after centring.
        rank_pictures, rank_texts: Effective number of dimensions in use (:func:`effective_rank`).
    """

    distance: float
    separable: float
    own: float
    other: float
    pictures: float
    texts: float
    texts_first: float
    texts_first_centred: float
    recall: float
    recall_centred: float
    rank_pictures: float
    rank_texts: float


def modality_gap(images: Floats, texts: Floats, owners: Ints) -> ModalityGap:
    """Measure the gap of one dense model on pairs.

    Args:
        images: (n, d) unit vectors.
        texts: (m, d) unit vectors.
        owners: (m,) row of the picture of each text; every picture has one text at least.

    Raises:
        ShapeError: Fewer than four pictures, or one without a text.

    >>> side = np.eye(8, dtype=np.float32)
    >>> round(modality_gap(side, side, np.arange(8)).distance, 6)
    0.0
    """
    n = len(images)
    if n < 4 or set(np.unique(owners).tolist()) != set(range(n)):
        raise ShapeError(f"{n} pictures with texts for {len(np.unique(owners))}", "give four or more, each with a text")
    first = np.array([np.flatnonzero(owners == row)[0] for row in range(n)])
    last = np.array([np.flatnonzero(owners == row)[-1] for row in range(n)])
    said, asked = texts[first], texts[last]
    moved = centred(images), centred(said, texts.mean(axis=0)), centred(asked, texts.mean(axis=0))
    return ModalityGap(
        float(np.linalg.norm(images.mean(axis=0) - texts.mean(axis=0))),
        _separable(images, said),
        float((images * asked).sum(axis=1).mean()),
        _off_diagonal(images @ asked.T),
        _off_diagonal(images @ images.T),
        _off_diagonal(said @ said.T),
        _texts_first(images, said, asked),
        _texts_first(*moved),
        _recall(images, asked),
        _recall(moved[0], moved[2]),
        effective_rank(images),
        effective_rank(texts),
    )


def centred(values: Floats, mean: npt.NDArray[np.floating] | None = None) -> Floats:
    """Rows less their mean (or another one), of length 1 again: the cheapest way to close the gap.

    A row that is the mean itself stays as it was.

    >>> centred(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)).round(2).tolist()
    [[0.7099999785423279, -0.7099999785423279], [-0.7099999785423279, 0.7099999785423279]]
    """
    moved = values - (values.mean(axis=0) if mean is None else mean)
    norms = np.linalg.norm(moved, axis=1, keepdims=True)
    found: Floats = np.where(norms > 1e-6, moved / np.maximum(norms, 1e-6), values).astype(np.float32)
    return found


def effective_rank(values: Floats) -> float:
    """exp of the entropy of the normalised singular values of the centred rows: 1 to d.

    Roy & Vetterli 2007, "The effective rank", definition 1; centring is ours, or the mean would count as a direction.

    >>> round(effective_rank(np.vstack([np.eye(4), -np.eye(4)]).astype(np.float32)), 3)
    4.0
    """
    sizes = np.linalg.svd(values.astype(np.float64) - values.mean(axis=0), compute_uv=False)
    share = sizes[sizes > 1e-9] / max(float(sizes.sum()), 1e-12)
    return float(np.exp(-(share * np.log(share)).sum())) if len(share) else 1.0


def _off_diagonal(scores: Floats) -> float:
    n = len(scores)
    return float((scores.sum(dtype=np.float64) - np.trace(scores)) / (n * (n - 1)))


def _separable(images: Floats, texts: Floats) -> float:
    """The line is fitted on even rows and judged on odd ones."""
    line = images[::2].mean(axis=0) - texts[::2].mean(axis=0)
    middle = (images[::2].mean(axis=0) + texts[::2].mean(axis=0)) / 2
    right = ((images[1::2] - middle) @ line > 0).mean() + ((texts[1::2] - middle) @ line <= 0).mean()
    return float(right / 2)


def _texts_first(images: Floats, said: Floats, asked: Floats) -> float:
    of_texts = asked @ said.T
    np.fill_diagonal(of_texts, -np.inf)
    return float((of_texts.max(axis=1) > (asked @ images.T).max(axis=1)).mean())


def _recall(images: Floats, asked: Floats) -> float:
    """Share of texts whose own picture scores above all others; a tie is a miss."""
    scores = asked @ images.T
    own = np.diagonal(scores).copy()
    np.fill_diagonal(scores, -np.inf)
    return float((own > scores.max(axis=1) + 1e-6).mean())
