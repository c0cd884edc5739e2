"""What is computed twice gives the same numbers and slopes as what is kept, and keeps next to nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from openitr.objectives import (
    CLIA,
    Batch,
    CircleLoss,
    Contrastive,
    FilteredHardNegative,
    InfoNCE,
    LexiconContrast,
    Objective,
    OneToK,
    SigLIP,
    SmallLoss,
    Sparse,
    Triplet,
    contrastive,
)
from openitr.objectives.again import again, draw_from, draws

KINDS = [
    InfoNCE(smoothing=0.1),
    SigLIP(),
    Triplet(),
    CircleLoss(),
    FilteredHardNegative(k=2),
    SmallLoss(0.3),
    OneToK(),
    CLIA(),
    LexiconContrast(),
    Contrastive(similarity=Sparse()),
]


def unit(rows: int, seed: int) -> Tensor:
    made = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(rows, 6, generator=made, dtype=torch.float64), dim=1)


def slopes(objective: Objective, owner: Tensor | None) -> list[Tensor]:
    """The loss, and its gradients to pictures, texts and parameters."""
    texts = 9 if owner is None else len(owner)
    v, t = unit(9, 1).requires_grad_(), unit(texts, 2).requires_grad_()
    learned = [p for p in objective.parameters() if p.requires_grad]
    loss = objective(Batch(v, t, owner))
    return [loss.detach(), *torch.autograd.grad(loss, [v, t, *learned])]


@pytest.mark.parametrize("owner", [None, [0, 0, 1, 3, 3, 3, 4, 6, 7, 8, 8]], ids=["one text", "several and none"])
@pytest.mark.parametrize("objective", KINDS, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("part", [1, 20, 50])
def test_scores_in_parts_give_the_same_loss_and_slopes(
    objective: Objective, owner: list[int] | None, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One, two or five rows at a time instead of all: sums in the same order, so they agree to the last digits."""
    objective, whose = objective.double(), None if owner is None else torch.tensor(owner)
    whole = slopes(objective, whose)
    sizes: list[int] = []
    judge = Contrastive._judge

    def watched(self: Contrastive, scores: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        sizes.append(scores.numel())
        return judge(self, scores, wanted)

    monkeypatch.setattr(contrastive, "PART", part)
    monkeypatch.setattr(Contrastive, "_judge", watched)
    for one, other in zip(whole, slopes(objective, whose), strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=1e-14)
    assert max(sizes) <= max(part, 11), "a part holds at most PART scores, or one row"


def test_a_large_batch_keeps_no_matrix_of_scores() -> None:
    """Saved for the gradient: vectors and a number per anchor; one matrix alone would be 4 MB."""
    v, t = (F.normalize(torch.randn(1024, 64, generator=torch.Generator().manual_seed(s)), dim=1) for s in (0, 1))
    v.requires_grad_()
    kept: list[int] = []

    def note(x: Tensor) -> Tensor:
        kept.append(x.numel() * x.element_size())
        return x

    with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
        loss = InfoNCE()(Batch(v, t))
    assert max(kept) <= 1024 * 64 * 4
    assert sum(kept) < 4 * 2**20
    loss.backward()
    assert v.grad is not None
    assert torch.isfinite(v.grad).all()


def test_draws_are_the_same_both_times() -> None:
    x = torch.ones(1000, requires_grad=True)
    torch.manual_seed(3)
    values, _ = again(lambda a, b: (F.dropout(a, 0.5), a > 0), x, torch.ones(1))
    following = torch.rand(1)
    torch.manual_seed(3)
    values.sum().backward()
    assert torch.equal(x.grad, values.detach()), "dropout of ones: the slope of each is what came out"
    draw = draws()
    first = torch.rand(3)
    draw_from(draw)
    assert torch.equal(torch.rand(3), first)
    torch.manual_seed(3)
    F.dropout(torch.ones(1000), 0.5)
    assert torch.equal(torch.rand(1), following), "and the draws after it go on as if it was done once"


def test_autocast_does_not_reach_the_second_time() -> None:
    v, t = unit(9, 1).float().requires_grad_(), unit(9, 2).float()
    plain, _ = again(lambda a, b: (a @ b.T, a > 0), v, t)
    plain.square().sum().backward()
    expected, v.grad = v.grad, None
    kept, _ = again(lambda a, b: (a @ b.T, a > 0), v, t)
    with torch.autocast("cpu", torch.bfloat16):
        kept.square().sum().backward()
    assert torch.equal(v.grad, expected)


def test_neither_large_batches_nor_cached_ones_load_the_compiler() -> None:
    """torch._dynamo and sympy are 20 to 100 MB that no loss here needs."""
    code = (
        "import sys, torch\n"
        "from openitr.objectives import Batch, InfoNCE, cached_backward\n"
        "x, tower = torch.randn(600, 4), torch.nn.Linear(4, 4)\n"
        "loss = InfoNCE()\n"
        "cached_backward(lambda v, t: loss(Batch(v, t)), [tower, tower], [x, x], micro=100)\n"
        "assert tower.weight.grad.abs().sum() > 0\n"
        "print([name for name in ('torch._dynamo', 'sympy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=True
    )
    assert done.stdout.strip() == "[]"
