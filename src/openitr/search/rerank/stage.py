"""A stage that looks again, more closely, at the best candidates, for as long as there is time."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Ints
from openitr.errors import QueryError
from openitr.search.pipeline import Candidates, Column, Stage
from openitr.types import Item, Query


@dataclass(frozen=True, eq=False)
class Opinion:
    """Scores with words beside them, where a scorer has something to say.

    Args:
        scores: One per candidate.
        notes: What the user should know of the whole ("the language model is down: ...").
        reasons: Words per candidate, shown by ``explain``; none, or one each.
    """

    scores: npt.ArrayLike
    notes: Sequence[str] = ()
    reasons: Sequence[str] = ()


Scorer: TypeAlias = Callable[[Query, Sequence[Any], Candidates], npt.ArrayLike | Opinion]
# Scorers that were given up on and still run; beyond so many nothing new is begun.
_ABANDONED = 4
# A process that ends while a thread is inside a model's native code is killed by it; so long is waited for such a one.
_PARTING = 15.0
_LATE: set[threading.Thread] = set()


class Rerank(Stage):
    """Order the best candidates by what a scorer says of them; the others follow as they were.

    Args:
        scorer: ``(query, ids or items, their candidates) -> scores``, called with a few candidates at a time, best
            first. A cross-encoder, a judge, a rule: higher is better. One that has notes gives an :class:`Opinion`.
        items: Ids to items, where the scorer wants items; candidates whose item is gone fall behind those scored.
        top: How many are looked at.
        deadline_ms: When it has passed, those scored so far are ordered and a note says how many; None waits for all.
        batch: How many the scorer gets at once.
        name: Of the stage, in explanations.

    Raises:
        QueryError: A number below 1, or a scorer that gives another number of scores or one that is not finite.

    When to use: behind :class:`~openitr.search.Retrieve` or a fusion, where a slower model sees more. Whatever the
    scorer raises is raised here.

    >>> from openitr.types import Part
    >>> found = Candidates(np.array([4, 7]), np.array([0.9, 0.8]))
    >>> by_id = Rerank(lambda query, ids, candidates: ids)
    >>> by_id(Query([Part("a dog")]), found).ids.tolist()
    [7, 4]
    """

    gives: ClassVar[frozenset[str]] = frozenset({"reranked"})

    def __init__(
        self,
        scorer: Scorer,
        *,
        items: Callable[[Ints], Sequence[Item]] | None = None,
        top: int = 50,
        deadline_ms: float | None = 300,
        batch: int = 8,
        name: str = "rerank",
    ) -> None:
        if top < 1 or batch < 1 or (deadline_ms is not None and not deadline_ms > 0):
            raise QueryError(f"top {top}, batch {batch}, deadline {deadline_ms} ms", "use numbers above 0")
        self.scorer, self.items, self.top = scorer, items, top
        self.deadline_ms, self.batch, self.name = deadline_ms, batch, name
        self._abandoned: list[threading.Thread] = []

    def __repr__(self) -> str:
        named = getattr(self.scorer, "__name__", type(self.scorer).__name__)
        limit = "" if self.deadline_ms is None else f", deadline={self.deadline_ms:g} ms"
        return f"Rerank({named}, top={self.top}{limit})"

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        top = min(self.top, len(candidates))
        if not top:
            return candidates
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if len(self._abandoned) >= _ABANDONED:
            return _noted(candidates, f"not reranked: {_ABANDONED} earlier rounds are still under way")
        scored, notes, reasons = self._scored(query, candidates.take(np.arange(top)))
        for note in notes:
            candidates = _noted(candidates, note)
        if len(scored) < top and self.deadline_ms is not None:
            what = f"reranked the first {len(scored)} of {top}: {self.deadline_ms:g} ms were over"
            candidates = _noted(candidates, what)
        return _reordered(candidates, scored, reasons, self.name)

    def _scored(self, query: Query, best: Candidates) -> tuple[npt.NDArray[np.float64], list[str], list[str]]:
        """Scores of the first of ``best``, as many as there was time for, with notes, and with reasons for each."""
        found: list[tuple[npt.NDArray[np.float64], Sequence[str], Sequence[str]]] = []
        failed: list[BaseException] = []
        stop = threading.Event()

        def work() -> None:
            try:
                for start in range(0, len(best), self.batch):
                    if stop.is_set():
                        return
                    some = best.take(np.arange(start, min(start + self.batch, len(best))))
                    found.append(self._asked(query, some))
            except BaseException as error:
                failed.append(error)

        if self.deadline_ms is None:
            work()
        else:
            # A scorer that hangs must not hang the search: it is waited for no longer than agreed.
            thread = threading.Thread(target=work, name=self.name, daemon=True)
            thread.start()
            thread.join(self.deadline_ms / 1000)
            stop.set()
            if thread.is_alive():
                self._abandoned.append(thread)
                _LATE.difference_update([one for one in _LATE if not one.is_alive()])
                _LATE.add(thread)
        if failed:
            raise failed[0]
        there = list(found)
        notes = list(dict.fromkeys(note for _, said, _ in there for note in said))
        scores = np.concatenate([np.zeros(0), *(numbers for numbers, _, _ in there)])
        return scores, notes, [reason for _, _, reasons in there for reason in reasons]

    def _asked(self, query: Query, some: Candidates) -> tuple[npt.NDArray[np.float64], Sequence[str], Sequence[str]]:
        things: Sequence[Any] = some.ids.tolist()
        places = np.arange(len(some))
        if self.items is not None:
            known = {item.id: item for item in self.items(some.ids)}
            places = np.flatnonzero([id in known for id in some.ids.tolist()])
            things = [known[id] for id in some.ids[places].tolist()]
        said: Any = self.scorer(query, things, some.take(places)) if len(things) else []
        opinion = said if isinstance(said, Opinion) else Opinion(said)
        given = np.asarray(opinion.scores, np.float64)
        if len(opinion.reasons) not in (0, len(things)):
            raise QueryError(
                f"{self!r} gave {len(opinion.reasons)} reasons for {len(things)} candidates", "none, or one each"
            )
        if given.shape != (len(things),) or not np.isfinite(given).all():
            raise QueryError(
                f"{self!r} gave scores of shape {given.shape} for {len(things)} candidates, or not finite ones",
                "a scorer gives one finite number per candidate",
            )
        scores = np.full(len(some), -np.inf)
        scores[places] = given
        reasons = [""] * len(some)
        for place, reason in zip(places.tolist(), opinion.reasons, strict=False):
            reasons[place] = reason
        return scores, opinion.notes, reasons


@atexit.register
def _part() -> None:
    """Let scorers that were given up on finish the few candidates that they have in hand."""
    until = time.monotonic() + _PARTING
    for thread in list(_LATE):
        thread.join(max(0.0, until - time.monotonic()))


def _noted(candidates: Candidates, note: str) -> Candidates:
    return replace(candidates, notes=(*candidates.notes, note))


def _reordered(
    candidates: Candidates, scored: npt.NDArray[np.float64], reasons: Sequence[str], name: str
) -> Candidates:
    """The scored ones by their new scores, then the others, whose scores are lowered where they would stand above."""
    seen = len(scored)
    known = np.isfinite(scored)
    scores = candidates.scores.astype(np.float64)
    order = np.lexsort((np.arange(seen), -scored))
    rows = np.concatenate([order, np.arange(seen, len(candidates))])
    if known.any():
        scores[:seen][known] = scored[known]
        rest = np.concatenate([np.flatnonzero(~known), np.arange(seen, len(candidates))])
        if len(rest):
            scores[rest] -= max(0.0, float(scores[rest].max()) - float(scored[known].min()))
    moved = np.zeros(len(candidates))
    moved[order] = order - np.arange(seen)
    given = np.zeros(len(candidates))
    given[:seen] = np.where(known, scored, 0.0)
    looked = np.arange(len(candidates)) < seen
    looked[:seen] &= known
    words = np.array([*reasons, *[""] * (len(candidates) - seen)], object)
    column = Column(name, given, _say, (moved, looked, words))
    return replace(candidates, scores=scores, columns=[*candidates.columns, column]).take(rows)


def _say(score: float, moved: float, looked: bool, reason: str) -> str:
    if not looked:
        return "not looked at again"
    why = f": {reason}" if reason else ""
    if not moved:
        return f"kept its place (score {score:.3f}){why}"
    return f"moved {'up' if moved > 0 else 'down'} {abs(moved):.0f} places (score {score:.3f}){why}"
