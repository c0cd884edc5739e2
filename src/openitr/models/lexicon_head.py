# mypy: disallow-subclassing-any=False
"""The lexicon head: features to weights over words, so that a picture is found through an inverted index."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import ShapeError

_PAD = -1e6


class LexiconHead(nn.Module):
    """Logits over a vocabulary of words: BERT's masked-language-model head, on any features.

    ``H = LN(W2 gelu(W1 x) + W3 x) E' + b``, one row per token, and the maximum over tokens (LexLIP 2023, section 3.1:
    each tower owns such a head). ``E`` begins as the words' embeddings and is trained with the rest. Features are
    standardised first, with what :meth:`fit` measured.

    **Hints** (ours) are words known without the head: those that stand in a text, those of the classes that a
    classifier names. A hint of strength h lifts its word's logit to at least ``h exp(c)``, with a learned c per word.
    Words with too few examples to be learned can be left to hints alone, at the end of the vocabulary: else a head
    uses them as codes for something else.

    Args:
        features: Width of what comes in.
        embeddings: (V, e) vectors of the words.
        hidden: Width of the hidden layer.
        hinted: So many words more, behind those of ``embeddings``, that only hints can bring in.
        dropouts: On the standardised features and in the hidden layer, while training.

    >>> head = LexiconHead(20, torch.randn(100, 8), hidden=16).eval()
    >>> head(torch.randn(3, 20)).shape, head(torch.randn(3, 5, 20), torch.ones(3, 5, dtype=torch.bool)).shape
    (torch.Size([3, 100]), torch.Size([3, 100]))
    """

    def __init__(
        self,
        features: int,
        embeddings: Tensor,
        *,
        hidden: int = 704,
        hinted: int = 0,
        dropouts: tuple[float, float] = (0.2, 0.5),
    ) -> None:
        super().__init__()
        words, width = embeddings.shape
        self.config: dict[str, Any] = {
            "features": features, "words": words, "width": width, "hidden": hidden, "hinted": hinted,
        }  # fmt: skip
        self.dropouts, self.hinted = dropouts, hinted
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.up, self.down, self.past = (
            nn.Linear(features, hidden),
            nn.Linear(hidden, width),
            nn.Linear(features, width, bias=False),
        )
        self.norm = nn.LayerNorm(width)
        # Unit rows and a normalised state of length sqrt(e): logits begin with a deviation of about 1.
        self.words = nn.Parameter(F.normalize(embeddings.float(), dim=1))
        self.bias = nn.Parameter(torch.zeros(words))
        self.trust = nn.Parameter(torch.zeros(words + hinted))

    def fit(self, features: Tensor) -> None:
        """Measure mean and deviation of each feature on (n, features)."""
        self.mean.copy_(features.mean(0))
        self.std.copy_(features.std(0).clamp(min=1e-3))

    def forward(self, features: Tensor, mask: Tensor | None = None, hints: Tensor | None = None) -> Tensor:
        """(n, features) or (n, T, features), (n, T) bool, False for padding, and (n, V) hints, to (n, V) logits.

        V counts the words that only hints bring in; their logit is 0 without one.

        Raises:
            ShapeError: Tokens without a mask, or a mask without tokens.
        """
        if (features.ndim == 3) != (mask is not None):
            raise ShapeError(f"features of {features.ndim} dimensions", "give (n, f), or (n, T, f) with a mask")
        first, second = self.dropouts
        x = F.dropout(((features - self.mean) / self.std).clamp(-6, 6), first, self.training)
        state = self.norm(self.down(F.dropout(F.gelu(self.up(x)), second, self.training)) + self.past(x))
        logits = F.linear(state, self.words, self.bias)
        if mask is not None:
            logits = logits.masked_fill(~mask.unsqueeze(-1), _PAD).amax(1)
        logits = F.pad(logits, (0, self.hinted))
        return logits if hints is None else torch.maximum(logits, hints * self.trust.exp())


def term_weights(logits: Tensor) -> Tensor:
    """Sparse, non-negative weights of words: ``log(1 + relu(H))`` (SPLADE, arXiv:2107.05720; LexLIP).

    >>> term_weights(torch.tensor([-1.0, 0.0, 1.0])).round(decimals=3).tolist()
    [0.0, 0.0, 0.6930000185966492]
    """
    return torch.log1p(logits.relu())


def unit_weights(logits: Tensor) -> Tensor:
    """The same, scaled to length 1; a row without a positive logit stays zero.

    >>> unit_weights(torch.tensor([[1.0, 1.0], [-1.0, -1.0]])).round(decimals=3).tolist()
    [[0.7070000171661377, 0.7070000171661377], [0.0, 0.0]]
    """
    return F.normalize(term_weights(logits), dim=-1)
