"""Softened targets and matched tokens: plain loops, and brute force over all matchings."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from openitr.errors import InputError
from openitr.objectives import Assigned, Batch, InfoNCE, LightCLIPLoss, Objective, Softened, Softening
from openitr.objectives.contract import draw
from tests.objectives.loops import cross_entropy, log_softmax, mean, own, symmetric, transposed


def best_match(patches: list[list[float]], words: list[list[float]]) -> float:
    """The mean cosine of the best one-to-one matching, tried one by one."""
    values = [[sum(a * b for a, b in zip(w, p, strict=True)) for p in patches] for w in words]
    if len(words) > len(patches):
        values = transposed(values)
    few = len(values)
    return max(sum(values[r][c] for r, c in enumerate(p)) for p in permutations(range(len(values[0])), few)) / few


def matched(batch: Batch) -> list[list[float]]:
    return [
        [best_match(p[pm].tolist(), w[wm].tolist()) for w, wm in zip(batch.text_tokens, batch.text_mask, strict=True)]
        for p, pm in zip(batch.image_tokens, batch.image_mask, strict=True)
    ]


def softened(_: Objective, batch: Batch) -> float:
    return symmetric(batch, own(batch), 1 / 0.07)


def light(_: Objective, batch: Batch) -> float:
    scores, wanted, scale = matched(batch), own(batch), 1 / 0.07
    tokens = (cross_entropy(scores, wanted, scale) + cross_entropy(transposed(scores), transposed(wanted), scale)) / 2
    rows = zip(batch.word_logits.tolist(), batch.word_ids.tolist(), strict=True)
    words = mean([-log_softmax(row)[word] for row, word in rows])
    return symmetric(batch, wanted, scale) + 0.5 * tokens + 0.5 * words


ORACLES = {Softened: softened, LightCLIPLoss: light}


def test_without_softening_it_is_info_nce() -> None:
    batch = draw(5, seed=1)
    assert Softened(0.0).double()(batch).item() == InfoNCE().double()(batch).item()


@pytest.mark.parametrize("spread", ["even", "alike"])
def test_targets_sum_to_one_and_the_own_text_keeps_its_part(spread: str) -> None:
    batch = draw(4, (2, 1, 3, 1), seed=2)
    scores = batch.images @ batch.texts.T
    weights = Softening(0.3, spread).weights(batch, scores)
    assert torch.allclose(weights.sum(1), torch.ones(4, dtype=torch.float64))
    assert torch.allclose((weights * batch.positives()).sum(1), torch.full((4,), 0.7, dtype=torch.float64))
    rest = weights.masked_fill(batch.positives(), 0.0)
    if spread == "even":
        assert all(len(set(np.round(row[row > 0].tolist(), 12))) == 1 for row in rest)
    else:
        likeness = scores.masked_fill(batch.positives(), -torch.inf)
        assert torch.equal(rest.argmax(1), likeness.argmax(1))


def test_the_share_grows_and_then_stays() -> None:
    objective, batch = Softened(0.2, steps=4), draw(2, seed=3)
    shares = []
    for _ in range(7):
        shares.append(objective.share)
        objective.update(batch)
    assert shares == pytest.approx([0.0, 0.05, 0.1, 0.15, 0.2, 0.2, 0.2])
    again = Softened(0.2, steps=4)
    again.load_state_dict(objective.state_dict())
    assert again.share == 0.2, "a resumed training goes on where it was"


def test_softened_numbers_in_loops() -> None:
    objective, batch = Softened(0.4, steps=1).double(), draw(4, seed=4)
    objective.update(batch)
    wanted = [[0.6 if i == j else 0.4 / 3 for j in range(4)] for i in range(4)]
    assert objective(batch).item() == pytest.approx(symmetric(batch, wanted, 1 / 0.07), rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_matching_is_the_best_there_is(seed: int) -> None:
    batch = draw(3, (2, 1, 1), seed=seed)
    scores, back = Assigned()(batch)
    expected = torch.tensor(matched(batch), dtype=torch.float64)
    assert torch.allclose(scores, expected) and torch.equal(back, scores.T)


def test_no_patch_serves_two_words() -> None:
    """Two words that both want the first patch: one has to take the second."""
    patches = torch.tensor([[[1.0, 0.0], [0.6, 0.8]]])
    words = F.normalize(torch.tensor([[[1.0, 0.0], [1.0, 0.1]]]), dim=-1)
    mask = torch.ones(1, 2, dtype=torch.bool)
    batch = Batch(
        torch.ones(1, 2), torch.ones(1, 2), image_tokens=patches, image_mask=mask, text_tokens=words, text_mask=mask
    )
    one = (1.0 + float(words[0, 1] @ patches[0, 1])) / 2
    other = float(words[0, 0] @ patches[0, 1] + words[0, 1] @ patches[0, 0]) / 2
    assert Assigned()(batch)[0].item() == pytest.approx(max(one, other))


def test_refusals() -> None:
    with pytest.raises(InputError, match="'odd'"):
        Softening(0.1, "odd")
