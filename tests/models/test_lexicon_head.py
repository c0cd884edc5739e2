"""The lexicon head and its bottleneck: plain loops, words that are hinted at, gradients, what passes through words."""

from __future__ import annotations

import math

import pytest
import torch

from openitr.errors import ShapeError
from openitr.models import Bottleneck, LexiconHead, term_weights, unit_weights

WORDS, WIDTH, FEATURES = 11, 6, 5


@pytest.fixture
def head() -> LexiconHead:
    torch.manual_seed(0)
    made = LexiconHead(FEATURES, torch.randn(WORDS, WIDTH), hidden=8).eval()
    with torch.no_grad():
        made.bias.copy_(torch.linspace(-1, 1, WORDS))
        made.trust.copy_(torch.linspace(-0.5, 0.5, WORDS))
    return made


def by_hand(head: LexiconHead, x: list[float]) -> list[float]:
    """One feature vector through the head, number by number."""

    def linear(layer: torch.nn.Linear, values: list[float]) -> list[float]:
        bias = [0.0] * len(layer.weight) if layer.bias is None else layer.bias.tolist()
        return [sum(w * v for w, v in zip(row, values, strict=True)) + b
                for row, b in zip(layer.weight.tolist(), bias, strict=True)]  # fmt: skip

    x = [max(-6.0, min(6.0, (v - m) / s)) for v, m, s in zip(x, head.mean.tolist(), head.std.tolist(), strict=True)]
    hidden = [v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in linear(head.up, x)]
    state = [a + b for a, b in zip(linear(head.down, hidden), linear(head.past, x), strict=True)]
    mean = sum(state) / WIDTH
    spread = math.sqrt(sum((v - mean) ** 2 for v in state) / WIDTH + head.norm.eps)
    state = [(v - mean) / spread * w + b
             for v, w, b in zip(state, head.norm.weight.tolist(), head.norm.bias.tolist(), strict=True)]  # fmt: skip
    return [sum(a * b for a, b in zip(word, state, strict=True)) + bias
            for word, bias in zip(head.words.tolist(), head.bias.tolist(), strict=True)]  # fmt: skip


def test_against_plain_loops(head: LexiconHead) -> None:
    data = torch.randn(40, FEATURES) * 3 + 1
    head.fit(data)
    found = head(data[:4])
    for row, x in zip(found.tolist(), data[:4].tolist(), strict=True):
        assert row == pytest.approx(by_hand(head, x), abs=1e-5)
    wanted = [math.log(1 + max(0, v)) for v in found[0].tolist()]
    assert term_weights(found)[0].tolist() == pytest.approx(wanted, abs=1e-6)


def test_tokens_are_joined_by_their_maximum_and_padding_never_wins(head: LexiconHead) -> None:
    tokens = torch.randn(2, 4, FEATURES)
    mask = torch.tensor([[True, True, True, False], [True, False, False, False]])
    found = head(tokens, mask)
    assert torch.allclose(found[0], head(tokens[0, :3]).amax(0)) and torch.allclose(found[1], head(tokens[1, :1])[0])
    loud = tokens.clone()
    loud[~mask] = 1e3
    assert torch.equal(head(loud, mask), found)
    with pytest.raises(ShapeError):
        head(tokens)
    with pytest.raises(ShapeError):
        head(tokens[0], mask)


def test_a_hint_lifts_its_word_and_no_other(head: LexiconHead) -> None:
    x, hints = torch.randn(3, FEATURES), torch.zeros(3, WORDS)
    hints[0, 4], hints[1, 4] = 1.0, 0.25
    plain, hinted = head(x), head(x, hints=hints)
    for row, strength in enumerate((1.0, 0.25, 0.0)):
        least = strength * math.exp(head.trust[4].item())
        assert hinted[row, 4].item() == pytest.approx(max(plain[row, 4].item(), least))
    others = [u for u in range(WORDS) if u != 4]
    assert torch.equal(hinted[:, others], plain[:, others].clamp(min=0))


def test_words_left_to_hints_stay_at_nothing_without_one() -> None:
    torch.manual_seed(3)
    head = LexiconHead(FEATURES, torch.randn(WORDS, WIDTH), hidden=8, hinted=4).eval()
    x, hints = torch.randn(2, FEATURES), torch.zeros(2, WORDS + 4)
    hints[1, WORDS + 2] = 0.5
    assert head(x).shape == (2, WORDS + 4) and not head(x)[:, WORDS:].any()
    found = head(x, hints=hints)[:, WORDS:]
    assert found[1].tolist() == [0, 0, 0.5, 0] and not found[0].any()


def test_unit_weights_have_length_one_or_nothing() -> None:
    found = unit_weights(torch.tensor([[3.0, -1.0, 0.5], [-1.0, -2.0, 0.0]]))
    assert found.norm(dim=1).tolist() == pytest.approx([1.0, 0.0]) and (found >= 0).all()


def test_every_parameter_learns(head: LexiconHead) -> None:
    hints = torch.eye(WORDS)[:7] * 9
    unit_weights(head.train()(torch.randn(7, FEATURES), hints=hints)).square().sum(0).std().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in head.parameters())


# The bottleneck


def test_the_reader_sees_the_softmax_mixture_of_frozen_words() -> None:
    reader = Bottleneck(torch.randn(WORDS, WIDTH), heads=2, length=5)
    logits = torch.randn(2, WORDS)
    mixed = reader.squeeze(logits)
    for row in range(2):
        top = [math.exp(v) for v in logits[row].tolist()]
        by_loop = [sum(t / sum(top) * reader.words[u, d].item() for u, t in enumerate(top)) for d in range(WIDTH)]
        assert mixed[row].tolist() == pytest.approx(by_loop, abs=1e-5)
    assert not any(p is reader.words for p in reader.parameters())


def test_padding_and_words_that_are_not_hidden_cost_nothing() -> None:
    torch.manual_seed(1)
    reader = Bottleneck(torch.randn(WORDS, WIDTH), heads=2, length=6)
    logits, ids = torch.randn(2, WORDS, requires_grad=True), torch.tensor([[1, 2, 3, -1], [4, 5, -1, -1]])
    hidden = torch.tensor([[True, False, False, True], [False, True, True, False]])
    loss = reader(logits, ids, hidden)
    alone = [reader(logits[:1], ids[:1, :3], hidden[:1, :3]), reader(logits[1:], ids[1:, :2], hidden[1:, :2])]
    assert loss.item() == pytest.approx(sum(a.item() for a in alone) / 2, abs=1e-5)
    nothing = reader(logits, ids, torch.zeros_like(hidden))
    nothing.backward()
    assert nothing.item() == 0 and logits.grad is not None and not logits.grad.any()
    with pytest.raises(ShapeError, match="length"):
        reader(logits, torch.ones(2, 7, dtype=torch.long), torch.ones(2, 7, dtype=torch.bool))


def test_what_the_reader_knows_of_a_caption_came_through_the_bottleneck() -> None:
    """Two words, both hidden: with logits of their own the captions are learned, with equal ones only their frequency.

    The logits need not name the words: a reader that learns can learn another code, which is why heads also need
    ``naming`` or texts that spell their words out.
    """
    losses = {}
    for free in (True, False):
        torch.manual_seed(2)
        reader = Bottleneck(torch.eye(WORDS + 1)[:WORDS], heads=2, length=4)
        captions = torch.stack([torch.randperm(WORDS)[:2] for _ in range(64)])
        logits = torch.zeros(64, WORDS, requires_grad=free)
        groups = [{"params": list(reader.parameters()), "lr": 1e-2}]
        optimizer = torch.optim.Adam(groups + ([{"params": [logits], "lr": 0.1}] if free else []))
        for _ in range(100):
            optimizer.zero_grad()
            loss = reader(logits, captions, torch.ones_like(captions, dtype=torch.bool))
            loss.backward()
            optimizer.step()
        losses[free] = loss.item()
    # Words by frequency alone: close to log 11 = 2.4 nats.
    assert losses[False] > 1.8 and losses[True] < 0.5
