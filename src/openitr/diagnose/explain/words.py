"""What the score loses when a word is left out of the text: the other side of an occlusion map."""

from __future__ import annotations

import numpy as np

from openitr.encoders.base import Encoder
from openitr.errors import InputError
from openitr.types import ImageArray


def word_saliency(encoder: Encoder, image: ImageArray, text: str) -> list[tuple[str, float]]:
    """Each word between blanks with the score lost without it (leave one out; Li et al. 2016, arXiv:1612.08220).

    Args:
        encoder: Any.
        image: (h, w, 3) uint8 RGB.
        text: Two words at least.

    Raises:
        InputError: Fewer than two words: nothing would be left.
    """
    words = text.split()
    if len(words) < 2:
        raise InputError(f"{text!r} is one word", "leaving it out would leave nothing")
    without = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
    seen = encoder.encode_images([image])
    scores = np.asarray(encoder.encode_texts([text, *without]).score(seen), np.float64)[:, 0]  # type: ignore[arg-type]
    return [(word, float(scores[0] - left)) for word, left in zip(words, scores[1:], strict=True)]
