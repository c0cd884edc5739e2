"""The stages that answer a query of a collection, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from openitr.embeddings import DenseEmbeddings, Embeddings, Floats
from openitr.encoders.base import Encoder
from openitr.errors import QueryError
from openitr.search.answer import Answer
from openitr.search.avoid import Avoid
from openitr.search.calibrate import POOL, Calibrate, Calibration, thresholds
from openitr.search.hubness import Level, Unhub
from openitr.search.pipeline import Pipeline
from openitr.search.retrieve import Retrieve
from openitr.search.rivals import RivalsOf
from openitr.types import Query

if TYPE_CHECKING:
    from openitr.collection import Collection, Run

# Negatives may pull a hit from far down: so many are looked at before the page is cut.
_POOL, _POOL_NEGATIVE = 200, 2000


def pipeline_for(
    collection: Collection,
    run: Run,
    encoder: Encoder,
    query: Query,
    *,
    calibration: Calibration | None = None,
    rivals: RivalsOf | None = None,
    unhub: Unhub | None = None,
    bank: Sequence[str] = (),
) -> Pipeline:
    """Retrieve >> Avoid >> (Level) >> Calibrate >> Answer.

    Args:
        collection: Whose items answer.
        run: Whose vectors are searched.
        encoder: Of the run.
        query: What is asked; its filter and negatives decide how many candidates are taken.
        calibration: Of the model, for probabilities.
        rivals: What earlier queries found out of the run's pictures.
        unhub: A cure for pictures that come up for everything.
        bank: Texts as people ask them here, that the cure measures by; the calibration's own few when empty.

    Raises:
        QueryError: A cure without anything to measure by.
    """
    background = None if calibration is None else calibration.background
    allowed = collection.matching(query.where or None)
    if allowed is not None:
        allowed = np.intersect1d(allowed, run.index.ids(), assume_unique=True)
    pool = _POOL_NEGATIVE if query.negatives else POOL if calibration is not None else _POOL
    likely, maybe = thresholds(calibration)
    stages = Retrieve(run.index, encoder, background=background, allowed=allowed, pool=pool) >> Avoid(
        run.index, background=background
    )
    if unhub is not None:
        known: Embeddings = encoder.encode_texts(list(bank)) if bank else DenseEmbeddings(_texts(background))
        stages = stages >> Level(run.index, known, unhub)
    return stages >> Calibrate(run.index, calibration, rivals) >> Answer(collection.items, likely=likely, maybe=maybe)


def _texts(background: object) -> Floats:
    texts = getattr(background, "texts", None)
    if texts is None or not len(texts):
        raise QueryError("there are no queries to measure hubs by", "give a bank: texts as people ask them here")
    return np.asarray(texts, np.float32)
