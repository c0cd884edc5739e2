"""Stages that compose with ``>>``, are checked before they run, and leave a reason on every hit.

    Retrieve(index, encoder) >> Avoid(index) >> Calibrate(calibration) >> Answer(items)

A stage takes ``(Query, Candidates)`` and returns new candidates; the last one returns the hits. First stages are put
together with ``+``, weighted with a number and ``*``, cut short with ``[:k]``:

    (2 * Retrieve(index, encoder) + Words(written))[:200] >> Rerank(scorer) >> Answer(items)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Embeddings, Floats, Ints
from openitr.errors import QueryError
from openitr.types import Hits, Part, Query, Reason

if TYPE_CHECKING:
    from openitr.search.fuse import Fuse


@dataclass(frozen=True, eq=False)
class Column:
    """What one stage added, for all candidates at once.

    Args:
        stage: Its name.
        scores: (m,) what it added to the score.
        say: Words for one candidate, from its score and its facts.
        facts: Arrays of length m, or what can be indexed like them, that ``say`` needs.
    """

    stage: str
    scores: npt.NDArray[Any]
    say: Callable[..., str]
    facts: Sequence[Any] = ()

    def take(self, rows: npt.NDArray[Any]) -> Column:
        """The same for chosen candidates."""
        return replace(self, scores=self.scores[rows], facts=[fact[rows] for fact in self.facts])

    def reason(self, row: int) -> Reason:
        """In numbers and words, for one candidate."""
        score = float(self.scores[row])
        return Reason(self.stage, score, self.say(score, *(fact[row] for fact in self.facts)))


@dataclass(frozen=True, eq=False)
class Asked:
    """The query as embeddings: one row per part, in the order of ``parts``.

    Args:
        parts: Positive-role parts first, then negatives.
        positives: How many of ``parts`` are in the positive role.
        rows: One embedding (of length 1) per part.
        vector: (1, d) what the dense index was asked with, or None.
    """

    parts: Sequence[Part]
    positives: int
    rows: Sequence[Embeddings]
    vector: Floats | None = None


@dataclass(frozen=True, eq=False)
class Candidates:
    """What travels through a pipeline.

    Args:
        ids: (m,) int64, best first.
        scores: (m,) as the last stage ranks, not ascending.
        total: How many items passed the filter.
        asked: The encoded query.
        probabilities: (m,) of being relevant, once calibrated.
        columns: What each stage added.
        notes: What the user should know of this answer.
        fused: Scores are of several makes put together, and not those of the model that ``asked`` speaks of.
    """

    ids: Ints
    scores: npt.NDArray[Any]
    total: int = 0
    asked: Asked | None = None
    probabilities: npt.NDArray[np.float64] | None = None
    columns: Sequence[Column] = field(default_factory=tuple)
    notes: Sequence[str] = ()
    fused: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: npt.NDArray[Any]) -> Candidates:
        """Chosen candidates, in the order of ``rows``."""
        return replace(
            self,
            ids=self.ids[rows],
            scores=self.scores[rows],
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            columns=[column.take(rows) for column in self.columns],
        )

    def ranked(self, scores: npt.NDArray[Any], column: Column | None = None) -> Candidates:
        """With new scores, sorted by them; ties by ascending id. ``column`` says what was added."""
        columns = self.columns if column is None else [*self.columns, column]
        order = np.lexsort((self.ids, -scores))
        return replace(self, scores=scores, columns=columns).take(order)


class Stage:
    """Base of all stages: one call, and what it needs and gives, so that a pipeline can be checked before it runs."""

    needs: ClassVar[frozenset[str]] = frozenset({"candidates"})
    gives: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, query: Query, candidates: Candidates) -> Any:
        """Candidates in, candidates out; the last stage of a pipeline gives :class:`~openitr.types.Hits`."""
        raise NotImplementedError

    def __rshift__(self, then: Stage | Pipeline) -> Pipeline:
        return Pipeline((self,)) >> then

    def __add__(self, other: Stage | Pipeline) -> Fuse:
        return Pipeline((self,)) + other

    def __rmul__(self, weight: float) -> Fuse:
        return weight * Pipeline((self,))

    def __getitem__(self, cut: slice) -> Pipeline:
        return Pipeline((self,))[cut]


class Retriever(Stage):
    """Base of stages that begin a pipeline: they find candidates, and can score any others for the sake of fusion."""

    needs: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[frozenset[str]] = frozenset({"candidates"})
    # Those that look see the same picture, so what they say is averaged; what another witness says is added.
    looks: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """What fusion calls it in an explanation."""
        raise NotImplementedError

    def score(self, query: Query, found: Candidates, ids: Ints) -> Candidates:
        """Chosen pictures in the order of ``ids``, scored as they would be if they had been found.

        Args:
            query: What is asked.
            found: What the retriever found, with the query as it was encoded.
            ids: Of the pictures.
        """
        raise NotImplementedError

    def holds(self, ids: Ints) -> npt.NDArray[np.bool_]:
        """Which of these pictures it can say anything of."""
        raise NotImplementedError

    def floor(self, found: Candidates) -> float:
        """The least score that it can give to any picture."""
        raise NotImplementedError

    def odds(self, query: Query, scored: Candidates) -> npt.NDArray[np.float64]:
        """What its scores say, in log-odds up to a constant; NaN of pictures that it knows nothing of."""
        raise NotImplementedError


class Cut(Stage):
    """Let no more than the best pass; ``stage[:50]`` for short."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __repr__(self) -> str:
        return f"Cut({self.most})"

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        return candidates.take(np.arange(min(self.most, len(candidates))))


class Pipeline:
    """Stages in a row, checked when they are put together.

    Raises:
        QueryError: A stage needs what no earlier one gives.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = tuple(stages)
        have: frozenset[str] = frozenset()
        for place, stage in enumerate(self.stages):
            if "hits" in have:
                raise QueryError(f"{stage!r} comes after the answer is made", "put Answer last")
            missing = stage.needs - have
            if missing:
                raise QueryError(
                    f"stage {place + 1}, {stage!r}, needs {', '.join(sorted(missing))}, which no stage before it gives",
                    "put a stage that gives it first",
                )
            have |= stage.gives

    def __rshift__(self, then: Stage | Pipeline) -> Pipeline:
        return Pipeline(self.stages + (then.stages if isinstance(then, Pipeline) else (then,)))

    def __add__(self, other: Stage | Pipeline) -> Fuse:
        from openitr.search.fuse import Fuse

        return Fuse.of(self) + other

    def __rmul__(self, weight: float) -> Fuse:
        from openitr.search.fuse import Fuse

        return weight * Fuse.of(self)

    def __getitem__(self, cut: slice) -> Pipeline:
        if not isinstance(cut, slice) or cut.start or cut.step is not None or not isinstance(cut.stop, int):
            raise QueryError(f"{cut!r} cuts nothing", "use [:50]")
        if cut.stop < 1:
            raise QueryError(f"nothing is left of [:{cut.stop}]", "keep at least one")
        return self >> Cut(cut.stop)

    def __repr__(self) -> str:
        return " >> ".join(map(repr, self.stages))

    def __call__(self, query: Query) -> Hits:
        """Answer a query.

        Raises:
            QueryError: The pipeline does not end in an answer.
        """
        if not self.stages or "hits" not in self.stages[-1].gives:
            raise QueryError(f"{self!r} makes no hits", "end it with Answer")
        start = time.perf_counter()
        made: Any = Candidates(np.empty(0, np.int64), np.empty(0, np.float32))
        for stage in self.stages:
            made = stage(query, made)
        return replace(cast(Hits, made), took_ms=(time.perf_counter() - start) * 1000)
