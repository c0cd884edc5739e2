"""The stages that answer a query of a collection, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from openitr.embeddings import Embeddings, Ints
from openitr.encoders.base import Encoder
from openitr.errors import QueryError
from openitr.search.answer import Answer
from openitr.search.avoid import Avoid
from openitr.search.background import Background
from openitr.search.calibrate import POOL, Calibrate, Calibration, thresholds
from openitr.search.diversify import Diversify
from openitr.search.fuse import Fuse
from openitr.search.hubness import Level, Unhub
from openitr.search.models import Source
from openitr.search.pipeline import Pipeline, Stage
from openitr.search.retrieve import Retrieve
from openitr.search.rivals import KeptRivals
from openitr.search.word_weights import without
from openitr.search.words import Credit, Words
from openitr.types import Query

if TYPE_CHECKING:
    from openitr.collection import Collection, Run

# Negatives may pull a hit from far down: so many are looked at before the page is cut.
_POOL_NEGATIVE = 2000


def pipeline_for(
    collection: Collection,
    run: Run,
    encoder: Encoder,
    query: Query,
    *,
    calibration: Calibration | None = None,
    rivals: KeptRivals | None = None,
    beside: Sequence[Source] = (),
    words: bool = False,
    unhub: Unhub | None = None,
    bank: Sequence[str] = (),
    diverse: float = 0.0,
    then: Sequence[Stage] = (),
) -> Pipeline:
    """Retrieve (+ Retrieve + Words) >> Avoid >> (Level) >> (Diversify) >> Calibrate (>> Credit) >> Answer.

    Args:
        collection: Whose items answer.
        run: Whose vectors are searched, and whose probabilities sort the hits into buckets.
        encoder: Of the run.
        query: What is asked; its filter and negatives decide how many candidates are taken.
        calibration: Of the model, for probabilities.
        rivals: What earlier queries found out of the run's pictures.
        beside: Further runs that are searched; what they and the first say, in log-odds, decides the order then.
        words: Look through what is written of the pictures as well, which moves the order and the probabilities.
        unhub: A cure for pictures that come up for everything.
        bank: Texts as people ask them here, that the cure measures by; the calibration's own few when empty.
        diverse: How much hits should differ, 0 to 1.
        then: Further stages on the candidates, before they get their probabilities.

    Raises:
        QueryError: A cure without anything to measure by, or ``diverse`` without dense vectors or out of range.
    """
    background = None if calibration is None else calibration.background
    passing = collection.matching(query.where or None)
    if query.terms:
        runs = [(run.index, encoder), *((source.run.index, source.encoder) for source in beside)]
        passing = without(query.terms, runs, passing)
    pool = _POOL_NEGATIVE if query.negatives else POOL
    likely, maybe = thresholds(calibration)
    cure: list[Stage] = []
    if unhub is not None:
        known = encoder.encode_texts(list(bank)) if bank else _texts(background)
        cure = [Level(run.index, known, unhub)]
    allowed = _allowed(passing, run)
    first: Stage = Retrieve(run.index, encoder, background=background, allowed=allowed, pool=pool)
    avoid = Avoid(run.index, background=background)
    written = collection.words() if words else None
    if beside or written is not None:
        # Hubs are of one model: the cure belongs to its part, before the parts are put together.
        fused = Fuse.of(Pipeline((first, *cure)))
        for source in beside:
            seen = None if source.calibration is None else source.calibration.background
            mine = _allowed(passing, source.run)
            fused += Retrieve(source.run.index, source.encoder, background=seen, allowed=mine, pool=POOL)
        if written is not None:
            fused += Words(written, allowed=passing, pool=POOL)
        stages = fused.by("odds") >> avoid
    else:
        stages = Pipeline((first, avoid, *cure))
    if diverse:
        if not 0 < diverse <= 1:
            raise QueryError(f"diverse is {diverse}", "use 0 (as they come) to 1 (as different as can be)")
        stages = stages >> Diversify(run.index, balance=1 - diverse)
    for stage in then:
        stages = stages >> stage
    stages = stages >> Calibrate(run.index, calibration, rivals)
    if written is not None:
        stages = stages >> Credit()
    return stages >> Answer(collection.items, likely=likely, maybe=maybe)


def _allowed(passing: Ints | None, run: Run) -> Ints | None:
    """Ids that pass the filter and have a vector."""
    return None if passing is None else np.intersect1d(passing, run.index.ids(), assume_unique=True)


def _texts(background: Background | None) -> Embeddings:
    if background is None or not len(background.bank):
        raise QueryError("there are no queries to measure hubs by", "give a bank: texts as people ask them here")
    return background.bank
