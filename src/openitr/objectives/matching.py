# mypy: disallow-subclassing-any=False
"""Image-text matching: does this text belong to this picture? Asked of pairs that are hard to tell apart."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch


class Matching(Objective):
    """Binary cross-entropy of a fusion model's logits, right pairs against hard wrong ones.

    One logit per pair is the difference of the two that papers write, and the same loss.

    Needs:
        match, matched: a fusion model makes them (:class:`openitr.models.FusionEncoder`), with :func:`hard_pairs`.

    When to use:
        Beside a contrastive loss, for a model that re-scores the best of a search.

    References:
        UNITER, arXiv:1909.11740; negatives as in ALBEF, arXiv:2107.07651, section 3.2.

    >>> v = torch.eye(2)
    >>> batch = Batch(v, v, match=torch.tensor([0.0, 0.0]), matched=torch.tensor([True, False]))
    >>> round(Matching()(batch).item(), 4)
    0.6931
    """

    needs = ("match", "matched")

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        assert batch.match is not None and batch.matched is not None
        wanted = batch.matched.to(batch.match.dtype)
        return {"match": (1.0, F.binary_cross_entropy_with_logits(batch.match, wanted, reduction="none"), None)}


class Transported(Objective):
    """Words and patches of right pairs are pulled together by optimal transport, those of wrong pairs pushed apart.

    ``mean of the distances of right pairs - mean of those of wrong pairs`` (UNITER's word-region alignment).

    Needs:
        apart, matched: a fusion model makes them.

    References:
        UNITER, arXiv:1909.11740, section 3.2.

    >>> v = torch.eye(2)
    >>> batch = Batch(v, v, apart=torch.tensor([0.25, 1.0]), matched=torch.tensor([True, False]))
    >>> Transported()(batch).item()
    -0.75
    """

    needs = ("apart", "matched")

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        assert batch.apart is not None and batch.matched is not None
        right = batch.matched.to(batch.apart.dtype)
        return {"near": (1.0, batch.apart, right), "far": (-1.0, batch.apart, 1 - right)}


def hard_pairs(scores: Tensor, owner: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Every right pair, and a wrong picture for each text and a wrong text for each picture.

    Wrong ones are drawn with probability proportional to ``exp(score)``, never the own one. What has no wrong partner
    (a batch of one pair) gets none.

    Args:
        scores: (B, M) of pictures and texts, scaled; no gradient passes.
        owner: (M,) the picture of each text.

    Returns:
        Rows of pictures (K,), rows of texts (K,), and which pairs are right (K,) bool; K is at most 2 M + B.

    >>> pictures, texts, right = hard_pairs(torch.zeros(2, 2), torch.arange(2))
    >>> pictures.tolist(), texts.tolist(), right.tolist()
    ([0, 1, 1, 0, 0, 1], [0, 1, 0, 1, 1, 0], [True, True, False, False, False, False])
    """
    rows = torch.arange(len(scores), device=owner.device)
    wrong = rows[:, None] != owner[None]
    chances = torch.where(wrong, scores.detach().float(), -torch.inf)
    texts, their_pictures = _drawn(chances.T)
    pictures, their_texts = _drawn(chances)
    every = torch.arange(len(owner), device=owner.device)
    first = torch.cat([owner, their_pictures, pictures])
    return first, torch.cat([every, texts, their_texts]), torch.arange(len(first), device=owner.device) < len(owner)


def _drawn(chances: Tensor) -> tuple[Tensor, Tensor]:
    """Rows that have a partner, and the partner drawn for each."""
    able = (chances > -torch.inf).any(1).nonzero().flatten()
    if not len(able):
        return able, able
    return able, torch.multinomial(chances[able].softmax(1), 1).flatten()
