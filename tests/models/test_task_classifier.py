"""Tasks and labels: padding, missing labels, and a label never seen."""

from __future__ import annotations

import pytest
import torch

from openitr.errors import InputError
from openitr.models import LateInteractionClassifier


def model() -> LateInteractionClassifier:
    torch.manual_seed(0)
    return LateInteractionClassifier(8, ["style", "media"], width=16, heads=2).eval()


def test_padding_never_alters_a_logit() -> None:
    made = model()
    tokens, labels = torch.randn(3, 5, 8), torch.randn(4, 2, 8)
    there, known = torch.ones(3, 5, dtype=torch.bool), torch.ones(4, 2, dtype=torch.bool)
    plain = made("style", tokens, there, labels, known)

    def padded(x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        junk = 100 * torch.randn(len(x), 3, 8)
        return torch.cat([x, junk], 1), torch.cat([mask, torch.zeros(len(x), 3, dtype=torch.bool)], 1)

    assert torch.allclose(made("style", *padded(tokens, there), *padded(labels, known)), plain, atol=1e-5)


def test_logits_start_at_ten_cosines_less_ten_and_differ_by_task() -> None:
    made = model()
    tokens, labels = torch.randn(3, 5, 8), torch.randn(4, 2, 8)
    there, known = torch.ones(3, 5, dtype=torch.bool), torch.ones(4, 2, dtype=torch.bool)
    seen, named = made.pictures(tokens, there), made.labels("media", labels, known)
    assert torch.allclose(seen.norm(dim=2), torch.ones(3, 2)) and torch.allclose(named.norm(dim=1), torch.ones(4))
    assert torch.allclose(made("media", tokens, there, labels, known), 10 * seen[:, 1] @ named.T - 10, atol=1e-5)
    assert not torch.allclose(made("style", tokens, there, labels, known), made("media", tokens, there, labels, known))


def test_rows_without_a_label_teach_nothing() -> None:
    made = model()
    tokens, labels = torch.randn(3, 5, 8), torch.randn(4, 2, 8)
    there, known = torch.ones(3, 5, dtype=torch.bool), torch.ones(4, 2, dtype=torch.bool)
    targets = torch.tensor([[1.0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]])
    whole = made.loss("style", tokens, there, labels, known, targets)
    rows = torch.tensor([0, 2])
    without = made.loss("style", tokens[rows], there[rows], labels, known, targets[rows])
    assert whole.item() == pytest.approx(without.item(), rel=1e-6)
    logits = made("style", tokens[rows], there[rows], labels, known)
    by_hand = -(targets[rows] * logits.sigmoid().log() + (1 - targets[rows]) * (-logits).sigmoid().log()).mean()
    assert whole.item() == pytest.approx(by_hand.item(), rel=1e-5)
    nothing = made.loss("style", tokens, there, labels, known, torch.zeros(3, 4))
    assert nothing.item() == 0
    nothing.backward()


def test_weights_count_labels() -> None:
    made = model()
    tokens, labels = torch.randn(2, 5, 8), torch.randn(2, 2, 8)
    there, known = torch.ones(2, 5, dtype=torch.bool), torch.ones(2, 2, dtype=torch.bool)
    targets = torch.eye(2)
    only = made.loss("style", tokens, there, labels, known, targets, torch.tensor([2.0, 0.0]))
    first = made.loss("style", tokens, there, labels[:1], known[:1], targets[:, :1])
    logits = made("style", tokens, there, labels[:1], known[:1])[:, 0]
    by_hand = -(logits[0].sigmoid().log() + (-logits[1]).sigmoid().log()) / 2
    assert only.item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert first.item() == pytest.approx(-logits[0].sigmoid().log().item(), rel=1e-5)


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(InputError, match="genre"):
        model().labels("genre", torch.zeros(1, 1, 8), torch.ones(1, 1, dtype=torch.bool))
    with pytest.raises(InputError, match="name of its own"):
        LateInteractionClassifier(8, ["a", "a"])
