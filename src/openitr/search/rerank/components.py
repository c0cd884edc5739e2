"""F4-ITS: a picture with a description of it, and its components one by one, look for texts together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openitr.embeddings import Floats
from openitr.errors import InputError, ShapeError
from openitr.search.compose.base import normal


def fuse(v: Floats, g: Floats, w: float = 0.7) -> Floats:
    """``w v + (1 - w) g``: a picture's vector with that of a description; the length is not made 1 again.

    Args:
        v: (..., d) the picture.
        g: (..., d) the description.
        w: Share of the picture.

    Raises:
        ShapeError: Vectors of different width.
        InputError: A share outside 0 to 1.

    >>> fuse(np.array([1.0, 0.0]), np.array([0.0, 1.0])).round(2).tolist()
    [0.7, 0.3]
    """
    if v.shape[-1:] != g.shape[-1:]:
        raise ShapeError(f"vectors of width {v.shape[-1]} and {g.shape[-1]} cannot be mixed", "use one encoder")
    if not 0 <= w <= 1:
        raise InputError(f"a share of {w}", "use 0 to 1")
    mixed: Floats = w * v + (1 - w) * g
    return mixed


def fused_scores(
    v: Floats, g: Floats, items: Floats, w: float = 0.7, *, blend: float | None = None, renorm: bool = True
) -> Floats:
    """(n,) scores of texts for a picture with its description.

    Args:
        v: (d,) the picture.
        g: (d,) the description.
        items: (n, d) the texts.
        w: Share of the picture in the query.
        blend: Share that a text keeps when the picture is mixed into it as well ("bi-directional", 0.8 in the paper);
            None leaves texts as they are.
        renorm: Give mixed texts length 1 again. Without it the mixture adds one constant to all scores, and changes no
            order.
    """
    query = fuse(v, g, w)
    if blend is not None:
        items = fuse(items, np.broadcast_to(v, items.shape), blend)
        items = normal(items) if renorm else items
    found: Floats = items @ query
    return found


@dataclass(frozen=True)
class ComponentReranker:
    """Each component of a picture (an ingredient, a thing in it) picks one text; texts are ordered by how well it fits.

    For component e_k the query is ``w v + (1 - w) e_k``; of its best ``top`` texts the one nearest to e_k itself is
    kept, if their cosine is above ``threshold`` and no other component took it.

    Args:
        w: Share of the picture.
        top: Texts that each component looks at.
        threshold: Least cosine of component and text.
        blend: Share that a text keeps when the picture is mixed into it.
        renorm: Give mixed texts length 1 again.

    Raises:
        InputError: A share outside 0 to 1, or ``top`` below 1.

    References:
        F4-ITS (2025), ingredient reranker; the numbers are its own.

    >>> texts = np.eye(3, dtype=np.float32)
    >>> ComponentReranker().rerank(texts[0], texts[[2, 1]], texts)
    [2, 1]
    """

    w: float = 0.7
    top: int = 2
    threshold: float = 0.6
    blend: float = 0.8
    renorm: bool = True

    def __post_init__(self) -> None:
        if not (0 <= self.w <= 1 and 0 <= self.blend <= 1 and self.top >= 1):
            raise InputError(f"w {self.w}, blend {self.blend}, top {self.top}", "shares from 0 to 1, top of 1 or more")

    def rerank(self, v: Floats, components: Floats, items: Floats) -> list[int]:
        """Rows of the texts that are kept, best first.

        Args:
            v: (d,) the picture.
            components: (m, d) unit vectors of what was predicted to be in it.
            items: (n, d) unit vectors of the texts.
        """
        if not len(items):
            return []
        kept: dict[int, float] = {}
        for component in components:
            scores = fused_scores(v, component, items, self.w, blend=self.blend, renorm=self.renorm)
            best = np.argsort(-scores, kind="stable")[: self.top]
            fits = items[best] @ component
            row, fit = int(best[int(fits.argmax())]), float(fits.max())
            if fit > self.threshold and row not in kept:
                kept[row] = fit
        return sorted(kept, key=lambda row: -kept[row])
