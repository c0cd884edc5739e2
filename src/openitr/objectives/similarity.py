# mypy: disallow-subclassing-any=False
"""How a picture and a text are compared: the first axis of an objective.

Each gives two matrices, picture by text (B, M) and text by picture (M, B); for most one is the other transposed.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from openitr.objectives.batch import Batch


class Similarity(nn.Module):
    """Base of all similarities: fill in :meth:`forward`.

    Attributes:
        needs: Fields of the batch beside the two embeddings.
        by_rows: Whether it reads nothing but the two embeddings, and each row by itself: large batches are then
            compared some rows at a time.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    by_rows: ClassVar[bool] = False

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, M) and (M, B)."""
        raise NotImplementedError


class Dot(Similarity):
    """Inner product; the cosine, since embeddings have length 1.

    >>> Dot()(Batch(torch.eye(2), torch.eye(2)))[0].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    by_rows = True

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        scores = batch.images @ batch.texts.T
        return scores, scores.T


class Sparse(Similarity):
    """Inner product of non-negative weights log(1 + relu(x)), as lexicon models rank (SPLADE, arXiv:2107.05720).

    >>> Sparse()(Batch(torch.tensor([[-1.0, 1.0]]), torch.tensor([[1.0, 0.0]])))[0].item()
    0.0
    """

    by_rows = True

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        scores = torch.log1p(batch.images.relu()) @ torch.log1p(batch.texts.relu()).T
        return scores, scores.T


class MaxSim(Similarity):
    """Token by token: each patch looks for its best word and each word for its best patch (FILIP, arXiv:2111.07783).

    ``s_i2t(i, j) = mean_k max_l p_ik . w_jl`` and ``s_t2i(j, i) = mean_l max_k p_ik . w_jl``; the two differ, and
    padding neither competes nor counts.

    Needs:
        image_tokens, image_mask, text_tokens, text_mask
    """

    needs = ("image_tokens", "image_mask", "text_tokens", "text_mask")

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        patches, words = batch.image_tokens, batch.text_tokens
        patch_mask, word_mask = batch.image_mask, batch.text_mask
        assert patches is not None and words is not None and patch_mask is not None and word_mask is not None
        pairs = torch.einsum("bpd,mld->bmpl", patches, words)
        best_word = pairs.masked_fill(~word_mask[None, :, None, :], -2.0).amax(3)
        best_patch = pairs.masked_fill(~patch_mask[:, None, :, None], -2.0).amax(2)
        from_image = _mean(best_word, patch_mask[:, None, :])
        from_text = _mean(best_patch, word_mask[None])
        return from_image, from_text.T


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    weights = mask.to(values.dtype)
    return (values * weights).sum(-1) / weights.sum(-1).clamp(min=1)
