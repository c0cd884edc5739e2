"""Evaluation where every match in the collection is known, and reranking by a yes-or-no question."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from openitr.errors import InputError
from openitr.evaluate.judging import Ties
from openitr.evaluate.qrels import Qrels
from openitr.evaluate.run import Run
from openitr.evaluate.scores import Groups, Scores, evaluate_run

Ask = Callable[[str, str], float]


@dataclass(frozen=True)
class ExhaustiveEvaluator:
    """Retrieval numbers whose denominators are known, because the judgements are complete.

    With y the labels of the first k and R all matches in the collection:  AP@k = sum of precisions at the hits of y /
    min(R, k);  nDCG@k against an ideal list of all R matches, the unseen ones counted as ranked last;  MRR of the first
    hit within k.

    Args:
        k: How many answers count.
        ties: As in :func:`openitr.evaluate.evaluate_run`.

    References:
        Vendrow et al. 2024, "INQUIRE: A Natural World Text-to-Image Retrieval Benchmark", section 4 and supplement.

    >>> run = Run({"q": {"a": 3, "b": 2, "c": 1}})
    >>> scores = ExhaustiveEvaluator(k=2).evaluate(run, Qrels.of_sets({"q": ["a", "c", "d"]}))
    >>> scores["mAP@2"], scores["MRR@2"]                                # (1/1) / min(3, 2)
    (50.0, 100.0)
    """

    k: int = 50
    ties: Ties = "against"

    def evaluate(self, run: Run, qrels: Qrels, groups: Groups | None = None) -> Scores:
        """Measure a run; ``groups`` has the categories of each query (appearance, behaviour, ..., iconic group)."""
        names = [f"{family}@{self.k}" for family in ("mAP", "nDCG", "MRR", "P", "Recall")]
        return evaluate_run(run, qrels, names, ties=self.ties, groups=groups)


@dataclass(frozen=True)
class YesNoReranker:
    """Sorts the first answers anew by how sure a model is that "Does this picture show {query}?" is answered Yes.

    Args:
        ask: Query and document id to the probability of Yes; :func:`yes_probability` makes one from a language model's
            log-probabilities of its first token.
        top: How many of the first answers are asked about. They stay in front of all others, so recall at ``top``
            cannot change.

    References:
        INQUIRE's reranking with large multimodal models (Vendrow et al. 2024, section 5.2).

    >>> run = Run({"a fox": {"cat.jpg": 3, "fox.jpg": 2, "tree.jpg": 1}})
    >>> list(YesNoReranker(lambda query, picture: float("fox" in picture), top=2).rerank(run)["a fox"])
    ['fox.jpg', 'cat.jpg', 'tree.jpg']
    """

    ask: Ask
    top: int = 100

    def rerank(self, run: Run, queries: Mapping[str, str] | None = None, name: str = "") -> Run:
        """A run of the same documents in a new order; equal answers keep their order.

        Args:
            run: What was retrieved.
            queries: Query id to its words; the id itself where it is not given.
            name: What to call the new run.

        Raises:
            InputError: A probability outside 0 to 1, or ``top`` below 1.
        """
        if self.top < 1:
            raise InputError(f"top is {self.top}", "use 1 or more")
        ranked = {}
        for query, found in run.items():
            words = (queries or {}).get(query, query)
            first, rest = list(found)[: self.top], list(found)[self.top :]
            sure = {document: self.ask(words, document) for document in first}
            for document, chance in sure.items():
                if not 0 <= chance <= 1:
                    raise InputError(f"{document!r}: {chance} is no probability", "answer with 0 to 1")
            order = sorted(first, key=lambda document: -sure[document]) + rest
            ranked[query] = {document: float(len(order) - place) for place, document in enumerate(order)}
        return Run(ranked, name or f"{run.name} + yes/no".lstrip(" +"))


def yes_probability(yes: float, no: float) -> float:
    """P(Yes) / (P(Yes) + P(No)) from two log-probabilities.

    >>> round(yes_probability(-1.0, -1.0), 2), yes_probability(-0.1, float("-inf"))
    (0.5, 1.0)
    """
    if yes == -math.inf and no == -math.inf:
        return 0.5
    return 1 / (1 + math.exp(min(700.0, no - yes)))
