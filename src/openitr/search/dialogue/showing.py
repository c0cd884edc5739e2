"""What pictures show, without anybody having said so: an encoder's guess, and what is written of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Embeddings, joined
from openitr.encoders.base import Encoder
from openitr.errors import OpenITRError
from openitr.index.base import Index
from openitr.search.background import Background
from openitr.search.forms import content
from openitr.types import Hit

if TYPE_CHECKING:
    from openitr.search.dialogue.turns import Searcher

Grid = npt.NDArray[np.float64]
_SAMPLE = 512
_KEPT = 4096


class Shows(Protocol):
    """What is guessed of pictures."""

    def __call__(self, hits: Sequence[Hit], phrases: Sequence[str]) -> Grid:
        """(n, w) how far each phrase fits each picture more than it fits unrelated ones, in standard deviations."""
        ...


class ZeroShot:
    """By an encoder: the standardised score of each phrase with each picture.

    Args:
        index: Vectors of the pictures.
        encoder: That made them.
        background: Unrelated pictures; None takes a sample of the index.
    """

    def __init__(self, index: Index, encoder: Encoder, background: Background | None = None) -> None:
        self.index, self.encoder, self.background = index, encoder, background
        self._known: dict[str, tuple[float, float]] = {}

    def __call__(self, hits: Sequence[Hit], phrases: Sequence[str]) -> Grid:
        """(n, w) standardised scores; 0 for pictures without a vector."""
        found = np.zeros((len(hits), len(phrases)))
        if not len(hits) or not phrases:
            return found
        held = np.isin([hit.id for hit in hits], self.index.ids())
        if not held.any():
            return found
        stored = self.index.vectors(np.array([hit.id for hit in hits], np.int64)[held])
        rows = _encoded(self.encoder, phrases)
        means, spreads = self._usual(phrases, rows)
        found[held] = (_scores(rows, stored).T - means) / spreads
        return found

    def _usual(self, phrases: Sequence[str], rows: Embeddings) -> tuple[Grid, Grid]:
        """(w,) mean and spread of each phrase's scores with unrelated pictures, worked out once."""
        missing = [at for at, phrase in enumerate(phrases) if phrase not in self._known]
        if missing:
            scores = _scores(rows[np.array(missing)], self._unrelated())
            for at, row in zip(missing, scores, strict=True):
                self._known[phrases[at]] = (float(row.mean()), max(float(row.std()), 1e-6))
        means, spreads = np.array([self._known[phrase] for phrase in phrases]).T
        return means, spreads

    def _unrelated(self) -> Embeddings:
        if self.background is not None and len(self.background.images) > 1:
            return self.background.images
        ids = self.index.ids()
        if len(ids) > _SAMPLE:
            ids = np.sort(np.random.default_rng(0).permutation(ids)[:_SAMPLE])
        return self.index.vectors(ids)


class Written:
    """By what is written of pictures: 3 where all words of a phrase are in a picture's captions and tags, else 0.

    >>> Written()([], ["a dog"]).shape
    (0, 1)
    """

    def __call__(self, hits: Sequence[Hit], phrases: Sequence[str]) -> Grid:
        """(n, w) 3 or 0."""
        wanted = [content(phrase) for phrase in phrases]
        of_hits = [content(written(hit)) for hit in hits]
        return np.array([[3.0 * bool(w and w <= told) for w in wanted] for told in of_hits]).reshape(
            len(hits), len(phrases)
        )


class Either:
    """The stronger of several guesses."""

    def __init__(self, *shows: Shows) -> None:
        self.shows = shows

    def __call__(self, hits: Sequence[Hit], phrases: Sequence[str]) -> Grid:
        """(n, w) maxima."""
        made: Grid = np.max([shows(hits, phrases) for shows in self.shows], axis=0)
        return made


def shows_of(library: Searcher, kind: str | None, run: str | None) -> tuple[Shows, Sequence[str]]:
    """What can be guessed of a library's pictures: by its model where that is here, else by what is written of them.

    Returns:
        The guess, and a note where no model takes part in it.
    """
    given = getattr(library, "shows", None)
    if given is not None:
        return Either(given, Written()), ()
    try:
        collection = library.collection  # type: ignore[attr-defined]
        chosen = collection.run(run)
        if run is None and chosen.kind != "dense" and "dense" in collection.kinds():
            chosen = collection.run(kind="dense")
        if chosen.kind == "late":
            return Written(), ("questions are chosen by tags and captions only: a late model is slow to guess with",)
        from openitr.search.calibrate import calibration_of

        encoder = library.encoder(chosen)  # type: ignore[attr-defined]
        calibration = calibration_of(encoder)
        background = None if calibration is None else calibration.background
        return Either(ZeroShot(chosen.index, encoder, background), Written()), ()
    except (OpenITRError, AttributeError):
        return Written(), ("questions are chosen by tags and captions only: the model is not here",)


def written(hit: Hit) -> str:
    """Captions and tags of a picture, as one text."""
    item = hit.item
    tags = [" ".join(value) for value in item.metadata.values() if not isinstance(value, str | int | float | bool)]
    return " ".join([*item.captions, *tags])


_LOCK = threading.Lock()
_VECTORS: OrderedDict[tuple[str, str], Any] = OrderedDict()


def _scores(rows: Embeddings, stored: Embeddings) -> Grid:
    made: Grid = np.asarray(rows.score(stored), np.float64)  # type: ignore[arg-type]
    return made


def _encoded(encoder: Encoder, phrases: Sequence[str]) -> Embeddings:
    """One row per phrase; the questions of every conversation use the same few hundred."""
    keys = [(encoder.fingerprint, phrase) for phrase in phrases]
    with _LOCK:
        known = {key: _VECTORS[key] for key in keys if key in _VECTORS}
    missing = list(dict.fromkeys(phrase for key, phrase in zip(keys, phrases, strict=True) if key not in known))
    if missing:
        made = encoder.encode_texts(missing)
        known |= {(encoder.fingerprint, phrase): made[at : at + 1] for at, phrase in enumerate(missing)}
    with _LOCK:
        for key in keys:
            _VECTORS[key] = known[key]
            _VECTORS.move_to_end(key)
        while len(_VECTORS) > _KEPT:
            _VECTORS.popitem(last=False)
    return joined([known[key] for key in keys])
