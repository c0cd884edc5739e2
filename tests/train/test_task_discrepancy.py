"""RTD: what moves and what does not, the loss by hand, and that it learns to compose from texts."""

from __future__ import annotations

import math

import pytest
import torch

from openitr.datasets.text_triplets import TextTriplets
from openitr.errors import InputError
from openitr.models import BagOfWords, DualEncoder, ViT, WordTokenizer
from openitr.models.pseudo_word import CHANGED, PLAIN, PseudoWord, SlotText
from openitr.train.task_discrepancy import RTD, fit_pseudo_word, symmetric

COLOURS, THINGS = ("red", "blue", "green", "black"), ("dog", "cat", "car", "fish")
CAPTIONS = [f"{colour} {thing}" for colour in COLOURS for thing in THINGS]


@pytest.fixture
def made():
    torch.manual_seed(0)
    triplets = TextTriplets.from_templates(CAPTIONS, [COLOURS, THINGS], each=9)
    tokenizer = WordTokenizer.fit([*CAPTIONS, "a photo of that is"], length=16)
    model = DualEncoder(ViT(16, patch=8, width=16, depth=1, heads=2), BagOfWords(len(tokenizer), width=16), 12)
    text = SlotText.of(model.eval(), tokenizer)
    return text, PseudoWord(12, 16), triplets


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_the_loss_by_hand():
    rng = torch.Generator().manual_seed(1)
    q, z = (torch.nn.functional.normalize(torch.randn(3, 4, generator=rng), dim=1) for _ in range(2))
    total = 0.0
    for i in range(3):
        row = [math.exp(float(q[i] @ z[j]) / 0.5) for j in range(3)]
        column = [math.exp(float(q[j] @ z[i]) / 0.5) for j in range(3)]
        total -= 0.5 * (math.log(row[i] / sum(row)) + math.log(column[i] / sum(column))) / 3
    assert symmetric(q, z, 0.5).item() == pytest.approx(total, abs=1e-6)


def test_the_projection_and_the_anchor_stay_as_they_are(made):
    text, phi, triplets = made
    before = state(text), state(phi)
    tuned = RTD(text, phi).fit(triplets, steps=3, rate=1e-2)
    assert same(before[0], state(text)) and same(before[1], state(phi))
    assert not same(before[0], state(tuned))
    assert all(parameter.requires_grad for parameter in phi.parameters())


def test_no_step_is_the_base(made):
    text, phi, triplets = made
    assert same(state(text), state(RTD(text, phi, noise=0.0).fit(triplets, steps=0)))


def test_the_same_seed_gives_the_same_weights(made):
    text, phi, triplets = made
    one, again, other = (RTD(text, phi).fit(triplets, steps=3, rate=1e-2, seed=seed) for seed in (1, 1, 2))
    assert same(state(one), state(again)) and not same(state(one), state(other))


def test_the_projection_learns_to_say_its_picture(made):
    text, phi, _ = made
    images = torch.nn.functional.normalize(torch.randn(40, 12), dim=1)

    def right() -> float:
        with torch.no_grad():
            return float((text([PLAIN] * 40, phi(images)) @ images.T).argmax(1).eq(torch.arange(40)).float().mean())

    untrained, held = right(), state(text)
    fit_pseudo_word(phi, text, images, steps=80, batch=40, rate=1e-2)
    assert right() > untrained + 0.3 and same(held, state(text))


def test_it_learns_to_compose(made):
    text, phi, triplets = made
    with torch.no_grad():
        seen = text([f"a photo of {caption}" for caption in CAPTIONS])
    fit_pseudo_word(phi, text, seen, steps=100, batch=16, rate=1e-2)

    def right(reads: SlotText) -> float:
        row = {caption: at for at, caption in enumerate(CAPTIONS)}
        words = phi(seen[[row[before] for before in triplets.references]])
        with torch.no_grad():
            queries = reads([CHANGED.format(change) for change in triplets.changes], words)
        found = (queries @ seen.T).argmax(1)
        return float(found.eq(torch.tensor([row[after] for after in triplets.targets])).float().mean())

    base = right(text)
    tuned = RTD(text, phi, noise=0.1).fit(triplets, steps=150, rate=1e-2, batch=64)
    assert right(tuned) > base + 0.2


def test_senseless_settings(made):
    text, phi, _ = made
    for wrong in ({"noise": -1.0}, {"tau": 0.0}):
        with pytest.raises(InputError):
            RTD(text, phi, **wrong)
