"""Composers and rerankers by the names that requests may say: a word, or a folder that the server was started with.

A request never names a folder of this disk.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from openitr.errors import FingerprintMismatch, QueryError
from openitr.search.calibrate import calibration_of
from openitr.search.compose.named import NAMED as COMPOSERS
from openitr.search.rerank.named import NAMED as RERANKERS
from openitr.search.rerank.named import reranker_named

if TYPE_CHECKING:
    from openitr.collection import Run
    from openitr.encoders.base import Encoder
    from openitr.encoders.lmm import LMM
    from openitr.search.compose import Composer
    from openitr.search.rerank import Rerank
    from openitr.server.lanes import Lane
    from openitr.server.served import ServedCollection
    from openitr.server.settings import Settings
    from openitr.types import ImageArray

# Somebody waits for the answer, and clients for a minute at most.
_MOST_MS = 30_000.0
# Answered from vectors that are there; whatever looks at pictures is slow.
_QUICK = frozenset(("logic",))
_KEPT = 32


class Named:
    """What a server can do by name; what was read from a folder is kept.

    Args:
        settings: With the folders.

    >>> from pathlib import Path
    >>> from openitr.server.settings import Settings
    >>> Named(Settings(rerankers={"mine": Path("models/albef")})).rerankers
    ('logic', 'comclip', 'cotrr', 'mine')
    """

    def __init__(self, settings: Settings) -> None:
        self._composers, self._rerankers = dict(settings.composers), dict(settings.rerankers)
        self._made: dict[tuple[Any, ...], Any] = {}
        self._lock = threading.Lock()

    @property
    def composers(self) -> tuple[str, ...]:
        """Names of what follows `but`."""
        return (*COMPOSERS, *self._composers)

    @property
    def rerankers(self) -> tuple[str, ...]:
        """Names of what looks again at the best hits."""
        return (*RERANKERS, *self._rerankers)

    def offered(self, kind: str) -> dict[str, list[str]]:
        """What is worth proposing for runs of a kind: what needs a language model only where one is configured."""
        asked = bool(os.environ.get("OPENITR_LMM_URL", "").strip())
        dense = kind == "dense"
        looks = ["logic", *(["comclip"] if dense else []), *(["cotrr"] if asked else []), *self._rerankers]
        return {"composers": list(self.composers) if dense else [], "rerankers": looks}

    def check(self, what: str, name: str | None, known: Iterable[str]) -> None:
        """Raise :class:`QueryError` for a name that nobody gave."""
        if name is not None and name not in known:
            raise QueryError(f"there is no {what} {name!r}", f"use {', '.join(known)}")

    def slow(self, reranker: str | None) -> bool:
        """Whether a second look takes longer than a search."""
        return reranker is not None and reranker not in _QUICK

    async def composer(self, name: str | None, encoder: Encoder, lane: Lane) -> str | Composer | None:
        """What a name means over a model; a folder is read once, in a thread of its own.

        Raises:
            ModelError: The folder holds no composer any more.
            QueryError: It was trained on another model.
        """
        if name is None or name in COMPOSERS:
            return name
        from openitr.search.compose import LearnedComposer

        folder = self._composers[name]
        key = ("composer", name, encoder.fingerprint)
        try:
            made: Composer = await lane.run(self._once, key, lambda: LearnedComposer.read(folder, encoder))
        except FingerprintMismatch as error:
            raise QueryError(
                f"the composer {name} was trained on another model than {encoder.spec}", "leave it out"
            ) from error
        return made

    async def reranker(self, name: str, served: ServedCollection, run: Run, encoder: Encoder) -> Rerank:
        """The stage that a name means over a run, as :meth:`stage` makes it."""
        lmm = await served.house.lmm() if name == "cotrr" else None
        return await served.house.loading.run(self.stage, name, served, run, encoder, lmm)

    def stage(self, name: str, served: ServedCollection, run: Run, encoder: Encoder, lmm: LMM | None = None) -> Rerank:
        """A second look by its name; at small copies, which lie in the collection.

        Raises:
            QueryError: No such name.
            ModelError: A folder without a fusion model.
            ShapeError: "comclip" over a model that is not dense.
            MissingExtra: What it needs is not installed.
        """
        self.check("reranker", name, self.rerankers)

        def made() -> Rerank:
            fitted = calibration_of(encoder)
            return reranker_named(
                str(self._rerankers.get(name, name)),
                served.library.collection,
                run,
                encoder,
                background=None if fitted is None else fitted.background,
                lmm=lmm,
                deadline_ms=_MOST_MS if name == "cotrr" else None,
                pictures=_small(served),
            )

        # A run that was built anew has another index.
        stage: Rerank = self._once(("reranker", name, served.name, id(run.index)), made)
        return stage

    def _once(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
                while len(self._made) > _KEPT:
                    self._made.pop(next(iter(self._made)))
            return self._made[key]


def _small(served: ServedCollection) -> Callable[[Any], ImageArray]:
    """Items to the pixels of their thumbnails: made by us, so that they may be decoded here."""
    from openitr.media import decode

    return lambda item: decode(served.library.thumbnail(item.id)).array
