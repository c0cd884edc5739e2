# mypy: disallow-subclassing-any=False
"""The dual encoder: two towers, a linear head each, one space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import ModelError
from openitr.models.bags import BagOfWords, Ngrams, Windows
from openitr.models.convnet import ConvNet
from openitr.models.projector import Projector
from openitr.models.regions import Regions
from openitr.models.text import TextTransformer
from openitr.models.tokenizer import WordTokenizer
from openitr.models.tower import Encoded
from openitr.models.vit import ViT

_KNOWN = ViT, ConvNet, TextTransformer, BagOfWords, Ngrams, Windows, Projector, Regions
_TOWERS = {tower.__name__: tower for tower in _KNOWN}


class DualEncoder(nn.Module):
    """Pictures and texts to unit vectors of one space; the scale of their scores belongs to the objective.

    Args:
        image, text: Towers: modules with a ``width`` that give :class:`~openitr.models.Encoded`.
        dim: Width of the common space.

    Attributes:
        image, text: The towers.

    >>> import torch
    >>> model = DualEncoder(ViT(32, depth=1), TextTransformer(100, depth=1), dim=64)
    >>> v, t = model.encode_images(torch.zeros(2, 3, 32, 32)), model.encode_texts(torch.tensor([[2, 5, 3], [2, 6, 3]]))
    >>> (v @ t.T).shape
    torch.Size([2, 2])
    """

    def __init__(self, image: nn.Module, text: nn.Module, dim: int = 128) -> None:
        super().__init__()
        self.image, self.text, self.dim = image, text, dim
        self.image_head = nn.Linear(image.width, dim, bias=False)
        self.text_head = nn.Linear(text.width, dim, bias=False)

    def view_images(self, images: Tensor | None = None, *, image_tokens: Tensor | None = None) -> Encoded:
        """Unit vectors of pictures (n, dim) and of their patches (n, P, dim), both through the head.

        Args:
            images: (n, 3, h, w) float in [-1, 1].
            image_tokens: What ``model.image.embed`` gives, instead of pictures: the way in for gradients and inversion.
        """
        return through(self.image_head, self.image(images, tokens=image_tokens))

    def view_texts(
        self, ids: Tensor | None = None, *, mask: Tensor | None = None, text_embeddings: Tensor | None = None
    ) -> Encoded:
        """Unit vectors of texts (n, dim) and of their words (n, L, dim), both through the head.

        Args:
            ids: (n, L) int64, 0 for padding.
            mask: (n, L), true for real words; by default the ids that are not 0.
            text_embeddings: What ``model.text.embed`` gives, instead of the ids' own vectors.
        """
        given = {} if text_embeddings is None else {"tokens": text_embeddings}
        return through(self.text_head, self.text(ids, mask=mask, **given))

    def encode_images(self, images: Tensor | None = None, *, image_tokens: Tensor | None = None) -> Tensor:
        """Pictures (n, 3, h, w) float in [-1, 1] to unit vectors (n, dim)."""
        return self.view_images(images, image_tokens=image_tokens).pooled

    def encode_texts(
        self, ids: Tensor | None = None, *, mask: Tensor | None = None, text_embeddings: Tensor | None = None
    ) -> Tensor:
        """Ids (n, L) int64 to unit vectors (n, dim)."""
        return self.view_texts(ids, mask=mask, text_embeddings=text_embeddings).pooled

    def to_json(self) -> dict[str, Any]:
        """What it is built of, without its weights; :meth:`from_json` builds it again."""
        return {
            "dim": self.dim,
            "image": {"tower": type(self.image).__name__, **self.image.config},
            "text": {"tower": type(self.text).__name__, **self.text.config},
        }

    @classmethod
    def from_json(cls, description: Mapping[str, Any]) -> DualEncoder:
        """A dual encoder with fresh weights as :meth:`to_json` described it.

        Raises:
            ModelError: A tower that this OpenITR does not know, or arguments that are none of its.
        """
        try:
            towers = tower(description["image"]), tower(description["text"])
            return cls(*towers, int(description["dim"]), **description.get("fusion", {}))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"a dual encoder cannot be built from its description: {error}", f"towers are: {', '.join(_TOWERS)}"
            ) from error


def through(head: nn.Module, seen: Encoded, states: Tensor | None = None) -> Encoded:
    """Unit vectors of the whole and of the tokens through a head; fusion goes on with ``states``, or the tokens."""
    pooled, tokens = (F.normalize(head(part), dim=-1) for part in (seen.pooled, seen.tokens))
    return Encoded(pooled, tokens, seen.mask, seen.tokens if states is None else states)


def tower(description: Mapping[str, Any]) -> nn.Module:
    """A tower with fresh weights, from the name and the arguments that a description holds."""
    arguments = dict(description)
    return _TOWERS[arguments.pop("tower")](**arguments)


def tiny_dual_encoder(
    image_size: int = 32,
    vocab: WordTokenizer | int = 1000,
    dim: int = 128,
    depth: int = 4,
    *,
    patch: int = 8,
    length: int = 32,
    heads: int = 4,
    dropout: float = 0.0,
) -> DualEncoder:
    """A ViT and a text transformer that train from scratch in a minute on two cores.

    Args:
        image_size: Side of the pictures, pixels.
        vocab: A fitted tokenizer (its ``length`` counts then), or the number of ids.
        dim: Width of towers and common space.
        depth: Blocks of each tower.
        patch: Side of a patch, pixels.
        length: Longest text, ids, where ``vocab`` is a number.
        heads: Of the attention.
        dropout: Inside the blocks, while training.

    >>> model = tiny_dual_encoder(32, vocab=50, dim=32, depth=1)
    >>> sum(p.numel() for p in model.parameters()) < 60_000
    True
    """
    size, length = (len(vocab), vocab.length) if isinstance(vocab, WordTokenizer) else (vocab, length)
    image = ViT(image_size, patch=patch, width=dim, depth=depth, heads=heads, dropout=dropout)
    text = TextTransformer(size, length=length, width=dim, depth=depth, heads=heads, dropout=dropout)
    return DualEncoder(image, text, dim)
