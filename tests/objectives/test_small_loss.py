"""InfoNCE on the pairs that fit best, in plain loops."""

from __future__ import annotations

import torch

from openitr.objectives import Batch, InfoNCE, Objective, SmallLoss
from tests.objectives.loops import cosines, log_softmax, mean, transposed


def small_loss(objective: Objective, batch: Batch) -> float:
    scores, owners = cosines(batch), batch.owner.tolist()
    own = [[float(o == i) for o in owners] for i in range(len(batch.images))]
    total = 0.0
    for side, wanted in ((scores, own), (transposed(scores), transposed(own))):
        losses, counts = [], []
        for row, right in zip(side, wanted, strict=True):
            logp = log_softmax([s / 0.07 for s in row])
            many = sum(right)
            losses.append(-sum(w / many * x for w, x in zip(right, logp, strict=True)) if many else 0.0)
            counts.append(many > 0)
        order = sorted(range(len(losses)), key=lambda row: losses[row])
        kept = order[: len(losses) - int(0.2 * len(losses))]
        total += mean([losses[row] for row in kept if counts[row]]) / 2
    return total


ORACLES = {SmallLoss: small_loss}


def test_nothing_left_out_is_info_nce() -> None:
    v = torch.nn.functional.normalize(torch.randn(9, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    batch = Batch(v, v.flip(0))
    assert torch.equal(SmallLoss(0.0)(batch), InfoNCE()(batch))


def test_planted_wrong_pairs_get_no_gradient() -> None:
    """Ten pairs, two of them swapped: the fifth that is left out is these two, in both directions."""
    v = torch.eye(10)
    t = v[[1, 0, *range(2, 10)]].clone().requires_grad_()
    picture = v.clone().requires_grad_()
    SmallLoss(0.2)(Batch(picture, t)).backward()
    pulled = (picture.grad[:2] * v[[1, 0]]).sum(1)
    assert (pulled >= 0).all(), "a swapped picture is not drawn to the text it was given"
    whole = v.clone().requires_grad_()
    InfoNCE()(Batch(whole, t.detach())).backward()
    assert ((whole.grad[:2] * v[[1, 0]]).sum(1) < -0.1).all(), "InfoNCE does draw it there"
