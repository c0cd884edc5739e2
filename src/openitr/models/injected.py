# mypy: disallow-subclassing-any=False
"""A dual encoder whose text tower learns to fill gaps with the help of the picture; searching knows nothing of it."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn

from openitr.errors import InputError
from openitr.models.blocks import Block
from openitr.models.dual import DualEncoder
from openitr.models.text import TextTransformer
from openitr.models.tokenizer import MASK
from openitr.models.tower import Encoded
from openitr.objectives.batch import Batch
from openitr.objectives.masked_words import hide


class Injected(DualEncoder):
    """Masked words with image injection: the picture is added to the states of the words before each block of a head.

    Args:
        image: Any tower.
        text: A text transformer; its masked states go through the head.
        dim: Width of the common space.
        stages: Blocks of the head, each with its own map of the picture.
        share: Chance of each word to be hidden.

    Raises:
        InputError: A text tower of another kind.

    References:
        LightCLIP, Nie et al. 2023, arXiv:2312.00674, section 3.4; the head's size is ours.

    >>> from openitr.models import ViT
    >>> model = Injected(ViT(16, patch=8, width=16, depth=1), TextTransformer(30, width=16, depth=1), 8)
    >>> type(model.student()).__name__
    'DualEncoder'
    """

    def __init__(
        self, image: nn.Module, text: nn.Module, dim: int = 128, *, stages: int = 2, share: float = 0.15
    ) -> None:
        super().__init__(image, text, dim)
        if not isinstance(text, TextTransformer):
            raise InputError(f"{type(text).__name__} has no states of words to fill in", "use a TextTransformer")
        self.share = share
        heads = max(h for h in (4, 2, 1) if text.width % h == 0)
        self.inject = nn.ModuleList(nn.Linear(dim, text.width) for _ in range(stages))
        self.fill = nn.ModuleList(Block(text.width, heads) for _ in range(stages))
        self.fill_norm = nn.LayerNorm(text.width)
        self.fill_words = nn.Linear(text.width, int(text.config["vocab"]))

    def join(
        self,
        batch: Batch,
        image: Encoded,
        text: Encoded,
        images: Tensor,
        ids: Tensor,
        needs: frozenset[str],
        slow: tuple[nn.Module, Encoded] | None = None,
    ) -> Batch:
        """The batch with what is guessed of its hidden words, as the trainer asks for it."""
        masked, where = hide(ids, self.share, mask=MASK, special=MASK)
        states = self.text(masked).tokens
        real = ids != 0
        for inject, block in zip(self.inject, self.fill, strict=True):
            states = block(states + inject(image.pooled)[batch.owner].unsqueeze(1), real)
        return replace(batch, word_logits=self.fill_words(self.fill_norm(states[where])), word_ids=ids[where])

    def student(self) -> DualEncoder:
        """The towers alone, sharing their weights: what is exported and searched with."""
        made = DualEncoder(self.image, self.text, self.dim)
        made.image_head, made.text_head = self.image_head, self.text_head
        return made
