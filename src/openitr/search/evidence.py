"""The evidence that a picture answers a query part: five numbers that can be compared between queries.

A cosine alone cannot: "dog" and "a man in a red coat" live on different scales, and so do two pictures.
All five are unchanged when every score of the model is scaled and shifted alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats
from openitr.search.background import Background

NAMES = ("stands_out", "fits", "margin", "company", "spread")
# A larger value of these never speaks against a picture: their coefficients are kept from falling below zero.
RISING = ("stands_out", "fits", "margin", "company")
_RIVALS, _COMPANY = 10, 10


@dataclass(frozen=True, eq=False)
class Evidence:
    """What speaks for m pictures, for one query part.

    Args:
        values: (m, 5) in the order of :data:`NAMES`:
            ``stands_out``, the score in standard deviations over what unrelated pictures get from this query;
            ``fits``, the score in standard deviations over what unrelated queries get from this picture;
            ``margin``, the same over the 10 unrelated queries that fit this picture best;
            ``company``, the mean ``stands_out`` of the collection's 10 best pictures;
            ``spread``, how far the best unrelated picture stands out.
        beaten: (m,) share of unrelated pictures that score lower.
        outdone: (m,) share of unrelated queries that fit the picture less.
    """

    values: npt.NDArray[np.float64]
    beaten: npt.NDArray[np.float64]
    outdone: npt.NDArray[np.float64]


def gather(query: Floats, pictures: Floats, best: Floats, background: Background, *, by_image: bool) -> Evidence:
    """Evidence for one query part.

    Args:
        query: (d,) unit vector of the part.
        pictures: (m, d) unit vectors to judge.
        best: (b, d) the collection's best pictures for the whole query.
        background: Unrelated pictures and texts.
        by_image: The part is a picture; its rivals are then pictures as well.
    """
    rivals = background.images if by_image else background.texts
    return measure(pictures @ query, best @ query, background.images @ query, pictures @ rivals.T)


def measure(scores: Floats, best: Floats, reference: Floats, rivals: Floats) -> Evidence:
    """The same from scores alone.

    Args:
        scores: (m,) of the pictures to judge.
        best: (b,) of the collection's best pictures.
        reference: (r,) of unrelated pictures.
        rivals: (m, t) of unrelated queries with each picture.
    """
    scores = np.asarray(scores, np.float64)
    middle, unit = float(reference.mean()), max(float(reference.std()), 1e-9)
    stands_out = (scores - middle) / unit
    picture_unit = np.maximum(rivals.std(axis=1, dtype=np.float64), 1e-9)
    fits = (scores - rivals.mean(axis=1, dtype=np.float64)) / picture_unit
    top = min(_RIVALS, rivals.shape[1])
    strongest = np.partition(rivals, -top, axis=1)[:, -top:].mean(axis=1, dtype=np.float64)
    company = (np.sort(best)[::-1][:_COMPANY].mean() - middle) / unit if len(best) else 0.0
    values = np.column_stack(
        [
            stands_out,
            fits,
            (scores - strongest) / picture_unit,
            np.full(len(scores), company),
            np.full(len(scores), (float(reference.max()) - middle) / unit),
        ]
    )
    ranked = np.sort(np.asarray(reference, np.float64))
    return Evidence(
        values,
        np.searchsorted(ranked, scores, side="left") / len(ranked),
        (rivals < scores[:, None]).mean(axis=1),
    )
