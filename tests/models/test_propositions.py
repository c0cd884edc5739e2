"""NDCR: candidates have no order, one proposition with its gate open is System 1, and all losses teach."""

from __future__ import annotations

import pytest
import torch

from openitr.errors import InputError
from openitr.models import TextTransformer
from openitr.models.propositions import SOFT, PropositionReasoner


def model(slots: int = 3) -> PropositionReasoner:
    torch.manual_seed(0)
    return PropositionReasoner(TextTransformer(30, length=12, width=16, depth=1), 8, width=16, slots=slots, heads=2)


IDS = torch.tensor([[2, 7, 9, 3, 0], [2, 8, 5, 6, 3]])
IMAGES = torch.randn(2, 10, 8, generator=torch.Generator().manual_seed(1))


def test_swapping_candidates_swaps_their_numbers() -> None:
    reasoner = model().eval()
    order = torch.randperm(10, generator=torch.Generator().manual_seed(2))
    plain, mixed = reasoner(IDS, IMAGES), reasoner(IDS, IMAGES[:, order])
    for one, other in zip(plain[:5], mixed[:5], strict=True):
        torch.testing.assert_close(one[..., order], other, atol=1e-5, rtol=1e-4)


def test_one_proposition_with_the_gate_open_is_system_1() -> None:
    found = model(1).eval()(IDS, IMAGES, gate=1.0)
    torch.testing.assert_close(found.final, (found.each[:, 0] / SOFT).softmax(-1))
    shut = model(1).eval()(IDS, IMAGES, gate=0.0)
    torch.testing.assert_close(shut.final, (shut.joint / SOFT).softmax(-1))


def test_what_is_final_is_the_gated_sum_and_a_distribution() -> None:
    found = model().eval()(IDS, IMAGES)
    parts = sum(found.shares[:, k, None] * (found.each[:, k] / SOFT).softmax(-1) for k in range(3))
    expected = found.gate[:, None] * parts + (1 - found.gate[:, None]) * (found.joint / SOFT).softmax(-1)
    torch.testing.assert_close(found.final, expected)
    torch.testing.assert_close(found.final.sum(1), torch.ones(2))


def test_negation_can_be_left_out_of_the_conjunction_alone() -> None:
    reasoner = model().eval()
    whole, without = reasoner(IDS, IMAGES), reasoner(IDS, IMAGES, negation=False)
    torch.testing.assert_close(whole.each, without.each)
    assert not torch.allclose(whole.joint, without.joint)


def test_every_part_learns_and_padding_changes_nothing() -> None:
    reasoner = model()
    reasoner.loss(reasoner(IDS, IMAGES), torch.tensor([3, 0])).backward()
    lacking = [name for name, p in reasoner.named_parameters() if p.grad is None]
    assert lacking == []
    reasoner.eval()
    longer = torch.cat([IDS, torch.zeros(2, 3, dtype=torch.int64)], 1)
    torch.testing.assert_close(reasoner(IDS, IMAGES).final, reasoner(longer, IMAGES).final, atol=1e-5, rtol=1e-4)


def test_propositions_that_are_alike_cost() -> None:
    reasoner = model()
    found = reasoner(IDS, IMAGES)
    alike = found._replace(propositions=torch.ones_like(found.propositions))
    apart = torch.zeros_like(found.propositions)
    apart[:, torch.arange(3), torch.arange(3)] = 1
    right = torch.tensor([1, 2])
    assert float(
        (reasoner.loss(alike, right) - reasoner.loss(found._replace(propositions=apart), right)).detach()
    ) == pytest.approx(0.8, abs=1e-4)


def test_a_wrong_number_of_propositions() -> None:
    for slots in (0, 11):
        with pytest.raises(InputError, match="1 to 10"):
            model(slots)
