"""The kernel by enumeration of all walks, and the structure loss in loops."""

from __future__ import annotations

import math

import pytest
import torch

from openitr.errors import InputError, ShapeError
from openitr.objectives import AlignmentKernel, Batch, Objective, Slices, StructureInduced
from openitr.objectives.alignment_kernel import walks
from tests.objectives.loops import log_softmax, mean


def structure(_: Objective, batch: Batch) -> float:
    v, losses = batch.images.tolist(), []
    for i, row in enumerate(batch.plain.tolist()):
        others = [j for j in range(len(v)) if j != i]
        wanted = log_softmax([row[j] for j in others])
        found = log_softmax([sum(a * b for a, b in zip(v[i], v[j], strict=True)) / 0.1 for j in others])
        losses.append(sum(math.exp(w) * (w - f) for w, f in zip(wanted, found, strict=True)))
    return mean(losses)


ORACLES = {StructureInduced: structure}


def every_walk(weights: list[list[float]], i: int, j: int) -> float:
    """Sum over all monotone walks from the corner to (i, j) of the product of what is passed, walked one by one."""

    def go(a: int, b: int, product: float) -> float:
        product *= weights[a][b]
        if (a, b) == (i, j):
            return product
        steps = [(a + 1, b), (a, b + 1), (a + 1, b + 1)]
        return sum(go(c, d, product) for c, d in steps if c <= i and d <= j)

    return go(0, 0, 1.0)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 5), (3, 2), (5, 5)])
def test_the_recursion_sums_every_walk(n: int, m: int) -> None:
    likeness = -torch.rand(n, m, generator=torch.Generator().manual_seed(n + 9 * m), dtype=torch.float64)
    expected = every_walk(likeness.exp().tolist(), n - 1, m - 1)
    assert walks(likeness)[-1, -1].exp().item() == pytest.approx(expected, rel=1e-8)


def drawn(many: int, seed: int = 0, *, pictures: bool | None = None) -> list[Slices]:
    made = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(many):
        n = int(torch.randint(1, 5, (1,), generator=made))
        kinds = torch.rand(n, generator=made) < 0.5 if pictures is None else torch.full((n,), pictures)
        own = torch.randn(n, 3, generator=made, dtype=torch.float64)
        found.append(Slices(kinds, own, torch.randn(n, 2, generator=made, dtype=torch.float64)))
    return found


def by_hand(one: Slices, other: Slices, sigmas: tuple[float, float, float]) -> float:
    def local(a: int, b: int) -> float:
        kinds = bool(one.picture[a]), bool(other.picture[b])
        space, sigma = (
            ("own", sigmas[0]) if all(kinds) else ("own", sigmas[1]) if not any(kinds) else ("both", sigmas[2])
        )
        d = float((getattr(one, space)[a] - getattr(other, space)[b]).square().sum()) / (2 * sigma**2)
        return math.exp(-d) / (2 - math.exp(-d))

    weights = [[local(a, b) for b in range(len(other.picture))] for a in range(len(one.picture))]
    return every_walk(weights, len(one.picture) - 1, len(other.picture) - 1)


def test_the_kernel_by_hand_for_sequences_of_all_lengths() -> None:
    sigmas, sequences = (0.9, 1.3, 1.1), drawn(5)
    got = AlignmentKernel(*sigmas)(sequences).exp()
    for i, one in enumerate(sequences):
        for j, other in enumerate(sequences):
            size = math.sqrt(by_hand(one, one, sigmas) * by_hand(other, other, sigmas))
            assert got[i, j].item() == pytest.approx(by_hand(one, other, sigmas) / size, rel=1e-8)


def test_one_space_and_one_sigma_is_positive_definite_and_like_itself() -> None:
    kernel = AlignmentKernel(1.2, 1.2, 1.2)(drawn(12, seed=1, pictures=True)).exp()
    assert torch.linalg.eigvalsh(kernel)[0] > -1e-9
    assert kernel.diagonal().tolist() == pytest.approx([1.0] * 12)


def test_three_kernels_are_one_where_all_encoders_agree() -> None:
    mixed = [Slices(s.picture, s.own, s.own) for s in drawn(6, seed=2)]
    plain = [Slices(torch.ones_like(s.picture), s.own, s.own) for s in mixed]
    assert torch.allclose(AlignmentKernel()(mixed), AlignmentKernel()(plain))


def test_one_sequence_alone_costs_nothing() -> None:
    v = torch.ones(1, 1, requires_grad=True)
    assert StructureInduced()(Batch(v, v, plain=torch.zeros(1, 1))).item() == 0.0


def test_refusals() -> None:
    with pytest.raises(InputError, match="sigma"):
        AlignmentKernel(0.0)
    with pytest.raises(ShapeError, match="2 and 1 vectors"):
        Slices(torch.tensor([True]), torch.zeros(2, 3), torch.zeros(1, 3))
