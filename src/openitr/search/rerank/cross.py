"""A trained fusion model as the second look: it sees words and picture together, and says how well they match."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError, MissingExtra, QueryError
from openitr.media.prepare import Preparation
from openitr.search.pipeline import Candidates
from openitr.types import ImageArray, Query

if TYPE_CHECKING:
    from openitr.models import FusionEncoder, WordTokenizer

Pictures: TypeAlias = Callable[[Any], Any]
"""An id or an item, as :class:`~openitr.search.Rerank` hands it over, to (h, w, 3) uint8 RGB."""
View: TypeAlias = Callable[[Sequence[Any]], Any]


class CrossEncoder:
    """Image-text matching by ``model.match``: a scorer for :class:`~openitr.search.Rerank`, from 0 to 1.

    Of several texts in a query the weighted mean counts; texts to avoid count against. What a query shows in pictures
    is left to the first stage.

    Args:
        model: AlignThenFuse, FusionInBackbone or SingleStream, trained.
        tokenizer: Of its texts.
        pictures: Where pictures come from.
        view: What ``pictures`` gives, several at once, to the tensor that the image tower takes; by default pixels
            squashed to its size. A tower over regions needs one.

    Raises:
        InputError: A tower that takes no pixels, without ``view``.
        QueryError: When asked without a text.

    References:
        ALBEF (Li et al. 2021, arXiv:2107.07651), section 3.4: the best of the dual encoder, sorted by the match.

    Example::

        scorer = CrossEncoder.load("albef-folder", pictures=lambda item: decode(library.file(item)).array)
        stage = Rerank(scorer, items=library.collection.items, top=50, deadline_ms=300)
    """

    def __init__(
        self, model: FusionEncoder, tokenizer: WordTokenizer, pictures: Pictures, *, view: View | None = None
    ) -> None:
        side = getattr(model.image, "image_size", None)
        if view is None and side is None:
            raise InputError(
                f"{type(model.image).__name__} does not take pixels", "say with view= how pictures become what it takes"
            )
        self.model, self.tokenizer, self.pictures = model, tokenizer, pictures
        self.view = view or Pixels(int(side or 0))

    def __repr__(self) -> str:
        return f"CrossEncoder({type(self.model).__name__})"

    @classmethod
    def load(cls, folder: str | Path, pictures: Pictures, *, view: View | None = None) -> CrossEncoder:
        """From a folder that :func:`openitr.models.saved.save_fusion` wrote.

        Raises:
            ModelError: The folder holds no fusion model, or a damaged one.
            MissingExtra: Torch is not installed.
        """
        try:
            from openitr.models.saved import read_fusion
        except ImportError as error:
            raise MissingExtra("reranking with a trained model", "train") from error
        return cls(*read_fusion(folder), pictures, view=view)

    def __call__(self, query: Query, things: Sequence[Any], candidates: Candidates) -> npt.NDArray[np.float64]:
        """(n,) how probable it is that each thing matches."""
        texts = [(part.weight, part.text) for part in query.parts if part.text]
        if not texts:
            raise QueryError("there are no words to match with the pictures", "ask in words as well")
        avoided = [(-abs(part.weight), part.text) for part in query.negatives if part.text]
        seen = self.view([self.pictures(thing) for thing in things])
        total = np.zeros(len(things))
        for weight, text in [*texts, *avoided]:
            ids = self.tokenizer.encode([text])
            # Positions that the tower does not have cannot be looked up.
            length = int(getattr(self.model.text, "length", ids.shape[1]))
            total += weight * self.model.match(seen, ids[:, :length]).double().numpy()
        return total / max(sum(abs(weight) for weight, _ in texts), 1e-12)


class Pixels:
    """Pictures to (n, 3, side, side) float32 in [-1, 1], squashed to a square as in training.

    Args:
        side: Pixels.
    """

    def __init__(self, side: int) -> None:
        self.preparation = Preparation(side, "squash", "bicubic")

    def __call__(self, pictures: Sequence[ImageArray]) -> Any:
        """The tensor of several pictures."""
        import torch

        square = np.stack([self.preparation(picture) for picture in pictures])
        return torch.from_numpy(square).permute(0, 3, 1, 2).float() / 127.5 - 1
