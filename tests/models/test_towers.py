"""Towers: what they give, that padding and neighbours do not count, that they can be entered and built again."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from openitr.errors import ModelError
from openitr.models import (
    BagOfWords,
    ConvNet,
    DualEncoder,
    Ngrams,
    TextTransformer,
    ViT,
    Windows,
    attention_maps,
    tiny_dual_encoder,
)

IMAGE = {
    "vit": lambda: ViT(16, patch=4, width=16, depth=2),
    "vit-first": lambda: ViT(16, patch=4, width=16, depth=2, pool="first"),
    "conv": lambda: ConvNet(16, patch=2, widths=(8, 16), depth=1),
}
TEXT = {
    "transformer": lambda: TextTransformer(30, length=12, width=16, depth=2),
    "first": lambda: TextTransformer(30, length=12, width=16, depth=2, pool="first"),
    "last": lambda: TextTransformer(30, length=12, width=16, depth=2, pool="last", causal=True),
    "bag": lambda: BagOfWords(30, width=16),
    "ngrams": lambda: Ngrams(30, width=16, buckets=64),
    "windows": lambda: Windows(30, width=16),
}


@pytest.fixture(params=IMAGE)
def image_tower(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return IMAGE[request.param]().eval()


@pytest.fixture(params=TEXT)
def text_tower(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return TEXT[request.param]().eval()


def test_an_image_tower_sees_each_picture_for_itself(image_tower: nn.Module) -> None:
    images = torch.randn(3, 3, 16, 16)
    seen = image_tower(images)
    assert seen.pooled.shape == (3, image_tower.width)
    assert seen.tokens.shape == (3, image_tower.grid**2, image_tower.width)
    assert seen.mask.all()
    alone = image_tower(images[1:2])
    assert torch.allclose(alone.pooled[0], seen.pooled[1], atol=1e-5)


def test_an_image_tower_can_be_entered_after_its_first_layer(image_tower: nn.Module) -> None:
    images = torch.randn(2, 3, 16, 16)
    tokens = image_tower.embed(images)
    assert torch.allclose(image_tower(tokens=tokens).pooled, image_tower(images).pooled, atol=1e-6)


def test_patches_lie_row_by_row() -> None:
    tower = ViT(16, patch=4, width=8, depth=0)
    images = torch.zeros(1, 3, 16, 16)
    images[0, :, 4:8, 12:16] = 1
    changed = (tower.embed(images) - tower.embed(torch.zeros(1, 3, 16, 16))).abs().sum(-1)[0]
    assert changed.nonzero().flatten().tolist() == [1 * 4 + 3]


def test_padding_does_not_count(text_tower: nn.Module) -> None:
    short = torch.tensor([[2, 7, 9, 3]])
    padded = torch.tensor([[2, 7, 9, 3, 0, 0, 0]])
    assert torch.allclose(text_tower(short).pooled, text_tower(padded).pooled, atol=1e-6)
    assert torch.allclose(
        text_tower(padded, mask=torch.tensor([[1, 1, 1, 1, 0, 0, 0]])).pooled, text_tower(padded).pooled, atol=1e-6
    )


def test_the_order_of_words_counts_for_all_but_the_bag(text_tower: nn.Module) -> None:
    one, other = text_tower(torch.tensor([[2, 7, 9, 8, 3]])), text_tower(torch.tensor([[2, 8, 9, 7, 3]]))
    same = torch.allclose(one.pooled, other.pooled, atol=1e-5)
    assert same == isinstance(text_tower, BagOfWords)


@pytest.mark.parametrize("name", [name for name in TEXT if name != "ngrams"])
def test_a_text_tower_can_be_entered_after_its_first_layer(name: str) -> None:
    torch.manual_seed(0)
    tower, ids = TEXT[name](), torch.tensor([[2, 7, 9, 3], [2, 7, 3, 0]])
    assert torch.allclose(tower(ids).pooled, tower(ids, tokens=tower.embed(ids)).pooled, atol=1e-6)
    assert tower(tokens=tower.embed(ids)).mask.all()


def test_ngrams_are_counted_where_they_stand_whole() -> None:
    """The state is the bag's plus the mean of the hashed rows, done here in plain loops."""
    torch.manual_seed(0)
    tower = Ngrams(30, width=4, buckets=64)
    ids = [2, 7, 9, 8, 3]
    rows, primes = [], (1_000_003, 8_191, 131_071)
    for kind, offsets in enumerate([(0, 1), (0, 1, 2), (0, 2)]):
        for at in range(len(ids)):
            if at + max(offsets) < len(ids):
                code = kind * 977 + sum(ids[at + o] * primes[n] for n, o in enumerate(offsets))
                rows.append(tower.grams.weight[code % 64])
    expected = tower.words(torch.tensor([ids])).pooled[0] + torch.stack(rows).mean(0)
    assert torch.allclose(tower(torch.tensor([[*ids, 0, 0]])).pooled[0], expected, atol=1e-6)


def test_vectors_and_tokens_of_a_dual_encoder_are_unit_vectors() -> None:
    model = tiny_dual_encoder(16, vocab=30, dim=16, depth=1, patch=4)
    v = model.view_images(torch.randn(2, 3, 16, 16))
    t = model.view_texts(torch.tensor([[2, 7, 3], [2, 8, 3]]))
    for part in (v.pooled, v.tokens, t.pooled, t.tokens):
        assert torch.allclose(part.norm(dim=-1), torch.ones(part.shape[:-1]), atol=1e-5)
    with attention_maps(model.image) as maps:
        model.encode_images(torch.randn(2, 3, 16, 16))
    assert len(maps) == len(model.image.blocks) == 1


def test_gradients_reach_what_a_model_was_entered_with() -> None:
    model = tiny_dual_encoder(16, vocab=30, dim=16, depth=1, patch=4)
    ids, images = torch.tensor([[2, 7, 9, 3]]), torch.randn(1, 3, 16, 16)
    words = model.text.embed(ids).detach().requires_grad_()
    patches = model.image.embed(images).detach().requires_grad_()
    score = (model.encode_images(image_tokens=patches) * model.encode_texts(ids, text_embeddings=words)).sum()
    score.backward()
    assert words.grad.abs().sum() > 0
    assert patches.grad.abs().sum() > 0


@pytest.mark.parametrize("image", IMAGE)
@pytest.mark.parametrize("text", TEXT)
def test_a_dual_encoder_is_built_again_from_its_description(image: str, text: str) -> None:
    model = DualEncoder(IMAGE[image](), TEXT[text](), dim=8)
    again = DualEncoder.from_json(model.to_json())
    again.load_state_dict(model.state_dict())
    assert again.to_json() == model.to_json()
    images, ids = torch.randn(2, 3, 16, 16), torch.tensor([[2, 7, 3], [2, 8, 3]])
    assert torch.equal(again.encode_images(images), model.encode_images(images))
    assert torch.equal(again.encode_texts(ids), model.encode_texts(ids))


def test_a_description_of_something_else_is_refused_by_name() -> None:
    good = tiny_dual_encoder(16, vocab=30, dim=16, depth=1, patch=4).to_json()
    for bad in ({}, good | {"image": {"tower": "ResNet"}}, good | {"text": {"tower": "ViT", "colour": 3}}):
        with pytest.raises(ModelError, match="cannot be built"):
            DualEncoder.from_json(bad)


def test_pictures_that_patches_do_not_tile_are_refused() -> None:
    with pytest.raises(ValueError, match="do not tile"):
        ViT(30, patch=4)
    with pytest.raises(ValueError, match="cannot be shrunk"):
        ConvNet(20, patch=4, widths=(8, 8))
    with pytest.raises(ValueError, match="n-grams"):
        Ngrams(30, orders=(4,))
