# mypy: disallow-subclassing-any=False
"""Contrastive captioner: one pass gives vectors to search by, and the words of a caption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import ModelError
from openitr.models.blocks import Attention, Block
from openitr.models.dual import tower
from openitr.models.tokenizer import BEGIN, END, PAD
from openitr.models.tower import Encoded


class Pooler(nn.Module):
    """Learned queries that look at tokens: (n, P, width) to (n, queries, out).

    Args:
        width: Of the tokens.
        out: Of what comes out.
        queries: How many.
        heads: Of the attention.
    """

    def __init__(self, width: int, out: int, queries: int, heads: int) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(queries, out) * 0.02)
        self.attention, self.norm = Attention(out, heads, memory_width=width), nn.LayerNorm(out)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Tokens with their (n, P) mask."""
        found: Tensor = self.norm(self.attention(self.queries.expand(len(tokens), -1, -1), tokens, mask))
        return found


class CoCa(nn.Module):
    """A decoder in two halves: the first reads the text alone, the second also sees the picture.

    The vector of a text is that of a learned word after its last, so it knows all of the text and nothing of the
    picture. The vector of a picture is pooled from what the captioner sees.

    Args:
        image: Tower.
        vocab: Number of ids; 0 is padding, 2 begins and 3 ends a text.
        dim: Width of the vectors.
        length: Longest text, ids.
        width, heads: Of the decoder.
        depth: Blocks of each half.
        queries: What the captioner sees of a picture (256 in the paper).

    References:
        CoCa, Yu et al. 2022, arXiv:2205.01917.

    >>> from openitr.models import ViT
    >>> model = CoCa(ViT(32, patch=8, width=32, depth=1), 50, dim=16, width=32, depth=1, queries=4)
    >>> ids = torch.tensor([[2, 7, 9, 3]])
    >>> model.encode_texts(ids).shape, model.caption_logprob(torch.zeros(1, 3, 32, 32), ids).item() < 0
    (torch.Size([1, 16]), True)
    """

    def __init__(
        self,
        image: nn.Module,
        vocab: int,
        *,
        dim: int = 128,
        length: int = 32,
        width: int = 128,
        depth: int = 2,
        heads: int = 4,
        queries: int = 16,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "vocab": vocab,
            "dim": dim,
            "length": length,
            "width": width,
            "depth": depth,
            "heads": heads,
            "queries": queries,
        }
        self.image, self.dim, self.length = image, dim, length
        self.caption_pooler = Pooler(image.width, width, queries, heads)
        self.contrast_pooler = Pooler(width, width, 1, heads)
        self.words = nn.Embedding(vocab, width)
        nn.init.normal_(self.words.weight, std=0.02)
        self.positions = nn.Parameter(torch.randn(length, width) * 0.02)
        self.whole = nn.Parameter(torch.randn(width) * 0.02)
        self.reader = nn.ModuleList(Block(width, heads, causal=True) for _ in range(depth))
        self.writer = nn.ModuleList(Block(width, heads, causal=True, memory_width=width) for _ in range(depth))
        self.read_norm, self.write_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.image_head = nn.Linear(width, dim, bias=False)
        self.text_head = nn.Linear(width, dim, bias=False)
        self.speak = nn.Linear(width, vocab)

    def view_images(self, images: Tensor | None = None, *, image_tokens: Tensor | None = None) -> Encoded:
        """Unit vectors of pictures (n, dim), of what the captioner sees of them, and that itself as ``states``."""
        seen = self.image(images, tokens=image_tokens)
        states = self.caption_pooler(seen.tokens, seen.mask)
        pooled = self.contrast_pooler(states)[:, 0]
        mask = torch.ones(states.shape[:2], dtype=torch.bool, device=states.device)
        return Encoded(_unit(self.image_head(pooled)), _unit(self.image_head(states)), mask, states)

    def view_texts(self, ids: Tensor) -> Encoded:
        """Unit vectors of texts (n, dim) and of their words, and the words' states for the second half."""
        mask = ids != PAD
        states = self.words(ids) + self.positions[: ids.shape[1]]
        states = torch.cat([states, self.whole.expand(len(ids), 1, -1)], 1)
        there = F.pad(mask, (0, 1), value=True)
        for block in self.reader:
            states = block(states, there)
        words, whole = states[:, :-1], self.read_norm(states[:, -1])
        return Encoded(_unit(self.text_head(whole)), _unit(self.text_head(self.read_norm(words))), mask, words)

    def encode_images(self, images: Tensor | None = None, *, image_tokens: Tensor | None = None) -> Tensor:
        """Pictures to unit vectors (n, dim)."""
        return self.view_images(images, image_tokens=image_tokens).pooled

    def encode_texts(self, ids: Tensor) -> Tensor:
        """Ids (n, L) int64 to unit vectors (n, dim)."""
        return self.view_texts(ids).pooled

    def expect(self, image: Encoded, text: Encoded) -> Tensor:
        """Logits of each word from the picture and the words before it: (n, L, vocab), zeros at the first."""
        return F.pad(self._write(image, text)[:, :-1], (0, 0, 1, 0))

    def _write(self, image: Encoded, text: Encoded) -> Tensor:
        """Logits of the word after each: (n, L, vocab)."""
        states = text.states
        assert states is not None
        for block in self.writer:
            states = block(states, text.mask, image.states, image.mask)
        found: Tensor = self.speak(self.write_norm(states))
        return found

    def caption_logprob(self, images: Tensor, ids: Tensor) -> Tensor:
        """``log P(text | picture)`` row by row, (n,): the sum over the words; what a captioner re-scores by.

        Args:
            images: (n, ...), or one row for all texts.
            ids: (n, L), or one row for all pictures.
        """
        was = self.training
        self.eval()
        with torch.inference_mode():
            many = torch.arange(max(len(images), len(ids)), device=ids.device)
            image, text = self.view_images(images), self.view_texts(ids)
            rows = many % len(ids)
            logits = self.expect(image.take(many % len(images)), text.take(rows))
            values = logits.log_softmax(-1).gather(-1, ids[rows][..., None])[..., 0][:, 1:]
            found = (values * (ids[rows][:, 1:] != PAD)).sum(1)
        self.train(was)
        return found

    def caption(self, images: Tensor, *, beams: int = 1, longest: int | None = None) -> list[list[int]]:
        """Write a caption for each picture: ids without begin and end.

        Args:
            images: (n, ...) as the image tower takes them.
            beams: Unfinished texts that are carried along; 1 always takes the likeliest word.
            longest: Ids at most, begin and end among them.
        """
        was = self.training
        self.eval()
        with torch.inference_mode():
            image = self.view_images(images)
            most = min(longest or self.length, self.length)
            found = [self._beam(image.take(row), beams, most) for row in torch.arange(len(images)).split(1)]
        self.train(was)
        return found

    def _beam(self, image: Encoded, beams: int, longest: int) -> list[int]:
        device = image.pooled.device
        texts = torch.full((1, 1), BEGIN, device=device)
        scores = torch.zeros(1, device=device)
        # The best of the beams has ended: none of the others can overtake it, scores only fall.
        while texts.shape[1] < longest and not (texts[0] == END).any():
            seen = image.take(torch.zeros(len(texts), dtype=torch.int64, device=device))
            logp = self._write(seen, self.view_texts(texts))[:, -1].log_softmax(-1)
            logp[:, [PAD, BEGIN]] = -torch.inf
            # A text that has ended goes on with padding, which costs nothing.
            over = (texts == END).any(1)
            logp[over] = -torch.inf
            logp[over, PAD] = 0.0
            every = (scores[:, None] + logp).flatten()
            scores, best = every.topk(min(beams, int((every > -torch.inf).sum())))
            rows, words = best // logp.shape[1], best % logp.shape[1]
            texts = torch.cat([texts[rows], words[:, None]], 1)
        return [int(word) for word in texts[0].tolist() if word not in (PAD, BEGIN, END)]

    def to_json(self) -> dict[str, Any]:
        """What it is built of, without its weights; :meth:`from_json` builds it again."""
        image = {"tower": type(self.image).__name__, **self.image.config}
        return {"model": type(self).__name__, "image": image, **self.config}

    @classmethod
    def from_json(cls, description: Mapping[str, Any]) -> CoCa:
        """One with fresh weights as :meth:`to_json` described it.

        Raises:
            ModelError: A tower that this OpenITR does not know, or arguments that are none of its.
        """
        try:
            given = {name: value for name, value in description.items() if name not in ("model", "image", "vocab")}
            return cls(tower(description["image"]), int(description["vocab"]), **given)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"a captioner cannot be built from its description: {error}", "use one of to_json"
            ) from error


def _unit(x: Tensor) -> Tensor:
    return F.normalize(x, dim=-1)
