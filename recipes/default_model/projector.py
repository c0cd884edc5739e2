"""The trained heads: small nets that bring frozen features of pictures and texts into one space.

Pictures give the eye's pooled features, its middle map pooled over four quarters (what stands where) and at
its maximum, and ConSE's vector. Texts give the sentence vector, and the mean and maximum of the token
states in the reader's middle, which still hold single words. Several nets with different seeds stand side
by side with the linear part (`line.py`): their vectors are concatenated.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .conse import Conse
from .line import Lines, presence
from .towers import mean_tokens

HIDDEN, DIM = 704, 192
LINE = 0.6  # of a vector without ConSE; chosen on the held-out photos among 0.4, 0.5 and 0.6
IMAGE_WIDTH, TEXT_WIDTH = 1280 + 4 * 120 + 120 + 384, 3 * 384


def image_input(middle: Tensor, pooled: Tensor, vector: Tensor) -> Tensor:
    """(n, 120, 17, 17), (n, 1280) and ConSE's (n, 384) to (n, IMAGE_WIDTH)."""
    rows = (middle[:, :, :9].mean(2), middle[:, :, 8:].mean(2))
    quarters = [half.mean(2) for row in rows for half in (row[:, :, :9], row[:, :, 8:])]
    return torch.cat([pooled, *quarters, middle.amax((2, 3)), vector], 1)


def text_input(states: Tensor, mask: Tensor, sentence: Tensor) -> Tensor:
    """Token states in the middle, their mask and the sentence vector to (n, TEXT_WIDTH)."""
    highest = (states - (1.0 - mask.float()).unsqueeze(-1) * 1e4).amax(1)
    return torch.cat([sentence, mean_tokens(states, mask), highest], 1)


class Side(nn.Module):
    """Standardise, one hidden layer, and a straight linear path beside it; a unit vector comes out."""

    def __init__(self, mean: Tensor, std: Tensor, dim: int = DIM, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.up, self.down = nn.Linear(len(mean), hidden), nn.Linear(hidden, dim)
        self.dropouts = (0.0, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.dropouts
        x = F.dropout(((x - self.mean) / self.std).clamp(-6, 6), first, self.training)
        x = F.dropout(F.gelu(self.up(x)), second, self.training)
        return F.normalize(self.down(x), dim=1)


class Projector(nn.Module):
    """One pair of sides and the scale of their scores."""

    def __init__(self, image: tuple[Tensor, Tensor], text: tuple[Tensor, Tensor]) -> None:
        super().__init__()
        self.image, self.text = Side(*image), Side(*text)
        self.scale = nn.Parameter(torch.tensor(2.7))


class Gate(nn.Module):
    """(n, width) to (n, 1): how unlike Flickr8k a picture or a text is, from 0 to 1."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.T.contiguous())
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x @ self.weight + self.bias)


def beside(nets: list[Tensor], line: Tensor) -> Tensor:
    """Unit vectors of the nets and of the linear part to one unit vector, in which the linear part is `LINE`."""
    each = ((1 - LINE) / len(nets)) ** 0.5
    return torch.cat([*(each * v for v in nets), LINE**0.5 * line], 1)


class Together(nn.Module):
    """Projectors, the linear part and ConSE side by side, ConSE counting as much in a text as the gate says."""

    def __init__(
        self,
        projectors: list[Projector],
        lines: Lines,
        conse: Conse,
        gate: Gate,
        picture: float,
        low: float,
        high: float,
    ) -> None:
        super().__init__()
        self.projectors, self.gate, self.picture = nn.ModuleList(projectors), gate, picture
        self.image_line, self.text_line = lines.image, lines.text
        self.register_buffer("words", lines.words)
        self.conse, self.low, self.high = conse, low, high

    def _join(self, own: Tensor, conse: Tensor, share: Tensor) -> Tensor:
        return F.normalize(torch.cat([(1 - share).sqrt() * own, share.sqrt() * conse], 1), dim=1)

    def image(self, middle: Tensor, pooled: Tensor, logits: Tensor, second: Tensor) -> Tensor:
        vector = self.conse.image(logits)
        x = image_input(middle, pooled, vector)
        own = beside([p.image(x) for p in self.projectors], self.image_line(torch.cat([x, second], 1)))
        return self._join(own, vector, torch.full_like(pooled[:, :1], self.picture))

    def text(self, states: Tensor, mask: Tensor, sentence: Tensor, ids: Tensor) -> Tensor:
        x = text_input(states, mask, sentence)
        held = presence(ids, mask, self.words)
        own = beside([p.text(x) for p in self.projectors], self.text_line(torch.cat([x, held], 1)))
        share = self.low + (self.high - self.low) * self.gate(sentence)
        return self._join(own, self.conse.text(sentence), share)
