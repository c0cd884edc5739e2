# mypy: disallow-subclassing-any=False
"""Pictures as words: a picture's vector becomes a word that a text tower reads among others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.embeddings import Floats
from openitr.errors import ShapeError
from openitr.models.dual import DualEncoder
from openitr.models.tokenizer import MASK, SPECIAL, WordTokenizer
from openitr.search.compose.base import Started, VectorComposer, asked, values
from openitr.types import ImageArray

if TYPE_CHECKING:
    from openitr.encoders.base import Encoder

SLOT = SPECIAL[MASK]
"""Where the pseudo-word stands in a text."""
PLAIN, CHANGED = f"a photo of {SLOT}", f"a photo of {SLOT} that {{}}"


class PseudoWord(nn.Module):
    """phi: a vector of the common space to a word vector of the text tower.

    Args:
        dim: Of the common space.
        width: Of the text tower's words.
        hidden: Of the layer between; twice the width if None.

    References:
        Saito et al. 2023, Pic2Word, arXiv:2302.03084; Gu et al. 2024, LinCIR, arXiv:2312.01998.

    >>> PseudoWord(8, 16)(torch.randn(3, 8)).shape
    torch.Size([3, 16])
    """

    def __init__(self, dim: int, width: int, *, hidden: int | None = None) -> None:
        super().__init__()
        hidden = hidden or 2 * width
        self.config: dict[str, Any] = {"dim": dim, "width": width, "hidden": hidden}
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, vectors: Tensor) -> Tensor:
        """(n, dim) to (n, width)."""
        made: Tensor = self.net(vectors)
        return made


class SlotText(nn.Module):
    """The text side of a dual encoder, which also reads texts with a pseudo-word in them.

    Args:
        tower: A text tower with ``embed``.
        head: From its width to the common space.
        tokenizer: The one it was trained with; ``[MASK]`` marks the slot.

    >>> from openitr.models import tiny_dual_encoder
    >>> tokenizer = WordTokenizer.fit(["a photo of that is red"])
    >>> text = SlotText.of(tiny_dual_encoder(32, tokenizer, dim=16, depth=1, heads=2), tokenizer)
    >>> text(["a photo of [MASK]", "a photo of [MASK] that is red"], torch.randn(2, 16)).shape
    torch.Size([2, 16])
    """

    def __init__(self, tower: nn.Module, head: nn.Module, tokenizer: WordTokenizer) -> None:
        super().__init__()
        self.tower, self.head, self.tokenizer = tower, head, tokenizer

    @classmethod
    def of(cls, model: DualEncoder, tokenizer: WordTokenizer) -> SlotText:
        """That of a dual encoder, which it shares its weights with."""
        return cls(model.text, model.text_head, tokenizer)

    def forward(self, texts: Sequence[str], words: Tensor | None = None) -> Tensor:
        """(n, dim) unit vectors of n texts.

        Args:
            texts: With ``[MASK]`` where the pseudo-word stands, if anywhere.
            words: (n, width), one for each text.

        Raises:
            ShapeError: Another number of words than of texts.
        """
        ids = self.tokenizer.encode(texts)
        tokens = self.tower.embed(ids)
        if words is not None:
            if len(words) != len(ids):
                raise ShapeError(f"{len(words)} pseudo-words for {len(ids)} texts", "give one for each")
            tokens = torch.where((ids == MASK)[:, :, None], words[:, None], tokens)
        return F.normalize(self.head(self.tower(ids, tokens=tokens).pooled), dim=-1)


class PseudoWordComposer(VectorComposer):
    """q = E("a photo of $ that TEXT") with $ = phi(picture): zero-shot composition by projection.

    Strength goes from the picture (0) to the composed query (1) and beyond.

    Args:
        encoder: Gives the pictures' vectors; dense.
        phi: Trained on its vectors.
        text: That reads the query; after :class:`openitr.train.task_discrepancy.RTD` the tuned one. Pictures, and so
            an index of them, stay as they are.

    References:
        Saito et al. 2023, Pic2Word, arXiv:2302.03084; Baldrati et al. 2023, SEARLE, arXiv:2303.15247.
    """

    name = "pseudo-word"

    def __init__(self, encoder: Encoder, phi: PseudoWord, text: SlotText) -> None:
        super().__init__(encoder)
        self.phi, self.text = phi.eval(), text.eval()

    def queries(self, images: Floats, texts: Sequence[str]) -> Floats:
        """(n, d) unit queries of pictures (n, d) and of what should be different about each."""
        with torch.inference_mode():
            made = self.text([CHANGED.format(text) for text in texts], self.phi(torch.from_numpy(images)))
        queries: Floats = made.numpy()
        return queries

    def start(self, reference: ImageArray, text: str) -> Started:
        """Encode once."""
        image = values(self.encoder.encode_images([reference]))[0]
        query = self.queries(image[None], [asked(text)])[0]
        return Started(lambda strength: image + strength * (query - image), [CHANGED.format(text.strip())])
