"""Search: stages that compose, an answer that is calibrated, and duplicates.

Names are loaded when they are used, so that a search does not pay for what finding duplicates needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openitr.search.answer import Answer
    from openitr.search.avoid import Avoid
    from openitr.search.background import Background
    from openitr.search.calibrate import Calibrate, Calibration, calibration_of
    from openitr.search.diversify import Diversify
    from openitr.search.duplicates import DuplicateGroup, find_duplicates
    from openitr.search.hubness import Level, Unhub
    from openitr.search.parts import parse_part
    from openitr.search.pipeline import Candidates, Pipeline, Stage
    from openitr.search.retrieve import Retrieve

_HOMES = {
    "Answer": "answer",
    "Avoid": "avoid",
    "Background": "background",
    "Calibrate": "calibrate",
    "Calibration": "calibrate",
    "Candidates": "pipeline",
    "Diversify": "diversify",
    "DuplicateGroup": "duplicates",
    "Level": "hubness",
    "Pipeline": "pipeline",
    "Retrieve": "retrieve",
    "Stage": "pipeline",
    "Unhub": "hubness",
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
    "Diversify",
    "DuplicateGroup",
    "Level",
    "Pipeline",
    "Retrieve",
    "Stage",
    "Unhub",
    "calibration_of",
    "find_duplicates",
    "parse_part",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
