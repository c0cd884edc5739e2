"""And, or, not, piece by piece, with whatever encoder made the vectors; nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Embeddings
from openitr.encoders.base import Encoder
from openitr.errors import QueryError
from openitr.index.base import Index
from openitr.search.background import Background
from openitr.search.pipeline import Candidates
from openitr.search.rerank.propositions import Clause, Proposition, split_propositions
from openitr.search.retrieve import exact
from openitr.types import Query

_SAMPLE, _FLOOR = 512, -2.0


class PropositionReranker:
    """Score every proposition of a text by itself, then put the scores together: a scorer for a rerank stage (ours).

    A proposition's score is standardised over unrelated pictures. Of alternatives the best counts, over clauses the
    mean, half and half with the text as a whole; what is denied costs as in :class:`~openitr.search.Avoid`,
    ``strength * max(z, -2)`` each. A text without and, or, not is ordered as it was. Parts of a query that are pictures
    are left to the first stage.

    Args:
        encoder: That the index was built with, of any kind.
        index: Where the pictures' vectors are.
        background: Unrelated pictures; None samples the index.
        strength: What a standard deviation of something denied costs.
        whole: Share of the whole text beside its clauses, 0 to 1.

    Raises:
        QueryError: Numbers out of range; no text, when asked.

    References:
        NDCR (Li et al. 2023, arXiv:2305.02265) divides, conquers and combines with learned parts; these are rules.

    Example::

        stage = Rerank(PropositionReranker(encoder, index), top=200)
        (Retrieve(index, encoder) >> stage)(Query([Part("a dog or a cat, but no people")]), ...)
    """

    def __init__(
        self,
        encoder: Encoder,
        index: Index,
        *,
        background: Background | None = None,
        strength: float = 0.5,
        whole: float = 0.5,
    ) -> None:
        if not 0 <= whole <= 1 or strength < 0:
            raise QueryError(f"strength {strength}, whole {whole}", "use 0 or more, and 0 to 1")
        self.encoder, self.index, self.background = encoder, index, background
        self.strength, self.whole = strength, whole

    def __repr__(self) -> str:
        return f"PropositionReranker({self.encoder.spec}, strength={self.strength:g})"

    def __call__(self, query: Query, things: Sequence[Any], candidates: Candidates) -> npt.NDArray[np.float64]:
        """(n,) scores of candidates, whatever they are handed over as: their vectors are looked up by id."""
        texts = [part for part in query.parts if part.text]
        if not texts:
            raise QueryError("there are no words to divide", "ask in words as well")
        stored, sample = self.index.vectors(candidates.ids), self._sample()
        total = np.zeros(len(candidates))
        for part in texts:
            total += part.weight * self._score(split_propositions(part.text), stored, sample)
        for part in query.negatives:
            if part.text:
                total += abs(part.weight) * self._score(((Proposition(part.text, True),),), stored, sample)
        return total

    def _score(self, clauses: Sequence[Clause], stored: Embeddings, sample: Embeddings) -> npt.NDArray[np.float64]:
        wanted = [clause for clause in clauses if not clause[0].negated]
        said = [" and ".join(" or ".join(one.text for one in clause) for clause in wanted)] if wanted else []
        texts = [*said, *(one.text for clause in clauses for one in clause)]
        rows = self.encoder.encode_texts(texts)
        z = [_standard(rows[at : at + 1], stored, sample) for at in range(len(texts))]
        whole, pieces = (z[0], iter(z[1:])) if wanted else (np.zeros(len(stored)), iter(z))
        held: list[npt.NDArray[np.float64]] = []
        denied = np.zeros(len(stored))
        for clause in clauses:
            found = np.stack([next(pieces) for _ in clause])
            if clause[0].negated:
                denied += self.strength * np.maximum(found[0], _FLOOR)
            else:
                held.append(found.max(axis=0))
        if not held:
            return -denied
        if len(held) == 1 and len(wanted[0]) == 1:
            return whole - denied
        return np.asarray(self.whole * whole + (1 - self.whole) * np.mean(held, axis=0) - denied, np.float64)

    def _sample(self) -> Embeddings:
        """Vectors of unrelated pictures, the same at every call."""
        if self.background is not None and len(self.background.images) > 1:
            return self.background.images
        ids = self.index.ids()
        if len(ids) > _SAMPLE:
            ids = np.sort(np.random.default_rng(0).permutation(ids)[:_SAMPLE])
        return self.index.vectors(ids)


def _standard(row: Embeddings, stored: Embeddings, sample: Embeddings) -> npt.NDArray[np.float64]:
    """(n,) scores in standard deviations over the sample."""
    reference = exact(row, sample).astype(np.float64)
    spread = max(float(reference.std()), 1e-6)
    return np.asarray((exact(row, stored) - float(reference.mean())) / spread, np.float64)
