"""Fusion models: pairs are judged row by row, padding does not count, gates open from nothing; they train."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from openitr.errors import InputError, ShapeError
from openitr.models import (
    AlignThenFuse,
    DualEncoder,
    FusionEncoder,
    FusionInBackbone,
    Regions,
    SingleStream,
    TextTransformer,
    ViT,
    places,
)
from openitr.objectives import AlignThenFuseLoss, Batch, BothWays, FusedBackboneLoss, InfoNCE, SingleStreamLoss
from openitr.train import Examples, Plan, Trainer
from openitr.train.views import JOINED, draw, fitting, look

IDS = torch.tensor([[2, 7, 9, 3, 0, 0], [2, 8, 9, 10, 6, 3], [2, 6, 3, 0, 0, 0]])


def towers(depth: int = 2) -> tuple[ViT, TextTransformer]:
    return ViT(16, patch=8, width=16, depth=depth), TextTransformer(30, length=8, width=16, depth=depth)


MODELS: dict[str, Callable[[], FusionEncoder]] = {
    "align": lambda: AlignThenFuse(*towers(), dim=8, depth=1),
    "backbone": lambda: FusionInBackbone(*towers(), dim=8, fused=1),
    "stream": lambda: SingleStream(Regions(5, width=16), towers(0)[1], dim=8, depth=2),
}
LOSSES = {
    "align": lambda: AlignThenFuseLoss(8, queue=16),
    "backbone": FusedBackboneLoss,
    "stream": SingleStreamLoss,
}


def inputs(name: str, n: int = 3) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.rand(n, 4, 12) if name == "stream" else torch.rand(n, 3, 16, 16)


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def model(name: str) -> FusionEncoder:
    torch.manual_seed(0)
    made = MODELS[name]().eval()
    if name == "backbone":
        with torch.no_grad():
            for gate in (*made.image_gates, *made.text_gates):
                gate.alpha.fill_(0.7)
    return made


def test_a_match_is_a_probability_of_each_row_by_itself(name: str, model: FusionEncoder) -> None:
    images = inputs(name)
    found = model.match(images, IDS)
    assert found.shape == (3,)
    assert ((found > 0) & (found < 1)).all()
    alone = torch.cat([model.match(images[i : i + 1], IDS[i : i + 1]) for i in range(3)])
    assert torch.allclose(found, alone, atol=1e-6)
    assert torch.allclose(model.match(images, IDS, batch=2), found, atol=1e-6)


def test_one_row_is_matched_with_all_of_the_other_side(name: str, model: FusionEncoder) -> None:
    images = inputs(name)
    assert torch.allclose(model.match(images, IDS[1:2]), model.match(images, IDS[1:2].expand(3, -1)), atol=1e-6)
    assert torch.allclose(
        model.match(images[:1], IDS), model.match(images[:1].expand(3, *images.shape[1:]), IDS), atol=1e-6
    )
    with pytest.raises(ShapeError, match="2 pictures and 3 texts"):
        model.match(images[:2], IDS)


def test_padding_does_not_count_and_both_sides_do(name: str, model: FusionEncoder) -> None:
    images = inputs(name)
    longer = torch.nn.functional.pad(IDS, (0, 2))
    assert torch.allclose(model.match(images, longer), model.match(images, IDS), atol=1e-6)
    assert not torch.allclose(model.match(images.flip(0), IDS), model.match(images, IDS), atol=1e-6)
    assert not torch.allclose(model.match(images, IDS.flip(0)), model.match(images, IDS), atol=1e-6)


def test_it_is_built_again_from_its_description(name: str, model: FusionEncoder) -> None:
    again = type(model).from_json(model.to_json())
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.match(inputs(name), IDS), model.match(inputs(name), IDS))


def test_joining_gives_what_is_needed_and_no_more(name: str, model: FusionEncoder) -> None:
    images = inputs(name)
    image, text = model.view_images(images), model.view_texts(IDS)
    batch = Batch(image.pooled, text.pooled)
    torch.manual_seed(0)
    joined = model.join(batch, image, text, images, IDS, frozenset({"match", "apart", "word_logits"}))
    # Three right pairs, a wrong picture for each text, a wrong text for each picture.
    assert joined.matched.tolist() == [True] * 3 + [False] * 6
    assert joined.match.shape == joined.apart.shape == (9,)
    assert joined.word_logits.shape == (len(joined.word_ids), 30)
    assert set(joined.word_ids.tolist()) <= {6, 7, 8, 9, 10}
    assert torch.allclose(joined.match[:3].sigmoid(), model.match(images, IDS), atol=1e-6)
    assert model.join(batch, image, text, images, IDS, frozenset({"match"})).word_logits is None
    with pytest.raises(InputError, match="does not restore patches"):
        model.join(batch, image, text, images, IDS, frozenset({"pixels"}))


def test_the_trainer_drives_it_and_every_parameter_learns(name: str) -> None:
    torch.manual_seed(0)
    model, loss = MODELS[name](), LOSSES[name]()
    examples = Examples(inputs(name, 12), IDS.repeat(4, 1), np.arange(12))
    plan = Plan(epochs=2, batch=6, rate=3e-3, average=0.9)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    trainer = Trainer(model, loss, plan, examples)
    trainer.fit()
    # UNITER trains no vectors, and positions beyond the longest text are never read.
    idle = ("image_head", "text_head") if name == "stream" else ()
    still = [key for key, value in model.state_dict().items() if torch.equal(value, before[key])]
    assert [key for key in still if not key.startswith(idle or ("\0",))] == []


def test_a_single_stream_learns_to_tell_right_pairs_from_wrong_ones() -> None:
    """Four pictures with four texts: each text becomes most probable with its own picture."""
    torch.manual_seed(0)
    model = MODELS["stream"]()
    ids = torch.tensor([[2, 6, 3], [2, 7, 3], [2, 8, 3], [2, 9, 3]])
    images = torch.eye(4).repeat_interleave(3, 1)[:, None] * inputs("stream", 4)
    examples = Examples(images, ids, np.arange(4))
    Trainer(model, SingleStreamLoss(), Plan(epochs=100, batch=4, rate=5e-3, average=0.9), examples).fit()
    table = torch.stack([model.match(images, ids[i : i + 1]) for i in range(4)])
    assert torch.equal(table.argmax(1), torch.arange(4))
    assert table.diagonal().min() > 0.5


def test_closed_gates_are_the_dual_encoder_and_have_a_gradient() -> None:
    torch.manual_seed(0)
    model = FusionInBackbone(*towers(3), dim=8, fused=2).eval()
    plain = DualEncoder(model.image, model.text, 8).eval()
    plain.image_head, plain.text_head = model.image_head, model.text_head
    images = inputs("backbone")
    assert torch.allclose(model.encode_images(images), plain.encode_images(images), atol=1e-6)
    assert torch.allclose(model.encode_texts(IDS), plain.encode_texts(IDS), atol=1e-6)
    image, text = model.view_images(images), model.view_texts(IDS)
    joined = model.fuse(image, text)
    assert torch.allclose(joined.whole, torch.cat([plain.image(images).pooled, plain.text(IDS).pooled], 1), atol=1e-6)
    assert torch.allclose(joined.words, plain.text(IDS).tokens, atol=1e-6)
    model.match_logits(image, text).sum().backward()
    assert all(gate.alpha.grad.abs() > 0 for gate in (*model.image_gates, *model.text_gates))


def test_an_open_gate_adds_what_its_attention_sees() -> None:
    torch.manual_seed(0)
    model = FusionInBackbone(*towers(1), dim=8, fused=1).eval()
    with torch.no_grad():
        model.text_gates[0].alpha.fill_(0.5)
    images = inputs("backbone")
    image, text = model.view_images(images), model.view_texts(IDS)
    block, gate = model.text.blocks[0], model.text_gates[0]
    looked = block.attention(block.norm(text.states), mask=text.mask)
    states = text.states + looked + 0.5 * gate.attention(gate.norm(looked), image.states)
    states = states + block.net(block.net_norm(states))
    expected = model.text.end(states, text.mask).tokens
    assert torch.allclose(model.fuse(image, text).words, expected, atol=1e-6)


def test_more_gates_than_blocks_are_refused() -> None:
    with pytest.raises(InputError, match="3 blocks cannot be gated"):
        FusionInBackbone(*towers(2), dim=8, fused=3)


def test_regions_of_zeros_are_padding_and_their_order_does_not_count() -> None:
    torch.manual_seed(0)
    model = MODELS["stream"]().eval()
    regions = inputs("stream")
    padded = torch.cat([regions, torch.zeros(3, 2, 12)], 1)
    assert torch.allclose(model.match(padded, IDS), model.match(regions, IDS), atol=1e-6)
    assert torch.allclose(model.match(regions[:, [2, 0, 3, 1]], IDS), model.match(regions, IDS), atol=1e-6)


def test_a_place_is_its_box_and_its_size() -> None:
    assert places(torch.tensor([[0.25, 0.5, 0.75, 1.0]])).tolist() == [[0.25, 0.5, 0.75, 1.0, 0.5, 0.5, 0.25]]


def test_sides_of_different_widths_cannot_stand_in_one_sequence() -> None:
    with pytest.raises(ShapeError, match="regions of width 8 and words of width 16"):
        SingleStream(Regions(5, width=8), towers(0)[1])


def test_the_slow_model_guesses_the_same_hidden_words() -> None:
    torch.manual_seed(0)
    model = MODELS["align"]().eval()
    examples = Examples(inputs("align"), IDS, np.arange(3))
    drawn = draw(examples, np.arange(3), Plan(), np.random.default_rng(0), twice=False)
    batch = look(model, drawn, frozenset({"slow", "match", "matched", "word_logits", "word_ids"}), model)
    assert torch.equal(batch.slow.word_logits, batch.word_logits)
    assert not batch.slow.word_logits.requires_grad


def test_a_model_that_cannot_is_named_before_anything_runs() -> None:
    examples = Examples(inputs("align"), IDS, np.arange(3))
    plain: nn.Module = DualEncoder(*towers(), dim=8)
    with pytest.raises(InputError, match="sees picture and text together"):
        fitting(plain, FusedBackboneLoss(), examples, Plan())
    with pytest.raises(InputError, match="writes captions"):
        fitting(plain, BothWays(), examples, Plan())
    assert not fitting(MODELS["align"](), InfoNCE(), examples, Plan()) & JOINED
