"""Suggestion: from what a query found to better queries, and from an article to pictures.

    QuerySuggester      groups the results and changes the query for each (CroQS)
    Discriminative      names groups by phrases that tell them apart; no language model
    GroupCap            names groups by captions, merged by a language model (CroQS's own)
    for_library         both, for a collection, with hints on spelling and language
    Illustrator         key phrases of an article, and pictures by them; `illustrate` for a collection

>>> [s.query for s in for_library(library, "a dog").suggestions]                        # doctest: +SKIP
['a dog in the snow', 'a dog running', 'a dog with a ball']
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.lazy import lazily

if TYPE_CHECKING:
    from openitr.search.suggest.article import Article, illustrate, rankers_for
    from openitr.search.suggest.base import Named, Results, Suggestion
    from openitr.search.suggest.cluster import Clusterer, central, silhouette
    from openitr.search.suggest.collected import LocalLibrary, Suggested, for_library, hints
    from openitr.search.suggest.group_cap import CaptionMemory, GroupCap, least_change, lmm_merger
    from openitr.search.suggest.illustrator import Illustrated, Illustrator, rocchio
    from openitr.search.suggest.keyphrases import Document, Ranker, aggregate_ranks
    from openitr.search.suggest.languages import tongue
    from openitr.search.suggest.naming import Discriminative
    from openitr.search.suggest.readers import Foreign, foreign
    from openitr.search.suggest.spelling import Speller, did_you_mean
    from openitr.search.suggest.suggester import Namer, QuerySuggester
    from openitr.search.suggest.summary import SubmodularSummarizer
    from openitr.search.suggest.vocabulary import Vocabulary, general

_HOMES = {
    "Article": "article",
    "CaptionMemory": "group_cap",
    "Clusterer": "cluster",
    "Discriminative": "naming",
    "Document": "keyphrases",
    "Foreign": "readers",
    "GroupCap": "group_cap",
    "Illustrated": "illustrator",
    "Illustrator": "illustrator",
    "LocalLibrary": "collected",
    "Named": "base",
    "Namer": "suggester",
    "QuerySuggester": "suggester",
    "Ranker": "keyphrases",
    "Results": "base",
    "Speller": "spelling",
    "SubmodularSummarizer": "summary",
    "Suggested": "collected",
    "Suggestion": "base",
    "Vocabulary": "vocabulary",
    "aggregate_ranks": "keyphrases",
    "central": "cluster",
    "did_you_mean": "spelling",
    "for_library": "collected",
    "foreign": "readers",
    "general": "vocabulary",
    "hints": "collected",
    "illustrate": "article",
    "least_change": "group_cap",
    "lmm_merger": "group_cap",
    "rankers_for": "article",
    "rocchio": "illustrator",
    "silhouette": "cluster",
    "tongue": "languages",
}

__all__ = [
    "Article",
    "CaptionMemory",
    "Clusterer",
    "Discriminative",
    "Document",
    "Foreign",
    "GroupCap",
    "Illustrated",
    "Illustrator",
    "LocalLibrary",
    "Named",
    "Namer",
    "QuerySuggester",
    "Ranker",
    "Results",
    "Speller",
    "SubmodularSummarizer",
    "Suggested",
    "Suggestion",
    "Vocabulary",
    "aggregate_ranks",
    "central",
    "did_you_mean",
    "for_library",
    "foreign",
    "general",
    "hints",
    "illustrate",
    "least_change",
    "lmm_merger",
    "rankers_for",
    "rocchio",
    "silhouette",
    "tongue",
]

__getattr__ = lazily(__name__, _HOMES)
