# mypy: disallow-subclassing-any=False
"""Which region shows which attribute, learned from pictures whose descriptions only list them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import InputError, ShapeError


class _Heads(nn.Module):
    """One small net per attribute, all at once: (n, R, d) to (n, A, R, e)."""

    def __init__(self, attributes: int, features: int, width: int, out: int) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(attributes, features, width) * (2 / features) ** 0.5)
        self.first_bias = nn.Parameter(torch.zeros(attributes, 1, width))
        self.second = nn.Parameter(torch.randn(attributes, width, out) / width**0.5)
        self.second_bias = nn.Parameter(torch.zeros(attributes, 1, out))

    def forward(self, regions: Tensor) -> Tensor:
        hidden = (torch.einsum("nrd,adw->narw", regions, self.first) + self.first_bias).relu()
        return torch.einsum("narw,awe->nare", hidden, self.second) + self.second_bias


class RegionAttributeMapper:
    """Assigns the attributes of a description to regions of its picture, without a label of any region.

    For each attribute a head (linear, ReLU, linear) maps regions near the attribute's text; a picture's score is that
    of its best region, ``s_ia = max_j cos(h_a(r_ij), e_a) / tau``. A picture whose description names a must score
    higher than those whose descriptions do not: ``-log e(s_ia) / (e(s_ia) + sum_{k: a not in k} e(s_ka))``.

    Args:
        attributes: (A, e) unit vectors of the attributes' texts, frozen.
        width: Of the heads.
        tau: Temperature.
        epochs, batch, rate: Of the training (AdamW).
        seed: Everything random follows from it.

    Attributes:
        losses: Mean loss of each epoch, after :meth:`fit`.

    References:
        ViLLA, Varma et al. 2023, arXiv:2308.11194, section 3.2. The released code leaves a constant 1 in the
        denominator for other right pictures; here they are left out.

    >>> mapper = RegionAttributeMapper(torch.eye(2), epochs=1)
    >>> regions, named = torch.randn(4, 3, 5), torch.tensor([[1, 0], [0, 1], [1, 1], [0, 0]]).bool()
    >>> mapper.fit(regions, named).assign(regions, named).shape
    torch.Size([4, 3, 2])
    """

    def __init__(
        self,
        attributes: Tensor,
        *,
        width: int = 128,
        tau: float = 0.07,
        epochs: int = 30,
        batch: int = 48,
        rate: float = 1e-3,
        seed: int = 0,
    ) -> None:
        self.attributes, self.width, self.tau = attributes, width, tau
        self.epochs, self.batch, self.rate, self.seed = epochs, batch, rate, seed
        self.losses: list[float] = []
        self._heads: _Heads | None = None

    def fit(self, regions: Tensor, named: Tensor) -> RegionAttributeMapper:
        """Learn the heads.

        Args:
            regions: (n, R, d) features.
            named: (n, A) bool, which attributes a picture's description names.

        Raises:
            ShapeError: They do not fit together.
        """
        if regions.ndim != 3 or named.shape != (len(regions), len(self.attributes)):
            raise ShapeError(
                f"regions of shape {tuple(regions.shape)} and names of {tuple(named.shape)}",
                f"give (n, R, d) and (n, {len(self.attributes)})",
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self._heads = _Heads(len(self.attributes), regions.shape[2], self.width, self.attributes.shape[1])
        optimizer = torch.optim.AdamW(self._heads.parameters(), lr=self.rate)
        for epoch in range(self.epochs):
            order = np.random.default_rng([self.seed, epoch]).permutation(len(regions))
            values = []
            for at in range(0, len(order), self.batch):
                rows = torch.from_numpy(order[at : at + self.batch])
                loss = mapping_loss(self._scores(regions[rows]).amax(2) / self.tau, named[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                values.append(float(loss.detach()))
            self.losses.append(float(np.mean(values)))
        return self

    def scores(self, regions: Tensor) -> Tensor:
        """(n, R, d) to cosines (n, R, A).

        Raises:
            InputError: Not fitted.
        """
        with torch.inference_mode():
            return self._scores(regions).transpose(1, 2)

    def assign(self, regions: Tensor, named: Tensor, eps: float = 0.2) -> Tensor:
        """(n, R, A) bool: each named attribute to every region within ``eps`` of the best of the picture."""
        scores = self.scores(regions)
        return (scores >= scores.amax(1, keepdim=True) - eps) & named[:, None]

    def _scores(self, regions: Tensor) -> Tensor:
        """(n, A, R) cosines."""
        if self._heads is None:
            raise InputError("the mapper has learned nothing yet", "call fit first")
        mapped = F.normalize(self._heads(regions), dim=-1)
        return torch.einsum("nare,ae->nar", mapped, self.attributes)


def mapping_loss(scores: Tensor, named: Tensor) -> Tensor:
    """Mean over the true pairs of picture and attribute, against the pictures that do not have the attribute.

    Args:
        scores: (n, A), already divided by the temperature.
        named: (n, A) bool.

    >>> round(mapping_loss(torch.zeros(3, 1), torch.tensor([[True], [False], [False]])).exp().item(), 4)
    3.0
    """
    against = scores.masked_fill(named, -torch.inf).logsumexp(0, keepdim=True)
    values = torch.logaddexp(scores, against) - scores
    return values[named].sum() / max(1, int(named.sum()))


def region_texts(assigned: Tensor, attributes: Sequence[str]) -> list[list[str]]:
    """What is said of each region: its attributes in their order, or nothing.

    >>> region_texts(torch.tensor([[[True, True], [False, False]]]), ["red", "seven"])
    [['red seven', '']]
    """
    return [[" ".join(a for a, there in zip(attributes, row, strict=True) if there) for row in one] for one in assigned]
