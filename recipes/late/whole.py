"""The default model's vector among the tokens of places and words, and what keeps the two kinds apart.

The vector without its part of class names, the linear part and the trained head, is turned so that nothing of it weighs
more than the rest, cut into `PARTS` pieces, and each piece is a token. The last numbers of every token are its address:
one for places and words together, one for each piece. A token therefore finds its match among those of its own kind,
and MaxSim becomes the cosines of the pieces plus the sum over words of their best places, in one number that an index
for token vectors can search. How much the address takes of a token's unit length says how much a kind weighs: words
are nearly all address, so that seven of them count as much as was best on the photos set aside.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PARTS, KEPT, OWN = 4, 59, 384  # pieces, numbers of each, and numbers of a default vector that are not class names
SEEN, WHOLE = 0.9, 0.75  # of a token's length: what a place says, what a piece says
WEIGHT = 0.1  # of a word's best place beside a piece; chosen on the photos set aside


class Whole(nn.Module):
    """What both sides share: the turn of default vectors, the turn of places and words, the addresses."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.seen, self.said = SEEN, WEIGHT * WHOLE**2 / SEEN
        self.register_buffer("turn", torch.zeros(OWN, PARTS * KEPT))
        self.register_buffer("keep", torch.zeros(dim, KEPT))
        self.register_buffer("addresses", torch.eye(PARTS + 1))

    def fit(self, images: Tensor, texts: Tensor, places: Tensor, words: Tensor) -> None:
        """From default vectors (n, d) and (m, d), and token vectors of places and words, (rows, dim) each."""
        both = [F.normalize(side[:, :OWN].float(), dim=1) for side in (images, texts)]
        wide = PARTS * KEPT
        spread = torch.linalg.qr(torch.randn(wide, wide, generator=torch.Generator().manual_seed(0)))[0]
        self.turn.copy_(_principal(both, wide) @ spread)
        self.keep.copy_(_principal([places.float(), words.float()], KEPT))

    def parts(self, embedding: Tensor) -> Tensor:
        """(n, d) default vectors to (n, PARTS, KEPT + PARTS + 1) unit tokens."""
        pieces = F.normalize((embedding[:, :OWN] @ self.turn).unflatten(1, (PARTS, KEPT)), dim=2)
        return torch.cat([pieces * WHOLE, _beside(pieces, self.addresses[1:]) * (1 - WHOLE**2) ** 0.5], 2)

    def addressed(self, tokens: Tensor, share: float) -> Tensor:
        """(n, L, dim) tokens of places or words to (n, L, KEPT + PARTS + 1) unit tokens that say `share`."""
        kept = F.normalize(tokens @ self.keep, dim=2)
        return torch.cat([kept * share, _beside(kept, self.addresses[:1]) * (1 - share**2) ** 0.5], 2)

    def pointed(self, tokens: Tensor) -> Tensor:
        """(n, L, dim) to (n, L, KEPT + PARTS + 1), not of length 1: the product with a text's token is a cosine."""
        kept = F.normalize(tokens @ self.keep, dim=2)
        return F.pad(kept / self.said, (0, PARTS + 1))


def _beside(tokens: Tensor, addresses: Tensor) -> Tensor:
    """Addresses for (n, L, d) tokens; made from them, so that an exported graph takes any number."""
    return addresses + 0.0 * tokens[:, :, :1]


def _principal(sides: list[Tensor], many: int) -> Tensor:
    """(d, many): the directions in which rows of both sides, each counting alike, are longest."""
    second = sum((side.T @ side / len(side) for side in sides[1:]), sides[0].T @ sides[0] / len(sides[0]))
    return torch.linalg.eigh(second)[1].flip(1)[:, :many]
