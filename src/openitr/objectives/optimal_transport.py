# mypy: disallow-subclassing-any=False
"""Optimal transport between two sets of tokens: how far words have to travel to patches (IPOT)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from openitr.objectives.batch import Batch
from openitr.objectives.constant import constant
from openitr.objectives.similarity import Similarity

# Numbers of a cost matrix that are worked on at a time: they stay in the cache of a core for all iterations.
PART = 2**17


def transport_plan(cost: Tensor, rows: Tensor, columns: Tensor, *, beta: float = 0.5, iterations: int = 50) -> Tensor:
    """How much of each row goes to each column at least cost, by the inexact proximal point method.

    Every real row sends an equal share of 1, every real column receives one. Each iteration is one Sinkhorn step of a
    problem that stays close to the plan before, so the plan becomes sparse and the answer exact, where plain Sinkhorn
    stays blurred.

    Args:
        cost: (..., L, P), any numbers; those of padding are ignored.
        rows: (..., L) bool, False for padding.
        columns: (..., P) bool.
        beta: Strength of the proximal term; larger is slower and steadier.
        iterations: How many; after 50 columns receive their shares exactly, rows send theirs to a few thousandths.

    Returns:
        (..., L, P), non-negative, zero on padding; all zero where a side has no real token.

    References:
        IPOT, Xie et al. 2020, arXiv:1802.04307; as used in UNITER, arXiv:1909.11740.

    >>> cost = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    >>> there = torch.ones(2, dtype=torch.bool)
    >>> transport_plan(cost, there, there).round(decimals=6).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    shape = torch.broadcast_shapes(cost.shape, (*rows.shape, 1), (*columns.shape[:-1], 1, columns.shape[-1]))
    if not shape.numel():
        return cost.new_zeros(shape)
    costs = cost.detach().expand(shape).flatten(0, -3) if len(shape) > 2 else cost.detach()[None]
    sends = rows.expand(shape[:-1]).reshape(len(costs), -1)
    receives = columns.expand(*shape[:-2], shape[-1]).reshape(len(costs), -1)
    many = max(1, PART // costs[0].numel())
    parts = zip(costs.split(many), sends.split(many), receives.split(many), strict=True)
    return torch.cat([_plans(*part, beta, iterations) for part in parts]).reshape(shape)


def _plans(cost: Tensor, rows: Tensor, columns: Tensor, beta: float, iterations: int) -> Tensor:
    """Some problems: (N, L, P) costs, (N, L) and (N, P) masks."""
    real = (rows[:, :, None] & columns[:, None, :]).to(cost.dtype)
    # The cheapest entry of each problem costs nothing: the plan is the same, and exp cannot run out of range.
    least = cost.masked_fill(real == 0, torch.inf).amin((-1, -2), keepdim=True)
    closeness = torch.exp(-(cost - torch.where(least.isfinite(), least, 0.0)).clamp(min=0) / beta) * real
    # Problems last: sums over a handful of words or patches then run along memory, many problems at once.
    near, plan = closeness.permute(1, 2, 0).contiguous(), real.permute(1, 2, 0).contiguous()
    share_rows, share_columns = (_shares(mask, cost.dtype).T.contiguous() for mask in (rows, columns))
    scale = share_columns
    for _ in range(iterations):
        plan.mul_(near)
        left = _ratio(share_rows, (plan * scale).sum(1))
        plan.mul_(left[:, None])
        scale = _ratio(share_columns, plan.sum(0))
        plan.mul_(scale)
    return plan.permute(2, 0, 1)


def transport_distance(
    words: Tensor,
    patches: Tensor,
    word_mask: Tensor,
    patch_mask: Tensor,
    *,
    beta: float = 0.5,
    iterations: int = 50,
) -> Tensor:
    """``<C, T>`` with ``C = 1 - cos``: the cost of the best transport; the plan T is a constant to the gradient.

    Args:
        words: (..., L, d), of any length.
        patches: (..., P, d), of any length.
        word_mask: (..., L) bool.
        patch_mask: (..., P) bool.
        beta: As of :func:`transport_plan`.
        iterations: As of :func:`transport_plan`.

    Returns:
        (...), between 0 (the same directions, in any order) and 2; 0 where a side has no real token.

    >>> x = torch.eye(3)
    >>> there = torch.ones(3, dtype=torch.bool)
    >>> abs(transport_distance(x, x[[2, 0, 1]], there, there).item()) < 1e-6
    True
    """
    cost = 1 - F.normalize(words, dim=-1) @ F.normalize(patches, dim=-1).transpose(-1, -2)
    return _moved(cost, word_mask, patch_mask, beta, iterations)


def _moved(cost: Tensor, rows: Tensor, columns: Tensor, beta: float, iterations: int) -> Tensor:
    plan = transport_plan(cost.detach(), rows, columns, beta=beta, iterations=iterations)
    return (cost * constant(plan)).sum((-1, -2))


class Transport(Similarity):
    """One minus the transport distance of a picture's patches and a text's words (UNITER's alignment as an axis; ours).

    Where MaxSim lets many words share one patch, here every word and every patch has to be accounted for.

    Args:
        beta, iterations: As of :func:`transport_plan`.

    Needs:
        image_tokens, image_mask, text_tokens, text_mask

    >>> x, there = torch.eye(2), torch.ones(2, 1, dtype=torch.bool)
    >>> tokens = {"image_tokens": x[:, None], "image_mask": there, "text_tokens": x[:, None], "text_mask": there}
    >>> Transport()(Batch(x, x, **tokens))[0].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    needs = ("image_tokens", "image_mask", "text_tokens", "text_mask")

    def __init__(self, beta: float = 0.5, iterations: int = 20) -> None:
        super().__init__()
        self.beta, self.iterations = beta, iterations

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        patches, words = batch.image_tokens, batch.text_tokens
        patch_mask, word_mask = batch.image_mask, batch.text_mask
        assert patches is not None and words is not None and patch_mask is not None and word_mask is not None
        # Words that are padding in every text would be carried along for nothing.
        there = word_mask.any(0)
        words, word_mask = words[:, there], word_mask[:, there]
        cosines = torch.einsum("mld,bpd->bmlp", F.normalize(words, dim=-1), F.normalize(patches, dim=-1))
        far = _moved(1 - cosines, word_mask[None], patch_mask[:, None], self.beta, self.iterations)
        return 1 - far, (1 - far).T


def _shares(mask: Tensor, dtype: torch.dtype) -> Tensor:
    there = mask.to(dtype)
    return there / there.sum(-1, keepdim=True).clamp(min=1)


def _ratio(over: Tensor, under: Tensor) -> Tensor:
    return torch.where(over > 0, over / under.clamp(min=torch.finfo(under.dtype).tiny), 0.0)
