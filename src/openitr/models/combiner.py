# mypy: disallow-subclassing-any=False
"""The combiner of CLIP4CIR: frozen vectors of a picture and of words to the vector of what is wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.embeddings import Floats
from openitr.search.compose.learned import Combiner as Runs


class Combiner(nn.Module):
    """q = norm(W4 relu(W3 h) + g t + (1 - g) v), h = [relu(W1 v); relu(W2 t)], g = sigmoid(W6 relu(W5 h)).

    It begins as the mean of the two, as W4 begins at 0, and learns where to leave it.

    Args:
        dim: Of the vectors.
        width: Of the hidden layers; the paper has 4 and 8 times CLIP's 640, for tens of thousands of triplets.
        dropout: On the hidden layers while training.

    References:
        Baldrati et al. 2022, CLIP4CIR, section 3.2; beginning at the mean is ours.

    >>> combiner = Combiner(8, width=16)
    >>> v, t = (F.normalize(torch.randn(3, 8), dim=-1) for _ in range(2))
    >>> bool(((combiner.eval()(v, t) * F.normalize(v + t, dim=-1)).sum(1) > 0.99).all())
    True
    """

    def __init__(self, dim: int, *, width: int = 512, dropout: float = 0.5) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"dim": dim, "width": width, "dropout": dropout}
        self.dropout = dropout
        self.picture, self.words = nn.Linear(dim, width), nn.Linear(dim, width)
        self.inner, self.outer = nn.Linear(2 * width, width), nn.Linear(width, dim)
        self.gate_inner, self.gate = nn.Linear(2 * width, width // 2), nn.Linear(width // 2, 1)
        for part in (self.outer, self.gate):
            nn.init.zeros_(part.weight)
            nn.init.zeros_(part.bias)

    def forward(self, images: Tensor, texts: Tensor) -> Tensor:
        """(n, dim) unit queries from unit pictures (n, dim) and unit words (n, dim)."""
        h = torch.cat([self._drop(self.picture(images)), self._drop(self.words(texts))], 1)
        gate = torch.sigmoid(self.gate(self._drop(self.gate_inner(h))))
        return F.normalize(self.outer(self._drop(self.inner(h))) + gate * texts + (1 - gate) * images, dim=-1)

    def weights(self) -> dict[str, Floats]:
        """What :class:`openitr.search.compose.Combiner` runs with, by name."""
        return {name: np.asarray(value.detach().cpu().numpy(), np.float32) for name, value in self.state_dict().items()}

    def runs(self) -> Runs:
        """The same without torch."""
        return Runs(self.weights())

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(F.relu(x), self.dropout, self.training)
