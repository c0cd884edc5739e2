"""WeiMoCIR: weighted means of modalities on the side of the query, of similarities on that of the pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from openitr.embeddings import Floats, Ints
from openitr.encoders.base import Encoder
from openitr.errors import InputError, ShapeError
from openitr.search.compose.base import VectorComposer, asked, normal, values
from openitr.types import ImageArray


class WeightedComposer(VectorComposer):
    """q = norm((1 - alpha) v + alpha t), with the vectors of the picture and of the text.

    Strength multiplies the share of the text: alpha s against (1 - alpha).

    Args:
        encoder: A dense one.
        alpha: Share of the text, 0 to 1. Text-picture cosines lie in a narrower band than picture-picture ones, so
            the published values are high: 0.8 with CLIP, 0.95 with BLIP.

    Raises:
        InputError: Out of range.

    References:
        Wu et al. 2024, WeiMoCIR, arXiv:2409.04918; the sum is the baseline of Vo et al. 2019, arXiv:1812.07119.

    >>> import numpy as np
    >>> picture, text = np.array([1, 0], np.float32), np.array([[0, 1]], np.float32)
    >>> [f"{x:.2f}" for x in weighted(picture, text[0], 0.8)]
    ['0.24', '0.97']
    """

    name = "weighted (WeiMoCIR)"

    def __init__(self, encoder: Encoder, alpha: float = 0.8) -> None:
        if not 0 <= alpha <= 1:
            raise InputError(f"alpha is {alpha}", "use 0 (picture alone) to 1 (text alone)")
        super().__init__(encoder)
        self.alpha = alpha

    def mix(self, image: Floats, texts: Floats, strength: float) -> Floats:
        """(1 - alpha) v + s alpha t; where alpha is 1, the picture comes back at strength 0."""
        if strength == 0:
            return image
        made: Floats = (1 - self.alpha) * image + strength * self.alpha * texts[0]
        return made


class CaptionedIndex:
    """Pictures with captions of theirs, searched by both: s_n = (1 - beta) cos(q, v_n) + beta mean_l cos(q_l, c_nl).

    q_l weighs the l-th caption of the *reference* and the text as q weighs its picture (as the released code does).

    Args:
        composer: Says alpha, and encodes.
        images: (n, d) unit vectors of the pictures.
        captions: (n, L, d) unit vectors of L captions of each, made by one and the same L prompts.
        beta: Share of the captions, 0 to 1; published: 0.1 with CLIP, 0.2 with BLIP.

    Raises:
        ShapeError: Shapes that do not fit.
        InputError: beta out of range.
    """

    def __init__(self, composer: WeightedComposer, images: Floats, captions: Floats, *, beta: float = 0.1) -> None:
        if captions.ndim != 3 or captions.shape[0] != len(images) or captions.shape[2] != images.shape[1]:
            raise ShapeError(
                f"captions have shape {captions.shape} for pictures of {images.shape}", "give (n, L, d) for (n, d)"
            )
        if not 0 <= beta <= 1:
            raise InputError(f"beta is {beta}", "use 0 (pictures alone) to 1 (captions alone)")
        self.composer, self.images, self.captions, self.beta = composer, images, captions, beta

    def search(
        self, reference: ImageArray, captions: Sequence[str], text: str, k: int = 10, *, leave: int = -1
    ) -> Ints:
        """Rows of the best pictures.

        Args:
            reference: The picture that was shown.
            captions: Its L captions.
            text: What should be different.
            k: How many.
            leave: Row of the reference, which is never returned; -1 where it is not among the pictures.
        """
        encoder = self.composer.encoder
        image, spoken = encoder.encode_images([reference]), encoder.encode_texts([asked(text), *captions])
        scores = self.scores(values(image), values(spoken)[None, 1:], values(spoken)[:1])[0]
        if leave >= 0:
            scores[leave] = -np.inf
        best = np.argsort(-scores, kind="stable")[:k]
        return np.asarray(best[np.isfinite(scores[best])], np.int64)

    def scores(self, images: Floats, captions: Floats, texts: Floats) -> Floats:
        """(m, n) scores of m queries: pictures (m, d), their captions (m, L, d), texts (m, d).

        Raises:
            ShapeError: Another number of captions than the pictures have.
        """
        if captions.shape[1] != self.captions.shape[1]:
            raise ShapeError(
                f"{captions.shape[1]} captions of the query, {self.captions.shape[1]} of each picture", "one per prompt"
            )
        alpha = self.composer.alpha
        seen = weighted(images, texts, alpha) @ self.images.T
        said = np.einsum("mld,nld->mn", weighted(captions, texts[:, None], alpha), self.captions) / captions.shape[1]
        total: Floats = ((1 - self.beta) * seen + self.beta * said).astype(np.float32)
        return total


def weighted(images: Floats, texts: Floats, alpha: float) -> Floats:
    """norm((1 - alpha) v + alpha t) over the last axis."""
    return normal((1 - alpha) * images + alpha * texts)
