"""What an objective is given: the embeddings of a batch and what is known of its pairs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from openitr.errors import ShapeError


@dataclass(frozen=True, eq=False)
class Batch:
    """B pictures and M texts; a picture may have several texts, or none.

    Args:
        images: (B, d) unit vectors.
        texts: (M, d) unit vectors.
        owner: (M,) int64, the picture that each text belongs to; text j to picture j when None (then M is B).
        labels: (B,) int64; pictures with one label mean the same thing.
        trust: (B,) in [0, 1], how probable it is that a picture and its texts belong together.
        image_tokens, image_mask: (B, P, d) unit vectors of patches, and (B, P) bool, False for padding.
        text_tokens, text_mask: (M, L, d) unit vectors of words, and (M, L) bool.
        images_again, texts_again: The same rows once more, from a second view of the picture or another dropout.
        slow: What a slowly moving average of the model says of the same rows; no gradient passes through it.
        ids: (M, L) int64, the words themselves.
        logits: (M, L, vocab), what a captioner expects at each position of ``ids`` from the positions before.
        plain: (B, B) anchor scores of another, already trained matcher.
        match, matched: (K,) logits of a fusion model for K pairs it was shown, and (K,) bool, which belong together.
        apart: (K,) distances between the words and the patches of those pairs, seen together.
        word_logits, word_ids: (N, vocab) of N hidden words, and (N,) int64, what they were.
        rebuilt, pixels: (R, pixels) of R hidden patches as a model restores them, and as they are.

    Raises:
        ShapeError: Shapes that do not fit together.

    >>> batch = Batch(torch.eye(2), torch.eye(2))
    >>> batch.owner.tolist(), batch.positives().tolist()
    ([0, 1], [[True, False], [False, True]])
    """

    images: Tensor
    texts: Tensor
    owner: Tensor = None
    labels: Tensor | None = None
    trust: Tensor | None = None
    image_tokens: Tensor | None = None
    image_mask: Tensor | None = None
    text_tokens: Tensor | None = None
    text_mask: Tensor | None = None
    images_again: Tensor | None = None
    texts_again: Tensor | None = None
    slow: Batch | None = None
    ids: Tensor | None = None
    logits: Tensor | None = None
    plain: Tensor | None = None
    match: Tensor | None = None
    matched: Tensor | None = None
    apart: Tensor | None = None
    word_logits: Tensor | None = None
    word_ids: Tensor | None = None
    rebuilt: Tensor | None = None
    pixels: Tensor | None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 2 or self.texts.ndim != 2 or self.images.shape[1] != self.texts.shape[1]:
            raise ShapeError(
                f"pictures of shape {tuple(self.images.shape)} and texts of {tuple(self.texts.shape)} do not meet",
                "give (B, d) and (M, d)",
            )
        if self.owner is None:
            if len(self.images) != len(self.texts):
                raise ShapeError(
                    f"{len(self.images)} pictures and {len(self.texts)} texts, and no owner",
                    "say with owner= which picture each text belongs to",
                )
            object.__setattr__(self, "owner", torch.arange(len(self.texts), device=self.texts.device))
        elif self.owner.shape != (len(self.texts),):
            raise ShapeError(f"owner has shape {tuple(self.owner.shape)}", f"give ({len(self.texts)},)")

    def positives(self) -> Tensor:
        """(B, M) bool: which text belongs to which picture."""
        rows = torch.arange(len(self.images), device=self.owner.device)
        return rows[:, None] == self.owner[None]

    def need(self, *names: str) -> None:
        """Raise :class:`ShapeError` naming the first of these fields that is missing."""
        for name in names:
            if getattr(self, name) is None:
                raise ShapeError(f"the objective needs {name!r}, which this batch has not", "see its Needs")

    def float(self) -> Batch:
        """Half precision made float32, everything else as it is: losses are summed in full precision."""
        return self.map(lambda x: x.float() if x.dtype in (torch.float16, torch.bfloat16) else x)

    def map(self, change: Any) -> Batch:
        """The batch with ``change`` applied to each tensor, the slow one's too."""
        changed: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Batch):
                changed[field.name] = value.map(change)
            elif value is not None:
                changed[field.name] = change(value)
        return replace(self, **changed)
