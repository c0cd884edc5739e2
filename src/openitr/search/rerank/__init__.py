"""Reranking: a slower part looks again at what a fast one found.

    Rerank                the stage: any scorer, the best so many, within a deadline
    CrossEncoder          a trained fusion model (ALBEF, FIBER, UNITER) that sees words and picture together
    ListwiseReranker      a language model orders the shortlist in one call (CoTRR)
    ComCLIPReranker       subject, object and predicate of a sentence against parts of the picture (ComCLIP)
    PropositionReranker   and, or, not, piece by piece, with any encoder; no training
    NDCRReranker          the same learned, over a set of near-identical pictures (NDCR)
    ComponentReranker     a picture's parts, one by one, among texts (F4-ITS)

A scorer is any ``(query, ids or items, their candidates) -> scores``; write your own in a line. Each of the above but
the last is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.lazy import lazily
from openitr.search.rerank.stage import Opinion, Rerank, Scorer

if TYPE_CHECKING:
    from openitr.search.rerank.components import ComponentReranker, fuse
    from openitr.search.rerank.compositional import ComCLIPReranker
    from openitr.search.rerank.cross import CrossEncoder
    from openitr.search.rerank.grounding import GridGrounder
    from openitr.search.rerank.listwise import ListwiseReranker
    from openitr.search.rerank.logic import PropositionReranker
    from openitr.search.rerank.ndcr import NDCRReranker
    from openitr.search.rerank.propositions import Proposition, split_propositions, wanted_and_not

_HOMES = {
    "ComCLIPReranker": "compositional",
    "ComponentReranker": "components",
    "CrossEncoder": "cross",
    "GridGrounder": "grounding",
    "ListwiseReranker": "listwise",
    "NDCRReranker": "ndcr",
    "Proposition": "propositions",
    "PropositionReranker": "logic",
    "fuse": "components",
    "split_propositions": "propositions",
    "wanted_and_not": "propositions",
}

__all__ = [
    "ComCLIPReranker",
    "ComponentReranker",
    "CrossEncoder",
    "GridGrounder",
    "ListwiseReranker",
    "NDCRReranker",
    "Opinion",
    "Proposition",
    "PropositionReranker",
    "Rerank",
    "Scorer",
    "fuse",
    "split_propositions",
    "wanted_and_not",
]

__getattr__ = lazily(__name__, _HOMES)
