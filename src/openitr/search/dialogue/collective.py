"""ImageScope: a query of any kind becomes words that are searched; then what was found is verified, and judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats, Ints
from openitr.encoders.base import Encoder
from openitr.errors import LMMError, QueryError, ShapeError
from openitr.search.dialogue.reasoning import Asked, Reading, as_read

Reasoner = Callable[[Asked], str]
"""A query to JSON: changes, descriptions, propositions; see :func:`openitr.search.dialogue.reasoning.as_read`."""
Verifier = Callable[[int, str], bool]
"""A row and a proposition: whether the picture shows it."""
Judge = Callable[[Asked, int], bool]
"""The query and a row: whether the picture is what was asked for."""
STAGES = (1, 2, 3)


@dataclass(frozen=True, eq=False)
class Trace:
    """What every stage did, to be read.

    Args:
        asked: The query.
        reading: How it was understood.
        scores: (n,) of the first stage.
        orders: By stage that ran, (n,) rows, best first.
        satisfied: By row, how many propositions it met.
        accepted: Rows that the judge took, in their order.
        notes: What did not go as planned.
    """

    asked: Asked
    reading: Reading
    scores: Floats
    orders: dict[int, Ints]
    satisfied: dict[int, int]
    accepted: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def order(self) -> Ints:
        """Rows of the last stage, best first."""
        return self.orders[max(self.orders)]

    def rank(self, row: int, stage: int | None = None) -> int:
        """Of a picture after a stage, from 1."""
        order = self.order if stage is None else self.orders[stage]
        return 1 + int(np.flatnonzero(order == row)[0])


class CollectiveReasoner:
    """Text, picture with text, and dialogue, all as text-to-picture search with verification; nothing is trained.

    A stage that fails leaves the order as it was, with a note.

    Args:
        encoder: A dense one, for the descriptions.
        images: (n, d) of the pictures.
        reasoner: A language model's reading of the query; None searches with the words as they are.
        verifier: Answers propositions; None leaves the second stage out.
        judge: Answers for the whole query; None leaves the third out.
        captions: (n, d) of captions of the pictures; None compares with the pictures alone.
        tau: Share of the captions in a score.
        top: Pictures that are verified.
        alpha: Pictures that are judged.

    Raises:
        ShapeError: Embeddings that do not fit the encoder.
        QueryError: tau out of range, or counts below 1.

    References:
        ImageScope: Unifying Language-Guided Image Retrieval via Large Multimodal Model Collective Reasoning, 2025.
    """

    def __init__(
        self,
        encoder: Encoder,
        images: DenseEmbeddings,
        *,
        reasoner: Reasoner | None = None,
        verifier: Verifier | None = None,
        judge: Judge | None = None,
        captions: DenseEmbeddings | None = None,
        tau: float = 0.15,
        top: int = 20,
        alpha: int = 3,
    ) -> None:
        for name, given in (("pictures", images), ("captions", captions)):
            if given is not None and given.values.shape[1] != encoder.dim:
                raise ShapeError(f"{name} have {given.values.shape[1]} numbers, not {encoder.dim}", "use one model")
        if captions is not None and len(captions) != len(images):
            raise ShapeError(f"{len(captions)} captions for {len(images)} pictures", "give one for each")
        if not 0 <= tau <= 1 or min(top, alpha) < 1:
            raise QueryError(f"tau {tau}, top {top}, alpha {alpha}", "tau is 0 to 1, the others 1 or more")
        self.encoder, self.images, self.captions = encoder, images, captions
        self.reasoner, self.verifier, self.judge = reasoner, verifier, judge
        self.tau, self.top, self.alpha = tau, top, alpha

    def search(self, asked: Asked, *, stages: Sequence[int] = STAGES) -> Trace:
        """Search, verify, judge.

        Args:
            asked: The query.
            stages: Which run; the first always does.

        Raises:
            QueryError: A stage that there is not.
        """
        if unknown := set(stages) - set(STAGES):
            raise QueryError(f"there is no stage {min(unknown)}", "stages are 1, 2 and 3")
        notes = list[str]()
        reading = self._read(asked, notes)
        scores = self._score(reading.descriptions)
        order = np.argsort(-scores, kind="stable").astype(np.int64)
        orders, satisfied, accepted = {1: order}, dict[int, int](), tuple[int, ...]()
        if 2 in stages and self.verifier is not None and reading.propositions:
            satisfied = self._verified(order[: self.top], reading, notes)
            order = _to_front(order, sorted(satisfied, key=lambda row: -satisfied[row])) if satisfied else order
            orders[2] = order
        if 3 in stages and self.judge is not None:
            accepted = self._judged(order[: self.alpha], asked, notes)
            order = _to_front(order, accepted)
            orders[3] = order
        return Trace(asked, reading, scores, orders, satisfied, accepted, tuple(notes))

    def _read(self, asked: Asked, notes: list[str]) -> Reading:
        if self.reasoner is None:
            return as_read("", asked)[0]
        try:
            reading, note = as_read(self.reasoner(asked), asked)
        except LMMError as error:
            reading, note = as_read("", asked)[0], f"the words are searched as they are: {error.message}"
        notes += [note] if note else []
        return reading

    def _score(self, descriptions: Sequence[str]) -> Floats:
        """Mean over the descriptions of (1 - tau) cos(d, picture) + tau cos(d, caption)."""
        texts: Any = self.encoder.encode_texts(list(descriptions))
        scores = texts.values @ self.images.values.T
        if self.captions is not None:
            scores = (1 - self.tau) * scores + self.tau * (texts.values @ self.captions.values.T)
        made: Floats = scores.mean(0)
        return made

    def _verified(self, rows: Ints, reading: Reading, notes: list[str]) -> dict[int, int]:
        """How many propositions each picture meets, best first as they came; none where the verifier fails."""
        assert self.verifier is not None
        met = dict[int, int]()
        try:
            for row in rows.tolist():
                met[row] = sum(self.verifier(row, one.text) == one.holds for one in reading.propositions)
        except LMMError as error:
            notes.append(f"the pictures were not verified: {error.message}")
            return {}
        return met

    def _judged(self, rows: Ints, asked: Asked, notes: list[str]) -> tuple[int, ...]:
        assert self.judge is not None
        try:
            return tuple(row for row in rows.tolist() if self.judge(asked, row))
        except LMMError as error:
            notes.append(f"the best pictures were not judged: {error.message}")
            return ()


def _to_front(order: Ints, rows: Sequence[int]) -> Ints:
    """Rows first, in their order, then the others in theirs."""
    moved = set(rows)
    return np.array([*rows, *(row for row in order.tolist() if row not in moved)], np.int64)
