"""A reranker in one word, as people type it, or by the folder of a trained one.

logic      and, or, not, piece by piece (PropositionReranker): the best 200, with vectors that are there
comclip    parts of the picture against parts of the sentence (ComCLIPReranker): the best 10, some seconds
cotrr      a language model orders the best 10 in one call (ListwiseReranker); OPENITR_LMM_URL names it
a folder   a fusion model that openitr.models.saved.save_fusion wrote (CrossEncoder): the best 50
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from openitr.encoders.base import Encoder
from openitr.errors import QueryError, UnreadableImage
from openitr.search.rerank.stage import Rerank, Scorer
from openitr.types import ImageArray

if TYPE_CHECKING:
    from openitr.collection import Collection, Run
    from openitr.encoders.lmm import LMM
    from openitr.search.background import Background
    from openitr.search.models import Source
    from openitr.search.pipeline import Stage

Named: TypeAlias = Literal["logic", "comclip", "cotrr"]
NAMED: tuple[Named, ...] = get_args(Named)
# How many are looked at, how long it may take in milliseconds, and how many are handed over at once.
_LIMITS: dict[str, tuple[int, float, int]] = {
    "logic": (200, 1000, 200),
    "comclip": (10, 10_000, 1),
    "cotrr": (10, 120_000, 10),
}
_TRAINED = (50, 2000, 8)
_SIDE = 512


def check_reranker(name: str) -> str:
    """The word, if it is one of the three or names a folder.

    Raises:
        QueryError: It is neither.

    >>> check_reranker("logic")
    'logic'
    """
    if name in NAMED or Path(name).expanduser().is_dir():
        return name
    raise QueryError(f"there is no reranker {name!r}", f"use {', '.join(NAMED)}, or the folder of a trained model")


def reranker_named(
    name: str,
    collection: Collection,
    run: Run,
    encoder: Encoder,
    *,
    background: Background | None = None,
    lmm: LMM | None = None,
    deadline_ms: float | None = None,
    pictures: Callable[[Any], ImageArray] | None = None,
) -> Rerank:
    """The stage that a word or a folder means, for a search of a collection.

    Args:
        name: The word, or the folder.
        collection: Whose pictures are looked at.
        run: That is searched.
        encoder: Of the run.
        background: Unrelated pictures of the model.
        lmm: For "cotrr"; what the environment names if None.
        deadline_ms: How long it may take; what suits the reranker if None.
        pictures: Items to pixels; by their files if None.

    Raises:
        QueryError: No such reranker.
        ModelError: A folder without a fusion model.
        ShapeError: "comclip" over an encoder that is not dense.
        MissingExtra: What it needs is not installed.
    """
    word = check_reranker(name)
    many, limit, batch = _LIMITS.get(word, _TRAINED)
    scorer: Scorer
    items: Any = collection.items
    pictures = pictures or _Pictures(collection)
    if word == "logic":
        from openitr.search.rerank.logic import PropositionReranker

        # Vectors are looked up by id: no item is needed.
        scorer, items = PropositionReranker(encoder, run.index, background=background), None
    elif word == "comclip":
        from openitr.search.rerank.compositional import ComCLIPReranker

        scorer = ComCLIPReranker(encoder, pictures)
    elif word == "cotrr":
        from openitr.search.rerank.listwise import ListwiseReranker

        scorer = ListwiseReranker(lmm or _configured(), pictures)
    else:
        from openitr.search.rerank.cross import CrossEncoder

        scorer = CrossEncoder.load(word, pictures)
    return Rerank(scorer, items=items, top=many, deadline_ms=deadline_ms or limit, batch=batch)


def second_look(rerank: str | Stage | None, collection: Collection, source: Source) -> list[Stage]:
    """The stage of a word or a folder for the run that answers, or a ready one as it is; none for None.

    Args:
        rerank: As a search is asked for it.
        collection: That is searched.
        source: The run with its model.

    Raises:
        As :func:`reranker_named`.
    """
    if rerank is None or not isinstance(rerank, str):
        return [] if rerank is None else [rerank]
    background = None if source.calibration is None else source.calibration.background
    return [reranker_named(rerank, collection, source.run, source.encoder, background=background)]


class _Pictures:
    """Items to pixels: from the file, or from the thumbnail where the file is gone."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def __call__(self, item: Any) -> ImageArray:
        from openitr.media import decode

        try:
            return decode(self.collection.file(item), shrink_to=_SIDE).array
        except (UnreadableImage, OSError):
            return decode(self.collection.thumbnail(item.id)).array


def _configured() -> LMM | None:
    from openitr.collection.places import cache_folder
    from openitr.encoders.lmm import configured

    return configured(cache=cache_folder() / "lmm")
