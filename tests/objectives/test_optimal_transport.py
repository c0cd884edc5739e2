"""Optimal transport: against the exact linear programme, blind to padding and order, and as an axis."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from openitr.objectives import (
    Batch,
    Contrastive,
    Transport,
    check,
    optimal_transport,
    transport_distance,
    transport_plan,
)
from openitr.objectives.contract import draw


def all_of(n: int) -> Tensor:
    return torch.ones(n, dtype=torch.bool)


def exact(cost: np.ndarray) -> float:
    """The least cost by linear programming: every row sends 1/L, every column receives 1/P."""
    from scipy.optimize import linprog

    rows, columns = cost.shape
    sends = np.kron(np.eye(rows), np.ones((1, columns)))
    receives = np.kron(np.ones((1, rows)), np.eye(columns))
    wanted = np.concatenate([np.full(rows, 1 / rows), np.full(columns, 1 / columns)])
    found = linprog(cost.ravel(), A_eq=np.vstack([sends, receives]), b_eq=wanted, bounds=(0, None))
    return float(found.fun)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(7, 5), (4, 9), (6, 6)])
def test_fifty_iterations_are_within_a_percent_of_the_linear_programme(seed: int, shape: tuple[int, int]) -> None:
    torch.manual_seed(seed)
    x, y = torch.randn(shape[0], 8, dtype=torch.float64), torch.randn(shape[1], 8, dtype=torch.float64)
    cost = 1 - torch.nn.functional.normalize(x, dim=1) @ torch.nn.functional.normalize(y, dim=1).T
    for iterations, off in ((50, 5e-3), (1000, 1e-3)):
        plan = transport_plan(cost, all_of(shape[0]), all_of(shape[1]), iterations=iterations)
        assert (plan.sum(1) - 1 / shape[0]).abs().max() < off
        assert (plan.sum(0) - 1 / shape[1]).abs().max() < 1e-9  # columns are scaled last
    best = exact(cost.numpy())
    got = transport_distance(x, y, all_of(shape[0]), all_of(shape[1])).item()
    # Shares that are off by 1e-3 can undercut the optimum a little as well as miss it.
    assert got == pytest.approx(best, rel=0.01)


def test_it_is_the_loop_of_the_paper() -> None:
    """One number at a time, in the order the paper writes it."""
    torch.manual_seed(0)
    cost, beta, rows, columns = torch.rand(3, 4, dtype=torch.float64), 0.5, 3, 4
    near = [[float(np.exp(-float(cost[i, j]) / beta)) for j in range(columns)] for i in range(rows)]
    plan = [[1.0] * columns for _ in range(rows)]
    sigma = [1 / columns] * columns
    for _ in range(7):
        q = [[near[i][j] * plan[i][j] for j in range(columns)] for i in range(rows)]
        delta = [1 / (rows * sum(q[i][j] * sigma[j] for j in range(columns))) for i in range(rows)]
        sigma = [1 / (columns * sum(delta[i] * q[i][j] for i in range(rows))) for j in range(columns)]
        plan = [[delta[i] * q[i][j] * sigma[j] for j in range(columns)] for i in range(rows)]
    got = transport_plan(cost, all_of(3), all_of(4), beta=beta, iterations=7)
    assert torch.allclose(got, torch.tensor(plan, dtype=torch.float64), atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 3), st.integers(0, 3), st.integers(0, 99))
def test_padding_never_changes_the_distance(rows: int, columns: int, more: int, wider: int, seed: int) -> None:
    torch.manual_seed(seed)
    x, y = torch.randn(rows + more, 5, dtype=torch.float64), torch.randn(columns + wider, 5, dtype=torch.float64)
    plain = transport_distance(x[:rows], y[:columns], all_of(rows), all_of(columns))
    padded = transport_distance(x, y, torch.arange(rows + more) < rows, torch.arange(columns + wider) < columns)
    assert padded.item() == pytest.approx(plain.item(), abs=1e-9)


def test_the_same_set_in_another_order_is_no_distance_away() -> None:
    torch.manual_seed(0)
    x = torch.randn(6, 8)
    assert abs(transport_distance(x, 3 * x[torch.randperm(6)], all_of(6), all_of(6)).item()) < 1e-4


def test_a_side_without_a_token_is_no_distance_away_and_has_a_gradient() -> None:
    x = torch.randn(2, 3, 4, requires_grad=True)
    far = transport_distance(x, torch.randn(2, 5, 4), torch.tensor([[True] * 3, [False] * 3]), torch.ones(2, 5).bool())
    assert far[1].item() == 0 < far[0].item()
    far.sum().backward()
    assert torch.isfinite(x.grad).all()


def test_costs_of_any_size_stay_finite() -> None:
    for size in (1e-3, 1.0, 1e3, -50.0):
        plan = transport_plan(size * torch.rand(4, 5), all_of(4), all_of(5))
        assert torch.isfinite(plan).all()
        assert (plan >= 0).all()


def test_problems_in_parts_are_the_problems_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """More problems than fit into a part, with masks that broadcast over them."""
    torch.manual_seed(0)
    cost, rows, columns = torch.rand(3, 5, 4, 6, dtype=torch.float64), torch.rand(5, 4) < 0.7, torch.rand(3, 1, 6) < 0.7
    monkeypatch.setattr(optimal_transport, "PART", 4 * 24)
    together = transport_plan(cost, rows, columns, iterations=9)
    for i in range(3):
        for j in range(5):
            one = transport_plan(cost[i, j], rows[j], columns[i, 0], iterations=9)
            assert torch.allclose(together[i, j], one, atol=1e-12)  # sums may run in another order


def test_no_problem_and_no_token_are_answered() -> None:
    assert transport_plan(torch.rand(0, 3, 2), all_of(3), all_of(2)).shape == (0, 3, 2)
    assert transport_plan(torch.rand(2, 0, 2), torch.ones(2, 0).bool(), all_of(2)).shape == (2, 0, 2)
    nothing = torch.zeros(2, 3).bool()
    tokens = {"image_tokens": torch.rand(2, 3, 4), "image_mask": ~nothing, "text_tokens": torch.rand(2, 3, 4)}
    scores, _ = Transport()(Batch(torch.eye(2), torch.eye(2), **tokens, text_mask=nothing))
    assert torch.equal(scores, torch.ones(2, 2))


def test_as_an_axis_it_is_the_distance_of_every_pair_and_keeps_the_contract() -> None:
    batch = draw(3, (2, 0, 2), seed=4)
    scores, other = Transport()(batch)
    for i in range(3):
        for j in range(4):
            far = transport_distance(
                batch.text_tokens[j], batch.image_tokens[i], batch.text_mask[j], batch.image_mask[i], iterations=20
            )
            assert scores[i, j].item() == pytest.approx(1 - far.item(), abs=1e-9)
    assert torch.equal(scores.T, other)
    check(Contrastive(similarity=Transport()))
