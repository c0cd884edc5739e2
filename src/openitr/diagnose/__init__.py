"""What a model gets wrong, and why: gaps, biases, hubs, word order, and maps of what a score rests on.

    >>> from openitr import datasets, encoders
    >>> from openitr.diagnose import diagnose, page
    >>> found = diagnose(encoders.load("default"), datasets.read("flickr8k"))                # doctest: +SKIP
    >>> Path("diagnosis.html").write_text(page(found))                                       # doctest: +SKIP

Names are loaded when they are used; torch only where gradients are needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.lazy import lazily

if TYPE_CHECKING:
    from openitr.diagnose.association import CABProbe, CABReport, make_two_object_images
    from openitr.diagnose.finding import Finding
    from openitr.diagnose.gap import ModalityGap, modality_gap
    from openitr.diagnose.hubs import Hubness, hubness
    from openitr.diagnose.run import Diagnosis, diagnose
    from openitr.diagnose.sample import Sample, take_sample
    from openitr.diagnose.sheet import page
    from openitr.diagnose.source import SourceBias, SourceReport, bias_direction
    from openitr.diagnose.strata import Stratum, by_language, by_length, by_size
    from openitr.diagnose.words import WordOrder, scene_changes, word_order

_HOMES = {
    "CABProbe": "association",
    "CABReport": "association",
    "Diagnosis": "run",
    "Finding": "finding",
    "Hubness": "hubs",
    "ModalityGap": "gap",
    "Sample": "sample",
    "SourceBias": "source",
    "SourceReport": "source",
    "Stratum": "strata",
    "WordOrder": "words",
    "bias_direction": "source",
    "by_language": "strata",
    "by_length": "strata",
    "by_size": "strata",
    "diagnose": "run",
    "hubness": "hubs",
    "make_two_object_images": "association",
    "modality_gap": "gap",
    "page": "sheet",
    "scene_changes": "words",
    "take_sample": "sample",
    "word_order": "words",
}

__all__ = [
    "CABProbe",
    "CABReport",
    "Diagnosis",
    "Finding",
    "Hubness",
    "ModalityGap",
    "Sample",
    "SourceBias",
    "SourceReport",
    "Stratum",
    "WordOrder",
    "bias_direction",
    "by_language",
    "by_length",
    "by_size",
    "diagnose",
    "hubness",
    "make_two_object_images",
    "modality_gap",
    "page",
    "scene_changes",
    "take_sample",
    "word_order",
]

__getattr__ = lazily(__name__, _HOMES)
