"""Composed queries: a picture and what should be different about it, as one vector.

    WeightedComposer      weighted mean of picture and words (WeiMoCIR)
    DirectionalQuery      what the words change, as a direction with sliders (PDV)
    LanguageComposer      caption the picture, rewrite the caption, search by it (CIReVL)
    LearnedComposer       trained on triplets (CLIP4CIR), run without torch
    ImageOnly, TextOnly   what each must beat

Every composer has one call, ``compose(reference, text, strength)``, and ``start(reference, text)``, which encodes once
and can then be asked at any strength. ``composer_named`` finds one by the word that people type; a ``Change`` carries
it through a search. Composers that need torch are in :mod:`openitr.models`.

>>> from openitr import encoders
>>> composer = DirectionalQuery(encoders.load("default"))                          # doctest: +SKIP
>>> started = composer.start(picture, "in red")                                     # doctest: +SKIP
>>> index.search(started.at(1.0), 20), index.search(started.at(1.8), 20)            # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.lazy import lazily

if TYPE_CHECKING:
    from openitr.search.compose.base import Composer, ImageOnly, Started, TextOnly, VectorComposer
    from openitr.search.compose.captions import (
        Captioner,
        NearestTexts,
        Rewriter,
        lmm_captioner,
        lmm_rewriter,
        swap_rewriter,
    )
    from openitr.search.compose.change import Change, ComposedPart
    from openitr.search.compose.directional import DirectionalQuery
    from openitr.search.compose.language import LanguageComposer, Trace
    from openitr.search.compose.learned import Combiner, LearnedComposer
    from openitr.search.compose.named import NAMED, composer_named
    from openitr.search.compose.parts import edit_parts, edited
    from openitr.search.compose.tuning import Tuned, tune
    from openitr.search.compose.weighted import CaptionedIndex, WeightedComposer

_HOMES = {
    "NAMED": "named",
    "CaptionedIndex": "weighted",
    "Captioner": "captions",
    "Change": "change",
    "Combiner": "learned",
    "ComposedPart": "change",
    "Composer": "base",
    "DirectionalQuery": "directional",
    "ImageOnly": "base",
    "LanguageComposer": "language",
    "LearnedComposer": "learned",
    "NearestTexts": "captions",
    "Rewriter": "captions",
    "Started": "base",
    "TextOnly": "base",
    "Trace": "language",
    "Tuned": "tuning",
    "VectorComposer": "base",
    "WeightedComposer": "weighted",
    "composer_named": "named",
    "edit_parts": "parts",
    "edited": "parts",
    "lmm_captioner": "captions",
    "lmm_rewriter": "captions",
    "swap_rewriter": "captions",
    "tune": "tuning",
}

__all__ = [
    "NAMED",
    "CaptionedIndex",
    "Captioner",
    "Change",
    "Combiner",
    "ComposedPart",
    "Composer",
    "DirectionalQuery",
    "ImageOnly",
    "LanguageComposer",
    "LearnedComposer",
    "NearestTexts",
    "Rewriter",
    "Started",
    "TextOnly",
    "Trace",
    "Tuned",
    "VectorComposer",
    "WeightedComposer",
    "composer_named",
    "edit_parts",
    "edited",
    "lmm_captioner",
    "lmm_rewriter",
    "swap_rewriter",
    "tune",
]

__getattr__ = lazily(__name__, _HOMES)
