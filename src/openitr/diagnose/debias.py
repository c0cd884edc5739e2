"""The remedy for source bias: a loss that puts the real picture before its generated twin.

Xu et al. 2024, "Invisible Relevance Bias" (arXiv:2311.14084), section 5, added to whatever loss trains the model:

    L_deb = -log( e^{s(c, r)/tau} / (e^{s(c, r)/tau} + e^{s(c, g)/tau}) )       for caption c, real r, generated twin g
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.errors import InputError

if TYPE_CHECKING:
    import torch


class SourceDebiasLoss:
    """Real before generated, for the share of pairs whose twin is drawn.

    Args:
        p: Probability with which a pair's twin is drawn in a step; lower tolerates more bias.
        tau: Temperature.

    Raises:
        InputError: p out of (0, 1], or tau not above 0.

    >>> import torch
    >>> same = torch.nn.functional.normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    >>> round(float(SourceDebiasLoss(p=1)(same, same, same)), 4)            # twins that cannot be told apart: log 2
    0.6931
    """

    def __init__(self, p: float = 0.5, tau: float = 0.07) -> None:
        if not 0 < p <= 1 or tau <= 0:
            raise InputError(f"p is {p}, tau {tau}", "use 0 < p <= 1 and tau above 0")
        self.p, self.tau = p, tau

    def __call__(
        self,
        texts: torch.Tensor,
        real: torch.Tensor,
        generated: torch.Tensor,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """Mean over the drawn pairs; zero where none was drawn.

        Args:
            texts: (B, d) unit vectors.
            real: (B, d) of their real pictures.
            generated: (B, d) of the twins.
            generator: Of the draw.
        """
        import torch

        behind = ((texts * generated).sum(dim=1) - (texts * real).sum(dim=1)) / self.tau
        drawn = torch.rand(len(behind), generator=generator) < self.p if self.p < 1 else torch.ones(len(behind)).bool()
        return (torch.nn.functional.softplus(behind) * drawn).sum() / drawn.sum().clamp(min=1)
