"""FAFA's three losses against plain loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from openitr.errors import InputError, ShapeError
from openitr.objectives.fafa import FeatureDiversity, MaskedFeatureReasoning, TopKSDM, top_k_score


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return F.normalize(torch.randn(4, 6), dim=-1), F.normalize(torch.randn(4, 5, 6), dim=-1)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_score_is_the_mean_of_the_best(batch, k):
    queries, tokens = batch
    found = top_k_score(queries, tokens, k)
    for i in range(4):
        for j in range(4):
            best = sorted(((queries[i] @ t).item() for t in tokens[j]), reverse=True)[:k]
            assert found[i, j].item() == pytest.approx(sum(best) / k, abs=1e-6)


def test_one_token_is_max_and_all_are_mean(batch):
    queries, tokens = batch
    products = torch.einsum("nd,mtd->nmt", queries, tokens)
    assert torch.allclose(top_k_score(queries, tokens, 1), products.amax(-1))
    assert torch.allclose(top_k_score(queries, tokens, 5), products.mean(-1))


def test_matching_by_hand_with_two_of_one_identity(batch):
    queries, tokens = batch
    identities = [0, 1, 0, 2]
    loss = TopKSDM(2, alpha=0.5, tau=0.2)
    scores = (top_k_score(queries, tokens, 2) / 0.2).tolist()

    def side(table):
        total = 0.0
        for i, row in enumerate(table):
            labels = [1.0 if i == j else 0.5 * (identities[i] == identities[j]) for j in range(4)]
            norm = sum(math.exp(s) for s in row)
            for s, label in zip(row, labels, strict=True):
                p = math.exp(s) / norm
                total += p * (math.log(p) - math.log(label / sum(labels) + 1e-8))
        return total / 4

    expected = side(scores) + side([list(column) for column in zip(*scores, strict=True)])
    assert loss(queries, tokens, torch.tensor(identities)).item() == pytest.approx(expected, abs=1e-4)


def test_the_temperature_learns(batch):
    loss = TopKSDM(2)
    loss(*batch, torch.arange(4)).backward()
    assert loss.log_tau.grad is not None and loss.log_tau.grad.abs() > 0


def test_diversity_by_loops_and_nothing_on_orthogonal_tokens(batch):
    _, tokens = batch
    found = FeatureDiversity(0.1)(tokens).item()
    over = [max(0.0, (bag[a] @ bag[b]).item() - 0.1) for bag in tokens for a in range(5) for b in range(5) if a != b]
    assert found == pytest.approx(sum(over) / len(over), abs=1e-6)
    assert FeatureDiversity(0.0)(torch.eye(5)[None]).item() == 0
    # The diagonal does not count: two equal tokens cost 1 - margin each, whatever they are with themselves.
    assert FeatureDiversity(0.5)(torch.ones(1, 2, 3)).item() == pytest.approx(0.5, abs=1e-6)


def test_hidden_dimensions_are_hidden_and_both_ways_count(batch):
    queries, tokens = batch
    torch.manual_seed(3)
    loss = MaskedFeatureReasoning(6, share=0.5)
    # A predictor that answers 0 leaves the mean square of what was hidden: three of six places each way.
    for part in loss.predict.parameters():
        torch.nn.init.zeros_(part)
    torch.manual_seed(4)
    found = loss(queries, tokens).item()
    torch.manual_seed(4)
    total = 0.0
    for one in (queries, tokens.mean(1)):
        places = torch.rand_like(one).topk(3, 1).indices
        total += one.gather(1, places).pow(2).mean().item()
    assert found == pytest.approx(total, abs=1e-6)


def test_senseless_settings(batch):
    with pytest.raises(InputError):
        top_k_score(*batch, 6)
    with pytest.raises(InputError):
        TopKSDM(tau=0.0)
    with pytest.raises(InputError):
        MaskedFeatureReasoning(4, share=1.0)
    with pytest.raises(ShapeError):
        FeatureDiversity()(torch.ones(2, 1, 3))
