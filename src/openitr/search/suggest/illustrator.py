"""Pictures for an article: key phrases by several rankers, feedback from what they find, pictures by paragraph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from openitr.embeddings import Floats, Ints
from openitr.encoders.base import Encoder
from openitr.errors import InputError
from openitr.search.compose.base import unit
from openitr.search.forms import singular, words_of
from openitr.search.suggest.keyphrases import Document, Ranker, Rule, aggregate_ranks, ordered, phrases_in
from openitr.search.suggest.vocabulary import dense

_CANDIDATES = 200
_RELEVANT = 10
_WRONG = 50
_SHARE = 0.5


@dataclass(frozen=True)
class Illustrated:
    """A paragraph with its pictures.

    Args:
        text: The paragraph.
        phrases: That were searched for it, the best first.
        ids: Of the pictures, best first; none stands twice in an article.
    """

    text: str
    phrases: tuple[str, ...]
    ids: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"text": self.text, "phrases": list(self.phrases), "ids": list(self.ids)}


class Illustrator:
    """Finds the phrases of an article that pictures can be found by, and the pictures.

    Args:
        encoder: A dense one, of the pictures' vectors.
        ids: (n,) of the pictures.
        pictures: (n, d) unit vectors.
        rankers: By name; see :mod:`openitr.search.suggest.keyphrases`.
        rule: How their rankings are put together.
        rounds: Of feedback: what the phrases find moves their vectors (Rocchio), and how near a phrase is to what the
            best phrases find becomes one more ranking. None by default: in the experiment of
            ``openitr systems run summ-keyphrase-ir`` it gains nothing.
        toward, away: Rocchio's weights of what was found and of what was not.

    Raises:
        InputError: No rankers, not as many vectors as ids, or a negative number of rounds.

    References:
        Key phrases by rank aggregation with relevance feedback for image retrieval from articles: the spec of
        ``summ-keyphrase-ir``; the list of rankers is a reconstruction. Rocchio 1971.

    >>> Illustrator(encoder, ids, vectors, {"position": position}).phrases(document)[:2]   # doctest: +SKIP
    ['old harbour', 'fishing boat']
    """

    def __init__(
        self,
        encoder: Encoder,
        ids: Ints,
        pictures: Floats,
        rankers: dict[str, Ranker],
        *,
        rule: Rule = "rrf",
        rounds: int = 0,
        toward: float = 0.5,
        away: float = 0.15,
    ) -> None:
        if not rankers or rounds < 0:
            raise InputError(
                f"{len(rankers)} rankers, {rounds} rounds of feedback", "give a ranker, and 0 rounds or more"
            )
        if len(ids) != len(pictures):
            raise InputError(f"{len(ids)} ids with {len(pictures)} vectors", "give one for each")
        self.encoder, self.ids, self.pictures, self.rankers = (
            encoder,
            np.asarray(ids, np.int64),
            pictures,
            dict(rankers),
        )
        self.rule, self.rounds, self.toward, self.away = rule, rounds, toward, away

    def phrases(self, document: Document) -> list[str]:
        """Key phrases of the article, best first; what has no word of its own beside a better one is left out."""
        return self._ranked(document)[0]

    def illustrate(self, document: Document, *, each: int = 3, per_paragraph: int = 3) -> list[Illustrated]:
        """Pictures for each paragraph.

        Args:
            document: The article.
            each: Pictures of a paragraph, at most.
            per_paragraph: Phrases that are searched for it.

        Raises:
            InputError: ``each`` or ``per_paragraph`` below 1.
        """
        if each < 1 or per_paragraph < 1:
            raise InputError(f"{each} pictures by {per_paragraph} phrases", "use 1 or more of either")
        phrases, queries = self._ranked(document)
        place = {phrase: at for at, phrase in enumerate(phrases)}
        used: set[int] = set()
        made = []
        for text in document.paragraphs:
            own = sorted((one for one in set(phrases_in([text])) if one in place), key=lambda one: place[one])
            own = own[:per_paragraph]
            chosen = self._pictures(queries[[place[one] for one in own]], each, used) if own else []
            used |= set(chosen)
            made.append(Illustrated(text, tuple(own), tuple(int(self.ids[row]) for row in chosen)))
        return made

    def best(self, document: Document, each: int = 5, *, by: int = 1) -> list[int]:
        """Ids of the pictures for the article as a whole, by its ``by`` best key phrases in turns."""
        _, queries = self._ranked(document)
        return [int(self.ids[row]) for row in self._pictures(queries[:by], each, set())] if len(queries) else []

    def _pictures(self, queries: Floats, each: int, used: set[int]) -> list[int]:
        """Rows of the best pictures of several queries, in turns."""
        if not len(self.pictures):
            return []
        depth = each + len(used) + 1
        lists = [np.argsort(-(self.pictures @ query), kind="stable")[: depth * len(queries)] for query in queries]
        taken: list[int] = []
        for turn in range(max(len(one) for one in lists)):
            for one in lists:
                row = int(one[turn]) if turn < len(one) else -1
                if row >= 0 and row not in used and row not in taken:
                    taken.append(row)
                    if len(taken) == each:
                        return taken
        return taken

    def _ranked(self, document: Document) -> tuple[list[str], Floats]:
        """Key phrases, best first, and the vectors (p, d) they are searched with."""
        phrases = phrases_in([document.title, *document.paragraphs])
        if not phrases:
            return [], np.empty((0, self.encoder.dim), np.float32)
        rankings = [ordered(phrases, rank(document, phrases)) for rank in self.rankers.values()]
        order = aggregate_ranks(rankings, self.rule)[:_CANDIDATES]
        own = dict(zip(order, dense(self.encoder, order), strict=True))
        moved = own
        for _ in range(self.rounds):
            moved = {phrase: rocchio(own[phrase], self.pictures, self.toward, self.away) for phrase in order}
            # What the best phrases find together is what the article is about; the first counts most.
            leaders = _different(order)[:_RELEVANT]
            lead = sum(own[phrase] / place for place, phrase in enumerate(leaders, 1))
            lead = rocchio(unit(np.asarray(lead)).values[0], self.pictures, self.toward, self.away)
            agreed = ordered(order, np.array([float(own[phrase] @ lead) for phrase in order]))
            kept = [[one for one in ranking if one in own] for ranking in rankings]
            order = aggregate_ranks([*kept, agreed], self.rule)
        order = _different(order)
        return order, np.stack([moved[phrase] for phrase in order])


def rocchio(
    query: Floats,
    documents: Floats,
    toward: float,
    away: float,
    relevant: int = _RELEVANT,
    wrong: int = _WRONG,
) -> Floats:
    """Pseudo-relevance feedback: q + (b / |R|) sum of R - (c / |N|) sum of N, of length 1.

    Args:
        query: (d,) unit vector.
        documents: (n, d) unit vectors; the best ``relevant`` by cosine are R, the worst ``wrong`` are N.
        toward: b.
        away: c.
        relevant: Size of R, at most half of the documents.
        wrong: Size of N, at most half of the documents.

    >>> rocchio(np.array([1, 0], np.float32), np.eye(2, dtype=np.float32), 1.0, 0.5).round(2).tolist()
    [0.9700000286102295, -0.23999999463558197]
    """
    if not len(documents):
        return query
    order = np.argsort(-(documents @ query), kind="stable")
    half = max(1, len(documents) // 2)
    moved = query + toward * documents[order[: min(relevant, half)]].mean(0)
    if len(documents) > 1:
        moved = moved - away * documents[order[-min(wrong, half) :]].mean(0)
    made: Floats = (moved / max(float(np.linalg.norm(moved)), 1e-12)).astype(np.float32)
    return made


def _different(phrases: Sequence[str]) -> list[str]:
    """Phrases none of which is made of the words of an earlier one."""
    kept: list[str] = []
    seen: list[set[str]] = []
    for phrase in phrases:
        words = {singular(word) for word in words_of(phrase)}
        if not any(words <= other for other in seen):
            kept.append(phrase)
            seen.append(words)
    return kept
