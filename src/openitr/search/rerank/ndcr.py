"""NDCR: near-identical candidates for a long text, told apart proposition by proposition, with a trace of why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Floats
from openitr.errors import QueryError, ShapeError
from openitr.index.base import Index
from openitr.search.pipeline import Candidates
from openitr.types import Query

if TYPE_CHECKING:
    from openitr.models import WordTokenizer
    from openitr.models.propositions import PropositionReasoner


@dataclass(frozen=True, eq=False)
class Trace:
    """What was thought on the way.

    Args:
        each: (s, n) probability of every candidate by each proposition.
        denied: (s, n) the same by its negation.
        whole, joint: (n,) by the text as a whole, and by the conjunction.
        shares: (s,) how much each proposition counts.
        gate: Weight of the propositions against the conjunction.
        final: (n,) in the end.
    """

    each: Floats
    denied: Floats
    whole: Floats
    joint: Floats
    shares: Floats
    gate: float
    final: Floats


class NDCRReranker:
    """A trained reasoner over the vectors of a shortlist.

    It judges a whole set at once, so as the scorer of a :class:`~openitr.search.Rerank` the stage's ``batch`` should be
    its ``top`` (10 in the paper). Where none is trained, :class:`~openitr.search.rerank.PropositionReranker` does by
    rules what rules can do.

    Args:
        model: Trained on candidates' vectors of the encoder in use.
        tokenizer: Of its texts.
        index: Where vectors are, when it is the scorer of a stage.

    Raises:
        ShapeError: Vectors of another width than the model's.
        QueryError: No text, or no index, when asked.

    References:
        NDCR, Li et al. 2023, arXiv:2305.02265.
    """

    def __init__(self, model: PropositionReasoner, tokenizer: WordTokenizer, index: Index | None = None) -> None:
        self.model, self.tokenizer, self.index = model, tokenizer, index

    def __repr__(self) -> str:
        return f"NDCRReranker({self.model.config['slots']} propositions)"

    def rerank(self, text: str, images: Floats) -> tuple[list[int], Trace]:
        """Places of the candidates, best first, and how that came about.

        Args:
            text: Of any length; the tower's is what it reads.
            images: (n, d) vectors of the candidates.
        """
        import torch

        if images.ndim != 2 or images.shape[1] != self.model.features or not len(images):
            raise ShapeError(f"candidates of shape {images.shape}", f"give (n, {self.model.features}) vectors")
        ids = self.tokenizer.encode([text])[:, : int(getattr(self.model.text, "length", 10_000))]
        was = self.model.training
        self.model.eval()
        with torch.inference_mode():
            found = self.model(ids, torch.from_numpy(np.asarray(images, np.float32))[None])
        self.model.train(was)
        each, denied, whole, joint = (
            logits[0].softmax(-1).numpy() for logits in (found.each, found.denied, found.whole, found.joint)
        )
        final = found.final[0].numpy()
        trace = Trace(each, denied, whole, joint, found.shares[0].numpy(), float(found.gate[0]), final)
        return np.argsort(-final, kind="stable").tolist(), trace

    def __call__(self, query: Query, things: Sequence[Any], candidates: Candidates) -> npt.NDArray[np.float64]:
        """(n,) probabilities, over the candidates that are handed over together."""
        texts = [part.text for part in query.parts if part.text]
        if not texts or self.index is None:
            raise QueryError("propositions come from words, and vectors from an index", "ask in words, give it index=")
        stored = self.index.vectors(candidates.ids)
        if not isinstance(stored, DenseEmbeddings):
            raise ShapeError(f"the index holds {stored.kind} embeddings", "NDCR needs dense ones")
        # Negatives were part of the sentence before they were taken out of it.
        without = "".join(f", no {part.text}" for part in query.negatives if part.text)
        return self.rerank(", ".join(texts) + without, stored.values)[1].final.astype(np.float64)
