"""Calibration: the loss by hand, and that near misses are learned."""

from __future__ import annotations

import math

import pytest
import torch

from openitr.errors import InputError
from openitr.models import BagOfWords, Windows, WordTokenizer
from openitr.train import Plan
from openitr.train.descriptions import TextMatcher, _loss, calibrate

COLOURS, KINDS = ("red", "blue", "green"), ("cat", "car", "cup", "tree")
PAIRS = [(a, k, b, m) for a in COLOURS for b in COLOURS for k in KINDS for m in KINDS if a != b and k < m]


def lessons() -> tuple[list[str], list[str], list[str]]:
    captions = [f"a {a} {k} and a {b} {m}" for a, k, b, m in PAIRS]
    descriptions = [f"there is a {b} {m}. there is a {a} {k}." for a, k, b, m in PAIRS]
    return captions, descriptions, [f"a {b} {k} and a {a} {m}" for a, k, b, m in PAIRS]


def told_apart(matcher: TextMatcher) -> float:
    captions, descriptions, wrong = lessons()
    with torch.inference_mode():
        d, right, false = matcher(descriptions), matcher(captions), matcher(wrong)
    lead = ((right - false) * d).sum(1)
    return float(torch.where(lead.abs() <= 1e-6, 0.5, (lead > 0).float()).mean())


@pytest.mark.parametrize("kind", [Windows, BagOfWords])
def test_order_is_learned_by_what_sees_it(kind: type) -> None:
    torch.manual_seed(0)
    captions, descriptions, wrong = lessons()
    tokenizer = WordTokenizer.fit([*captions, *descriptions])
    matcher = TextMatcher(kind(len(tokenizer), width=32), tokenizer, dim=32)
    steps = calibrate(matcher, captions, descriptions, wrong, plan=Plan(epochs=40, batch=36, rate=5e-3))
    assert steps == 40 * (len(PAIRS) // 36) and not matcher.training
    # The same words in another order: exactly a tie for a bag.
    assert told_apart(matcher) == 0.5 if kind is BagOfWords else told_apart(matcher) > 0.9


def test_the_loss_in_plain_loops() -> None:
    torch.manual_seed(0)
    asked, written, wrong = (torch.nn.functional.normalize(torch.randn(4, 6), dim=1) for _ in range(3))
    there = torch.tensor([True, False, True, True])
    total = 0.0
    for i in range(4):
        row = [float(asked[i] @ written[j]) / 0.1 for j in range(4)]
        column = [float(asked[j] @ written[i]) / 0.1 for j in range(4)]
        column += [float(wrong[i] @ written[i]) / 0.1] if there[i] else []
        total -= row[i] - math.log(sum(map(math.exp, row)))
        total -= float(asked[i] @ written[i]) / 0.1 - math.log(sum(map(math.exp, column)))
    assert float(_loss(asked, written, (wrong, there), 0.1)) == pytest.approx(total / 8, rel=1e-5)


def test_what_cannot_be_and_early_ends() -> None:
    captions, descriptions, wrong = lessons()
    tokenizer = WordTokenizer.fit([*captions, *descriptions])
    matcher = TextMatcher(BagOfWords(len(tokenizer)), tokenizer)
    for given in ((captions[:1], descriptions[:1]), (captions, descriptions[1:]), (captions, descriptions, wrong[1:])):
        with pytest.raises(InputError):
            calibrate(matcher, *given)
    assert calibrate(matcher, captions, descriptions, plan=Plan(epochs=3, batch=18), enough=lambda: True) == 1
