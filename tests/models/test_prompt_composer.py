"""The prompt composer against loops, and where its losses send gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from openitr.models.prompt_composer import QueryFormer, SentencePromptComposer


@pytest.fixture
def made():
    torch.manual_seed(0)
    composer = SentencePromptComposer(20, 6, dim=8, queries=3, width=16, depth=1)
    ids = torch.tensor([[2, 5, 7, 3], [2, 9, 3, 0]])
    return composer, torch.randn(2, 4, 6), ids, torch.randn(2, 4, 6)


def test_the_score_is_the_best_of_the_targets_vectors(made):
    composer, reference, ids, target = made
    queries, targets = composer.compose(reference, ids), composer.targets(target)
    scores = composer.score(queries, targets)
    for i in range(2):
        for j in range(2):
            assert scores[i, j].item() == pytest.approx(max((queries[i] @ z).item() for z in targets[j]), abs=1e-6)
    assert torch.allclose(queries.norm(dim=-1), torch.ones(2)) and targets.shape == (2, 3, 8)


def test_padding_changes_nothing(made):
    composer, reference, ids, _ = made
    longer = F.pad(ids, (0, 3))
    assert torch.allclose(composer.compose(reference, ids), composer.compose(reference, longer), atol=1e-5)


def test_the_query_depends_on_picture_and_on_words(made):
    composer, reference, ids, target = made
    query = composer.compose(reference, ids)
    assert not torch.allclose(query, composer.compose(target, ids), atol=1e-4)
    assert not torch.allclose(query, composer.compose(reference, ids.flip(0)), atol=1e-4)


def test_the_alignment_moves_the_prompts_and_not_the_free_one(made):
    composer, reference, ids, _ = made
    prompt = composer.prompts(reference, ids)
    value = composer.alignment(prompt)
    by_hand = (prompt.mean(1) - composer.free.mean(0)).pow(2).mean()
    assert value.item() == pytest.approx(by_hand.item(), abs=1e-7)
    value.backward()
    assert composer.free.grad is None and composer.former.queries.grad.abs().sum() > 0


def test_the_loss_of_the_free_prompt_trains_it(made):
    composer, reference, ids, target = made
    composer.loss(reference, ids, target).backward()
    assert composer.free.grad is not None and composer.free.grad.abs().sum() > 0
    without = SentencePromptComposer(20, 6, dim=8, queries=3, width=16, depth=1, prompt=0.0)
    without.loss(reference, ids, target).backward()
    assert without.free.grad is None


def test_a_former_without_a_picture_reads_words_alone():
    former = QueryFormer(20, 6, width=16, depth=1, queries=3)
    ids = torch.tensor([[2, 5, 3]])
    assert former(None, ids).shape == (1, 6, 16) and former(torch.randn(1, 4, 6)).shape == (1, 3, 16)
