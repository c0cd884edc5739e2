"""Losses of fusion models and captioners: against plain loops, their limits, their hard negatives, their memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import ShapeError
from openitr.objectives import (
    AlignThenFuseLoss,
    Batch,
    BothWays,
    Captioning,
    ContrastAndCaption,
    FusedBackboneLoss,
    InfoNCE,
    MaskedWords,
    Matching,
    MomentumContrast,
    Objective,
    Restoring,
    Several,
    SingleStreamLoss,
    Transported,
    hard_pairs,
    hide,
)
from openitr.objectives.contract import DIM, check, draw
from openitr.train.average import Average
from tests.objectives.loops import log_softmax, mean, own, symmetric


def matching(_: Objective, batch: Batch) -> float:
    values = []
    for logit, right in zip(batch.match.tolist(), batch.matched.tolist(), strict=True):
        chance = 1 / (1 + math.exp(-logit))
        values.append(-math.log(chance if right else 1 - chance))
    return mean(values)


def masked(share: float) -> Callable[[Objective, Batch], float]:
    def loop(_: Objective, batch: Batch) -> float:
        values = []
        for row, slow, word in zip(
            batch.word_logits.tolist(), batch.slow.word_logits.tolist(), batch.word_ids.tolist(), strict=True
        ):
            logp, guess = log_softmax(row), log_softmax(slow)
            wanted = [(1 - share) * (i == word) + share * math.exp(g) for i, g in enumerate(guess)]
            values.append(-sum(w * x for w, x in zip(wanted, logp, strict=True)))
        return mean(values)

    return loop


def transported(_: Objective, batch: Batch) -> float:
    pairs = list(zip(batch.apart.tolist(), batch.matched.tolist(), strict=True))
    return mean([d for d, right in pairs if right]) - mean([d for d, right in pairs if not right])


def captioning(_: Objective, batch: Batch) -> float:
    return mean(
        [
            -log_softmax(batch.logits[j, at].tolist())[word]
            for j, ids in enumerate(batch.ids.tolist())
            for at, word in enumerate(ids)
            if at and word
        ]
    )


def restoring(_: Objective, batch: Batch) -> float:
    pairs = zip(batch.rebuilt.tolist(), batch.pixels.tolist(), strict=True)
    return mean([math.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True))) for x, y in pairs])


def contrast(_: Objective, batch: Batch) -> float:
    return symmetric(batch, own(batch), 1 / 0.07)


def momentum(share: float) -> Callable[[Objective, Batch], float]:
    def loop(_: Objective, batch: Batch) -> float:
        found = []
        for asking, slow, gallery in (
            (batch.images, batch.slow.images, batch.slow.texts),
            (batch.texts, batch.slow.texts, batch.slow.images),
        ):
            for i, (a, b) in enumerate(zip(asking.tolist(), slow.tolist(), strict=True)):
                scores, believed = (
                    log_softmax([sum(p * q for p, q in zip(x, g, strict=True)) / 0.07 for g in gallery.tolist()])
                    for x in (a, b)
                )
                found.append(
                    -sum(
                        (share * math.exp(w) + (1 - share) * (i == j)) * s
                        for j, (s, w) in enumerate(zip(scores, believed, strict=True))
                    )
                )
        return mean(found)

    return loop


def added(*parts: tuple[float, Callable[[Objective, Batch], float]]) -> Callable[[Objective, Batch], float]:
    return lambda objective, batch: sum(weight * part(objective, batch) for weight, part in parts)


ORACLES = {
    Matching: matching,
    MaskedWords: masked(0.0),
    Transported: transported,
    Captioning: captioning,
    Restoring: restoring,
    MomentumContrast: momentum(0.4),
    Several: added((1, contrast), (1, matching)),
    AlignThenFuseLoss: added((1, momentum(0.4)), (1, matching), (1, masked(0.4))),
    FusedBackboneLoss: added((1, contrast), (1, matching), (1, masked(0.0))),
    SingleStreamLoss: added((1, matching), (1, masked(0.0)), (0.1, transported)),
    ContrastAndCaption: added((1, contrast), (2, captioning)),
    BothWays: added((1, contrast), (2, captioning), (1, restoring)),
}


def test_masked_words_with_a_share_keep_the_contract() -> None:
    check(MaskedWords(0.4), masked(0.4))


def test_a_slow_model_that_guesses_no_words_is_named() -> None:
    batch = draw(3, seed=1)
    with pytest.raises(ShapeError, match="word_logits"):
        MaskedWords(0.4)(replace(batch, slow=replace(batch.slow, word_logits=None)))


def test_without_a_share_a_queue_or_a_difference_momentum_contrast_is_info_nce() -> None:
    batch = draw(5, seed=1)
    same = replace(batch, slow=replace(batch.slow, images=batch.images, texts=batch.texts))
    got = MomentumContrast(DIM, queue=0, share=0.0).double()(same)
    assert got.item() == pytest.approx(InfoNCE().double()(batch).item(), rel=1e-6)


def test_the_queue_drops_the_oldest() -> None:
    objective = MomentumContrast(DIM, queue=10).double()
    slow = [draw(4, seed=seed).slow for seed in (31, 32, 33)]
    for seed in (31, 32, 33):
        objective.update(draw(4, seed=seed))
    texts = torch.cat([part.texts for part in slow])
    assert torch.equal(objective.text_queue[2:10], texts[2:10])
    assert torch.equal(objective.text_queue[:2], texts[10:12])


def test_the_slow_model_is_the_closed_form_of_its_average() -> None:
    """After the warm-up of the decay, n steps towards a model that stands still leave m ** n of the distance."""
    model = torch.nn.Linear(1, 1, bias=False)
    average = Average(model, 0.9)
    average.steps = 1000
    before = float(average.model.weight)
    with torch.no_grad():
        model.weight.add_(1)
    for _ in range(7):
        average.update(model)
    assert float(average.model.weight) == pytest.approx(before + 1 - 0.9**7, abs=1e-6)


def test_weight_zero_is_left_out_with_its_needs() -> None:
    batch = draw(4, seed=2)
    alone = ContrastAndCaption(caption=0.0).double()
    assert alone.needs == ()
    assert alone(batch).item() == InfoNCE().double()(batch).item()
    both = BothWays(caption=0.0, restore=0.0).double()
    assert both(batch).item() == InfoNCE().double()(batch).item()


def test_several_update_each_of_them() -> None:
    loss = AlignThenFuseLoss(DIM, queue=8).double()
    loss.update(draw(4, seed=1))
    assert int(loss.objectives[0].seen) == 4


def test_padding_is_no_word() -> None:
    batch = draw(3, seed=3)
    changed = torch.where((batch.ids == 0)[..., None], torch.full_like(batch.logits, 5.0).cumsum(-1), batch.logits)
    assert Captioning()(replace(batch, logits=changed)).item() == Captioning()(batch).item()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.integers(0, 99))
def test_no_drawn_negative_is_a_positive(texts: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    owner = torch.arange(len(texts)).repeat_interleave(torch.tensor(texts))
    pictures, rows, right = hard_pairs(20 * torch.randn(len(texts), len(owner)), owner)
    assert right.tolist() == (owner[rows] == pictures).tolist()
    assert int(right.sum()) == len(owner)
    able = sum(1 for p in range(len(texts)) if (owner != p).any()) + (len(owner) if len(texts) > 1 else 0)
    assert len(rows) == len(owner) + able


def test_negatives_are_drawn_as_their_scores_say() -> None:
    """Picture 0 has two wrong texts, one with four times the chance of the other."""
    torch.manual_seed(0)
    scores = torch.tensor([[9.0, math.log(4.0), 0.0]]).expand(3, 3)
    drawn = [hard_pairs(scores, torch.arange(3)) for _ in range(3000)]
    # The last three pairs are the pictures' wrong texts.
    first = sum(int(rows[-3]) == 1 for _, rows, _ in drawn) / 3000
    assert first == pytest.approx(0.8, abs=0.03)  # four standard errors


def test_hidden_words_are_real_ones_and_each_text_loses_one() -> None:
    torch.manual_seed(0)
    ids = torch.randint(5, 50, (200, 12)).masked_fill(torch.arange(12)[None] > torch.randint(4, 12, (200, 1)), 0)
    ids[:, 0] = 2
    hidden, where = hide(ids, 0.15, mask=4, special=4)
    assert (where.sum(1) >= 1).all()
    assert not where[ids <= 4].any()
    assert torch.equal(hidden, torch.where(where, torch.full_like(ids, 4), ids))
    # With one word forced and 15% of the others: about 1.15 to 1.3 times 15% of some 7 words, and one.
    assert 0.15 < where.sum() / (ids > 4).sum() < 0.35


def test_a_text_without_words_loses_none() -> None:
    hidden, where = hide(torch.tensor([[2, 3, 0]]), 1.0, mask=4, special=4)
    assert hidden.tolist() == [[2, 3, 0]]
    assert not where.any()
