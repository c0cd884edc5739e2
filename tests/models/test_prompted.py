"""A ViT with prompts: itself without them, another with them."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from openitr.errors import ShapeError
from openitr.models import (
    BagOfWords,
    FocalLens,
    InstanceTower,
    Instruction,
    PromptedViT,
    RegionViT,
    SegmentTokens,
    ViT,
    WordTokenizer,
)


def vit(pool: str = "mean") -> ViT:
    torch.manual_seed(0)
    return ViT(16, patch=4, width=12, depth=2, heads=2, pool=pool).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("pool", ["mean", "first"])
@pytest.mark.parametrize("read", [False, True])
def test_a_prompt_that_is_not_there_changes_nothing(pool: str, read: bool) -> None:
    base = vit(pool)
    model, images = PromptedViT(base, read=read).eval(), torch.randn(3, 3, 16, 16)
    prompts = torch.randn(3, 2, 12) * 5
    plain, blank = base(images), model(images, prompts, torch.zeros(3, 2, dtype=torch.bool))
    # Masked attention sums the same numbers; a fused kernel may round otherwise.
    torch.testing.assert_close(blank.pooled, plain.pooled, atol=1e-6, rtol=0)
    torch.testing.assert_close(blank.tokens, plain.tokens, atol=2e-6, rtol=0)
    torch.testing.assert_close(model(images).pooled, plain.pooled)


def test_a_token_of_zeros_is_not_a_blank_prompt() -> None:
    base, images = vit(), torch.randn(3, 3, 16, 16)
    attended = PromptedViT(base)(images, torch.zeros(3, 1, 12)).pooled
    assert (attended - base(images).pooled).abs().max() > 1e-3


def test_each_picture_has_its_own_prompt() -> None:
    model, images, prompts = PromptedViT(vit(), read=True).eval(), torch.randn(3, 3, 16, 16), torch.randn(3, 1, 12)
    together = model(images, prompts).pooled
    alone = torch.cat([model(images[[i]], prompts[[i]]).pooled for i in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    assert (model(images, prompts.roll(1, 0)).pooled - together).abs().max() > 1e-3
    for wrong in (prompts[:2], prompts[..., :5], prompts[:, 0]):
        with pytest.raises(ShapeError):
            model(images, wrong)


def test_segment_tokens_see_the_marked_part_alone() -> None:
    torch.manual_seed(0)
    tokens, images = SegmentTokens(6).eval(), torch.randn(2, 3, 32, 32)
    masks = torch.zeros(2, 1, 32, 32)
    masks[:, :, 8:24, 8:24] = 1
    changed = images + torch.randn_like(images) * (1 - masks)
    torch.testing.assert_close(tokens(images, masks), tokens(changed, masks))
    inside = images + torch.randn_like(images) * masks
    assert (tokens(images, masks) - tokens(inside, masks)).abs().max() > 1e-3
    both = tokens(images, torch.cat([masks, 1 - masks], 1))
    torch.testing.assert_close(both[:, :16], tokens(images, masks))
    with pytest.raises(ShapeError):
        tokens(images, masks[0])


def test_focallens_starts_as_its_base_and_masks_equal_answers() -> None:
    torch.manual_seed(0)
    base, head = vit(), nn.Linear(12, 5)
    model, images, told = FocalLens(base, head, 5).eval(), torch.randn(4, 3, 16, 16), torch.randn(4, 5)
    plain = F.normalize(head(base(images).pooled), dim=-1)
    torch.testing.assert_close(model(images), plain)
    torch.testing.assert_close(model(images, told, torch.zeros(4, dtype=torch.bool)), plain, atol=1e-6, rtol=0)
    answers = F.normalize(torch.randn(3, 5), dim=1)[[0, 1, 1, 2]]
    total = 0.0
    vectors = model(images, told).detach()
    for i in range(4):
        # In plain loops: the own answer against all answers of the batch that are not equal to it.
        others = [j for j in range(4) if j == i or not torch.equal(answers[j], answers[i])]
        distinct = {tuple(answers[j].tolist()): j for j in others}.values()
        scores = {j: float(vectors[i] @ answers[j]) / 0.07 for j in distinct}
        own = next(value for j, value in scores.items() if torch.equal(answers[j], answers[i]))
        total += float(torch.tensor(list(scores.values())).logsumexp(0)) - own
    assert model.loss(images, told, answers).item() == pytest.approx(total / 4, abs=1e-5)
    before = model.fingerprint
    with torch.no_grad():
        model.head.weight += 1
    assert model.fingerprint != before


def test_region_vit_hears_of_boxes_and_instructions() -> None:
    torch.manual_seed(0)
    tokenizer = WordTokenizer.fit(["a red circle next to a star"])
    model = RegionViT(vit(), BagOfWords(len(tokenizer), width=8), tokenizer, 5).eval()
    images, masks = torch.randn(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)
    masks[..., :8] = 1
    vectors = [model(images), model(images, masks), model(images, 1 - masks)]
    vectors.append(model(images, masks, tokenizer.encode(["a star"])))
    for a in range(4):
        for b in range(a):
            assert (vectors[a] - vectors[b]).abs().max() > 1e-4
    blank = torch.zeros(1, 4, dtype=torch.int64)
    torch.testing.assert_close(model(images, masks, blank), vectors[1], atol=1e-6, rtol=0)
    square = (images[0].permute(1, 2, 0).numpy() * 20 + 100).clip(0, 255).astype("uint8")
    one, other = (model.embed([square], masks.numpy(), [text]) for text in ("", "a star"))
    assert abs(one - other).max() > 1e-4


def test_things_know_their_neighbours_unless_they_are_alone() -> None:
    torch.manual_seed(0)
    features, boxes = torch.randn(1, 3, 10), torch.rand(1, 3, 4)
    mask = torch.tensor([[True, True, False]])
    moved = features.clone()
    moved[0, 1] += 1
    padded = features.clone()
    padded[0, 2] += 9
    for depth in (0, 1):
        tower = InstanceTower(10, width=8, depth=depth, heads=2).eval()
        one = tower(features, boxes, mask)
        assert (torch.allclose(tower(moved, boxes, mask).tokens[0, 0], one.tokens[0, 0])) == (depth == 0)
        torch.testing.assert_close(tower(padded, boxes, mask).pooled, one.pooled)
        torch.testing.assert_close(one.pooled, one.tokens[:, :2].mean(1))
    bare = InstanceTower(10, width=8, depth=0, places=False).eval()
    torch.testing.assert_close(bare(features, boxes, mask).tokens, bare(features, boxes + 1, mask).tokens)


def test_an_instruction_is_one_token() -> None:
    assert Instruction(4, 6)(torch.randn(2, 4)).shape == (2, 1, 6)
