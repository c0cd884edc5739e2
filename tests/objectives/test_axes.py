"""Objectives that are a choice of the axes, against plain loops; and the axes one by one."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from openitr.errors import ShapeError
from openitr.objectives import (
    Alike,
    Batch,
    ByTrust,
    CircleLoss,
    Contrastive,
    DirectionalRank,
    FilteredHardNegative,
    Hardest,
    Hinge,
    InfoNCE,
    MaxSim,
    OneToK,
    OverActive,
    Sampled,
    Scold,
    SigLIP,
    Slow,
    SoftContext,
    Softmax,
    Sparse,
    Trimmed,
    Triplet,
    Trusted,
    UniCL,
    check,
    info_nce,
    similarity_kl,
)
from openitr.objectives.contract import draw
from tests.objectives.loops import cosines, cross_entropy, log_softmax, mean, own, shares, symmetric, transposed


def same_label(batch: Batch) -> list[list[float]]:
    labels = batch.labels.tolist()
    return [[float(labels[o] == labels[i]) for o in batch.owner.tolist()] for i in range(len(labels))]


def scold(objective: Scold, batch: Batch) -> float:
    rows = [shares(row) for row in same_label(batch)]
    targets = [[0.9 * y + 0.1 / len(row) for y in row] for row in rows]
    return symmetric(batch, targets, 1 / 0.07)


def soft_context(objective: SoftContext, batch: Batch) -> float:
    texts = batch.texts.tolist()
    like = [
        [math.exp(x) for x in log_softmax([sum(a * b for a, b in zip(t, u, strict=True)) / 0.1 for u in texts])]
        for t in texts
    ]
    targets = []
    for row in own(batch):
        row = shares(row)
        spread = [sum(w * like[k][j] for k, w in enumerate(row)) for j in range(len(row))]
        targets.append([0.7 * y + 0.3 * s for y, s in zip(row, spread, strict=True)])
    return symmetric(batch, targets, 1 / 0.07)


def siglip(objective: SigLIP, batch: Batch) -> float:
    total = 0.0
    for row, match in zip(cosines(batch), own(batch), strict=True):
        for score, y in zip(row, match, strict=True):
            total += math.log1p(math.exp(-(10 * score - 10) * (1 if y else -1)))
    return total / len(batch.images)


def ranked(batch: Batch, margin: float, hardest: bool) -> list[list[float]]:
    """Hinge costs of pictures and of texts."""
    found = []
    for scores, match in ((cosines(batch), own(batch)), (transposed(cosines(batch)), transposed(own(batch)))):
        costs = []
        for row, positive in zip(scores, match, strict=True):
            negatives = [s for s, y in zip(row, positive, strict=True) if not y]
            if hardest:
                negatives = [max(negatives)] if negatives else []
            costs.append(
                sum(max(0.0, margin - p + n) for p, y in zip(row, positive, strict=True) if y for n in negatives)
            )
        found.append(costs)
    return found


def circle(objective: CircleLoss, batch: Batch) -> float:
    sides = []
    for scores, match in ((cosines(batch), own(batch)), (transposed(cosines(batch)), transposed(own(batch)))):
        losses = []
        for row, positive in zip(scores, match, strict=True):
            push = sum(
                math.exp(32 * max(0, s + 0.25) * (s - 0.25)) for s, y in zip(row, positive, strict=True) if not y
            )
            pull = sum(math.exp(-32 * max(0, 1.25 - s) * (s - 0.75)) for s, y in zip(row, positive, strict=True) if y)
            losses.append(math.log1p(push * pull))
        sides.append(mean(losses))
    return sum(sides) / 2


def filtered(objective: FilteredHardNegative, batch: Batch) -> float:
    losses = []
    for row, match in zip(cosines(batch), own(batch), strict=True):
        answers = [j for j, y in enumerate(match) if y]
        worst = min(row[j] for j in answers)
        others = sorted((s for j, s in enumerate(row) if j not in answers and s <= worst + 0.1), reverse=True)[:8]
        logp = log_softmax([row[j] / 0.02 for j in answers] + [s / 0.02 for s in others])
        losses.append(-mean(logp[: len(answers)]))
    return mean(losses)


ORACLES = {
    Contrastive: lambda o, b: symmetric(b, own(b), 1 / 0.07),
    InfoNCE: lambda o, b: symmetric(b, own(b), 1 / 0.07),
    OneToK: lambda o, b: symmetric(b, own(b), 1 / 0.07),
    UniCL: lambda o, b: 2 * symmetric(b, same_label(b), 1 / 0.07),
    Scold: scold,
    SoftContext: soft_context,
    SigLIP: siglip,
    Triplet: lambda o, b: sum(map(sum, ranked(b, 0.2, hardest=True))),
    DirectionalRank: lambda o, b: sum(map(mean, ranked(b, 0.2, hardest=False))) / 2,
    CircleLoss: circle,
    FilteredHardNegative: filtered,
}


def test_info_nce_with_smoothing_is_torch_cross_entropy_and_reaches_the_temperature() -> None:
    batch = draw(5, seed=1)
    objective = InfoNCE(0.07, smoothing=0.1).double()
    logits = batch.images @ batch.texts.T / 0.07
    diagonal = torch.arange(5)
    expected = (
        F.cross_entropy(logits, diagonal, label_smoothing=0.1)
        + F.cross_entropy(logits.T, diagonal, label_smoothing=0.1)
    ) / 2
    loss = objective(batch)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    loss.backward()
    assert objective.form.log_scale.grad.abs() > 0
    assert info_nce(batch.images, batch.texts).item() == pytest.approx(InfoNCE().double()(batch).item(), rel=1e-6)


def test_one_to_k_with_one_text_is_info_nce_and_languages_may_be_permuted() -> None:
    batch = draw(4, seed=2)
    assert OneToK()(batch).item() == InfoNCE()(batch).item()
    several = draw(3, (3, 3, 3), seed=3)
    order = torch.tensor([2, 0, 1, 5, 3, 4, 8, 6, 7])
    again = Batch(several.images, several.texts[order], several.owner[order])
    assert OneToK().double()(again).item() == pytest.approx(OneToK().double()(several).item(), rel=1e-12)


def test_unicl_with_distinct_labels_is_twice_info_nce() -> None:
    batch = draw(4, seed=4)
    distinct = Batch(batch.images, batch.texts, labels=torch.arange(4))
    assert UniCL().double()(distinct).item() == pytest.approx(2 * InfoNCE().double()(distinct).item(), rel=1e-12)


def test_scold_gradient_is_softmax_minus_target() -> None:
    batch = draw(5, seed=5)
    labels = torch.tensor([0, 0, 1, 2, 1])
    logits = (batch.images @ batch.texts.T).requires_grad_()
    objective = Contrastive(form=Softmax(1.0, learn=False), directions=(1.0, 0.0)).double()
    from openitr.objectives import SameLabel

    targets = SameLabel(0.1).weights(Batch(batch.images, batch.texts, labels=labels), logits)
    values, _ = objective.form(logits, targets, torch.ones_like(logits, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(values.mean(), logits)
    assert torch.allclose(gradient, (logits.softmax(1) - targets) / 5, atol=1e-12)
    distinct = Batch(batch.images, batch.texts, labels=torch.arange(5))
    assert Scold(0.0).double()(distinct).item() == pytest.approx(InfoNCE().double()(distinct).item(), rel=1e-9)


def test_directional_rank_at_one_half_is_half_the_sum_of_both_sides() -> None:
    batch = draw(6, seed=6)
    both = DirectionalRank(0.5)(batch).item()
    assert both == pytest.approx((DirectionalRank(1.0)(batch) + DirectionalRank(0.0)(batch)).item() / 2, rel=1e-9)
    hard = DirectionalRank(0.5, mining=Hardest())(batch).item()
    assert hard == pytest.approx(Triplet()(batch).item() / 12, rel=1e-9)


def test_the_filter_of_unime() -> None:
    """All candidates and no filter is one-direction cross-entropy; a planted false negative gets no gradient."""
    batch = draw(5, seed=7)
    everything = FilteredHardNegative(k=4, alpha=math.inf).double()
    expected = F.cross_entropy(batch.images @ batch.texts.T / 0.02, torch.arange(5))
    assert everything(batch).item() == pytest.approx(expected.item(), rel=1e-6)
    v = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    t = F.normalize(torch.tensor([[0.6, 0.8, 0.0], [0.9, 0.1, 0.0], [0.5, 0.0, 0.8]], dtype=torch.float64), dim=1)
    t.requires_grad_()
    loss = FilteredHardNegative(k=8).double()(Batch(v, t, owner=torch.tensor([0, 7, 7])))
    (gradient,) = torch.autograd.grad(loss, t)
    assert gradient[1].abs().max() == 0
    assert gradient[2].abs().max() > 0


def test_similarity_kl_is_its_loops_and_leaves_the_teacher_alone() -> None:
    batch = draw(4, seed=20)
    student, teacher = batch.images.clone().requires_grad_(), batch.texts[:, :4].clone().requires_grad_()
    wanted, found, total = (teacher @ teacher.T).tolist(), (student @ student.T).tolist(), 0.0
    for i in range(4):
        p, q = log_softmax([x / 0.1 for x in wanted[i]]), log_softmax([x / 0.1 for x in found[i]])
        total += sum(math.exp(a) * (a - b) for a, b in zip(p, q, strict=True)) / 4
    loss = similarity_kl(student, teacher, 0.1)
    assert loss.item() == pytest.approx(total, rel=1e-9)
    gradients = torch.autograd.grad(loss, [student, teacher], allow_unused=True)
    assert gradients[0].abs().max() > 0
    assert gradients[1] is None
    assert torch.autograd.gradcheck(lambda e: similarity_kl(e, teacher.detach(), 0.1), (student,), atol=1e-6)


def maxsim_by_hand(batch: Batch) -> tuple[list[list[float]], list[list[float]]]:
    from_image, from_text = [], []
    for i in range(len(batch.images)):
        patches = [p for p, m in zip(batch.image_tokens[i], batch.image_mask[i], strict=True) if m]
        row, column = [], []
        for j in range(len(batch.texts)):
            words = [w for w, m in zip(batch.text_tokens[j], batch.text_mask[j], strict=True) if m]
            row.append(mean([max(float(p @ w) for w in words) for p in patches]))
            column.append(mean([max(float(p @ w) for p in patches) for w in words]))
        from_image.append(row)
        from_text.append(column)
    return from_image, from_text


def test_maxsim_is_the_plain_loop_and_ignores_padding() -> None:
    batch = draw(3, (2, 1, 1), seed=8)
    got, expected = MaxSim()(batch), maxsim_by_hand(batch)
    assert torch.allclose(got[0], torch.tensor(expected[0], dtype=torch.float64), atol=1e-12)
    assert torch.allclose(got[1].T, torch.tensor(expected[1], dtype=torch.float64), atol=1e-12)


def test_sparse_is_the_plain_loop() -> None:
    batch = draw(3, seed=9)
    got = Sparse()(batch)[0]
    for i in range(3):
        for j in range(3):
            expected = sum(
                math.log1p(max(0, a)) * math.log1p(max(0, b))
                for a, b in zip(batch.images[i].tolist(), batch.texts[j].tolist(), strict=True)
            )
            assert got[i, j].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "objective",
    [
        Contrastive(similarity=MaxSim()),
        Contrastive(similarity=Sparse()),
        Contrastive(targets=Slow()),
        Contrastive(targets=Trusted()),
        Contrastive(weighting=ByTrust()),
        Contrastive(weighting=Trimmed(0.25)),
        Contrastive(form=Hinge(0.2), reduction=OverActive()),
        Contrastive(similarity=MaxSim(), targets=Alike(), mining=Hardest(2), form=Softmax(0.1, smoothing=0.1)),
    ],
    ids=["maxsim", "sparse", "slow", "trusted", "by-trust", "trimmed", "over-active", "several"],
)
def test_axes_combine(objective: Contrastive) -> None:
    check(objective)


def test_slow_targets_by_hand() -> None:
    batch = draw(3, seed=10)
    rows = [[x / 0.07 for x in row] for row in cosines(batch.slow)]
    seen = [[math.exp(x) for x in log_softmax(row)] for row in rows]
    targets = [[0.6 * y + 0.4 * s for y, s in zip(a, b, strict=True)] for a, b in zip(own(batch), seen, strict=True)]
    loss = Contrastive(targets=Slow(0.4)).double()(batch).item()
    assert loss == pytest.approx(symmetric(batch, targets, 1 / 0.07), rel=1e-6)


def test_trust_by_hand() -> None:
    """Trusted targets and trusted anchors, each in plain loops."""
    batch = draw(3, seed=11)
    trust = batch.trust.tolist()
    seen = [[math.exp(x) for x in log_softmax([s / 0.07 for s in row])] for row in cosines(batch)]
    targets = [
        [w * y + (1 - w) * s for y, s in zip(a, b, strict=True)]
        for w, a, b in zip(trust, own(batch), seen, strict=True)
    ]
    loss = Contrastive(targets=Trusted()).double()(batch).item()
    assert loss == pytest.approx(symmetric(batch, targets, 1 / 0.07), rel=1e-6)
    sides = []
    for scores in (cosines(batch), transposed(cosines(batch))):
        losses = [cross_entropy([row], [[float(i == j) for j in range(3)]], 1 / 0.07) for i, row in enumerate(scores)]
        sides.append(sum(w * x for w, x in zip(trust, losses, strict=True)) / sum(trust))
    loss = Contrastive(weighting=ByTrust()).double()(batch).item()
    assert loss == pytest.approx(sum(sides) / 2, rel=1e-6)


def test_trimmed_leaves_the_worst_out_and_over_active_the_solved_ones() -> None:
    batch = draw(4, seed=12)
    values = torch.tensor([3.0, 1.0, 2.0, 0.0])
    assert Trimmed(0.5)(batch, values, False).tolist() == [0, 1, 0, 1]
    assert OverActive()(values, None).item() == 2.0
    assert OverActive()(torch.zeros(3), None).item() == 0.0


def test_hardest_takes_what_there_is() -> None:
    scores = torch.tensor([[0.9, 0.2, 0.5, 0.95]])
    targets = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    assert Hardest(2)(scores, targets).tolist() == [[False, False, True, True]]
    assert Hardest(2, above=0.01)(scores, targets).tolist() == [[False, True, True, False]]
    assert Hardest(9)(scores, targets).tolist() == [[False, True, True, True]]


def test_sampled_negatives_are_about_as_many_as_asked() -> None:
    torch.manual_seed(1)
    kept = Sampled(0.3)(torch.zeros(100, 100), torch.zeros(100, 100)).float().mean().item()
    assert abs(kept - 0.3) < 0.02  # four standard deviations


def test_a_batch_says_what_is_wrong_with_it() -> None:
    with pytest.raises(ShapeError, match="do not meet"):
        Batch(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ShapeError, match="no owner"):
        Batch(torch.zeros(2, 3), torch.zeros(4, 3))
    with pytest.raises(ShapeError, match="owner has shape"):
        Batch(torch.zeros(2, 3), torch.zeros(4, 3), owner=torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ShapeError, match="'labels'"):
        UniCL()(Batch(torch.eye(2), torch.eye(2)))
