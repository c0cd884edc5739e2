"""Search: stages that compose, an answer that is calibrated, and duplicates.

Names are loaded when they are used, so that a search does not pay for what finding duplicates needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.lazy import lazily

if TYPE_CHECKING:
    from openitr.search.answer import Answer
    from openitr.search.avoid import Avoid
    from openitr.search.background import Background
    from openitr.search.calibrate import Calibrate, Calibration, calibration_of
    from openitr.search.diversify import Diversify
    from openitr.search.duplicates import DuplicateGroup, find_duplicates
    from openitr.search.fuse import Fuse
    from openitr.search.hubness import Level, Unhub
    from openitr.search.parts import parse_part
    from openitr.search.pipeline import Candidates, Cut, Pipeline, Retriever, Stage
    from openitr.search.rerank import (
        ComCLIPReranker,
        ComponentReranker,
        CrossEncoder,
        ListwiseReranker,
        NDCRReranker,
        PropositionReranker,
        Rerank,
    )
    from openitr.search.retrieve import Retrieve
    from openitr.search.words import Words

_HOMES = {
    "Answer": "answer",
    "Avoid": "avoid",
    "Background": "background",
    "Calibrate": "calibrate",
    "Calibration": "calibrate",
    "Candidates": "pipeline",
    "ComCLIPReranker": "rerank",
    "ComponentReranker": "rerank",
    "CrossEncoder": "rerank",
    "Cut": "pipeline",
    "Diversify": "diversify",
    "DuplicateGroup": "duplicates",
    "Fuse": "fuse",
    "Level": "hubness",
    "ListwiseReranker": "rerank",
    "NDCRReranker": "rerank",
    "Pipeline": "pipeline",
    "PropositionReranker": "rerank",
    "Rerank": "rerank",
    "Retrieve": "retrieve",
    "Retriever": "pipeline",
    "Stage": "pipeline",
    "Unhub": "hubness",
    "Words": "words",
    "calibration_of": "calibrate",
    "find_duplicates": "duplicates",
    "parse_part": "parts",
}

__all__ = [
    "Answer",
    "Avoid",
    "Background",
    "Calibrate",
    "Calibration",
    "Candidates",
    "ComCLIPReranker",
    "ComponentReranker",
    "CrossEncoder",
    "Cut",
    "Diversify",
    "DuplicateGroup",
    "Fuse",
    "Level",
    "ListwiseReranker",
    "NDCRReranker",
    "Pipeline",
    "PropositionReranker",
    "Rerank",
    "Retrieve",
    "Retriever",
    "Stage",
    "Unhub",
    "Words",
    "calibration_of",
    "find_duplicates",
    "parse_part",
]

__getattr__ = lazily(__name__, _HOMES)
