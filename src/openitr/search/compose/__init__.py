"""Composed queries: a picture and what should be different about it, as one vector.

    WeightedComposer      weighted mean of picture and words (WeiMoCIR)
    DirectionalQuery      what the words change, as a direction with sliders (PDV)
    LanguageComposer      caption the picture, rewrite the caption, search by it (CIReVL)
    ImageOnly, TextOnly   what each must beat

Every composer has one call, ``compose(reference, text, strength)``, and ``start(reference, text)``, which encodes once
and can then be asked at any strength. Trained composers are in :mod:`openitr.models`.

>>> from openitr import encoders
>>> composer = DirectionalQuery(encoders.load("default"))                          # doctest: +SKIP
>>> started = composer.start(picture, "in red")                                     # doctest: +SKIP
>>> index.search(started.at(1.0), 20), index.search(started.at(1.8), 20)            # doctest: +SKIP
"""

from __future__ import annotations

from openitr.search.compose.base import Composer, ImageOnly, Started, TextOnly, VectorComposer
from openitr.search.compose.captions import Captioner, NearestTexts, Rewriter, lmm_captioner, lmm_rewriter
from openitr.search.compose.directional import DirectionalQuery
from openitr.search.compose.language import LanguageComposer, Trace
from openitr.search.compose.parts import edit_parts, edited
from openitr.search.compose.tune import Tuned, tune
from openitr.search.compose.weighted import CaptionedIndex, WeightedComposer

__all__ = [
    "CaptionedIndex",
    "Captioner",
    "Composer",
    "DirectionalQuery",
    "ImageOnly",
    "LanguageComposer",
    "NearestTexts",
    "Rewriter",
    "Started",
    "TextOnly",
    "Trace",
    "Tuned",
    "VectorComposer",
    "WeightedComposer",
    "edit_parts",
    "edited",
    "lmm_captioner",
    "lmm_rewriter",
    "tune",
]
