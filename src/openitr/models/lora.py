# mypy: disallow-subclassing-any=False
"""Low-rank additions to the linear layers of a frozen model (LoRA, Hu et al. 2021, arXiv:2106.09685)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import InputError


class LowRank(nn.Module):
    """``W x + b + (a / r) B A x`` with W and b frozen; B begins at 0, so that nothing changes at first.

    Args:
        base: The layer; its parameters stop learning.
        rank: ``r``.
        alpha: ``a``; twice the rank when None.

    >>> base = nn.Linear(4, 3)
    >>> x = torch.randn(2, 4)
    >>> torch.equal(LowRank(base, 2)(x), base(x))
    True
    """

    def __init__(self, base: nn.Linear, rank: int = 16, alpha: float | None = None) -> None:
        super().__init__()
        if rank < 1:
            raise InputError(f"rank is {rank}", "use 1 or more")
        self.base, self.scale = base.requires_grad_(False), (2.0 * rank if alpha is None else alpha) / rank
        self.down = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        return self.base(x) + self.scale * F.linear(F.linear(x, self.down), self.up)

    def merged(self) -> nn.Linear:
        """One plain layer that gives the same."""
        made = nn.Linear(self.base.in_features, self.base.out_features, bias=self.base.bias is not None)
        with torch.no_grad():
            made.weight.copy_(self.base.weight + self.scale * self.up @ self.down)
            if self.base.bias is not None:
                made.bias.copy_(self.base.bias)
        return made


def add_low_rank(
    model: nn.Module, names: Sequence[str] = ("",), *, rank: int = 16, alpha: float | None = None
) -> list[str]:
    """Freeze a model and give its linear layers low-rank additions, in place.

    Args:
        model: Any.
        names: A layer is changed if its dotted name contains one of these; all when left out.
        rank: Of the additions.
        alpha: Of the additions.

    Returns:
        Names of the layers that were changed.

    Raises:
        InputError: No linear layer has such a name.

    >>> net = nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 2))
    >>> add_low_rank(net, rank=1), [name for name, p in net.named_parameters() if p.requires_grad]
    (['0', '2'], ['0.down', '0.up', '2.down', '2.up'])
    """
    found = [n for n, part in model.named_modules() if type(part) is nn.Linear and any(name in n for name in names)]
    if not found:
        raise InputError(f"no linear layer's name contains {' or '.join(names)!r}", "print(model) shows the names")
    model.requires_grad_(False)
    for name in found:
        owner, _, last = name.rpartition(".")
        parent = model.get_submodule(owner)
        layer = getattr(parent, last)
        setattr(parent, last, LowRank(layer, rank, alpha).to(layer.weight.device))
    return found


def merge_low_rank(model: nn.Module) -> None:
    """Put plain layers in the place of the additions: as fast as before, in place."""
    for name, part in list(model.named_modules()):
        if isinstance(part, LowRank):
            owner, _, last = name.rpartition(".")
            setattr(model.get_submodule(owner), last, part.merged().to(part.up.device))
