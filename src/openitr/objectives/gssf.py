# mypy: disallow-subclassing-any=False
"""GSSF: a learned similarity between the cosine and the full bilinear form, sparse and gated by the pair."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from openitr.errors import InputError
from openitr.objectives.batch import Batch
from openitr.objectives.similarity import Similarity


class StructuredSparse(Similarity):
    """A diagonal term and a block-diagonal one, each opened by the pair itself.

    ``s = sum_c a_c v_c t_c + sum_g m_g v_g' M_g t_g`` with channels in groups of equal width. The gates depend on the
    pair: ``a = d softmax(W_a (v * t))`` and ``m = sigmoid(W_m s_g + b_m)``, where ``s_g`` are the group scores. With
    gates off, ``a = 1`` and ``m = 1``, it is an inner product after mapping texts: :meth:`map_texts`, by which one can
    search before re-scoring the best with the gates.

    The authors' code is not public; the gates are a reconstruction (ours). M begins at 0 and W_a at 0, so that training
    starts from the cosine.

    Args:
        dim: Width of the embeddings.
        groups: Divides ``dim``; 1 is a full bilinear form.
        gated: Whether the gates are there.

    References:
        Generalized Structural Sparse Function, 2024, arXiv:2410.15266.

    >>> batch = Batch(torch.eye(4)[:2], torch.eye(4)[:2])
    >>> StructuredSparse(4, groups=2)(batch)[0].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, dim: int, groups: int = 8, *, gated: bool = True) -> None:
        super().__init__()
        if dim % groups:
            raise InputError(f"{groups} groups do not divide {dim} channels", "use a divisor of dim")
        self.groups, self.gated = groups, gated
        self.blocks = nn.Parameter(torch.zeros(groups, dim // groups, dim // groups))
        self.channel = nn.Linear(dim, dim, bias=False)
        nn.init.zeros_(self.channel.weight)
        self.group = nn.Linear(groups, groups)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        v, t = batch.images, batch.texts
        dtype = v.dtype
        product = v[:, None] * t[None]
        left, right = v.unflatten(1, (self.groups, -1)), t.unflatten(1, (self.groups, -1))
        scores = torch.einsum("igx,gxy,jgy->ijg", left, self.blocks.to(dtype), right)
        if self.gated:
            open_channels = v.shape[1] * (product @ self.channel.weight.to(dtype).T).softmax(-1)
            open_groups = torch.sigmoid(scores @ self.group.weight.to(dtype).T + self.group.bias.to(dtype))
            product, scores = open_channels * product, open_groups * scores
        found = product.sum(-1) + scores.sum(-1)
        return found, found.T

    def map_texts(self, texts: Tensor) -> Tensor:
        """Texts (m, d) to (m, d), so that ``v @ map_texts(t).T`` is the similarity without its gates."""
        parts = torch.einsum("gxy,jgy->jgx", self.blocks, texts.unflatten(1, (self.groups, -1)))
        return texts + parts.flatten(1)

    def penalty(self) -> Tensor:
        """Mean absolute block weight, to be added to a loss where sparse blocks are wanted."""
        return self.blocks.abs().mean()
