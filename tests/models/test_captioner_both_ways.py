"""SyCoCa: which patches are hidden, that only they count, that the text is read, and that it learns."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import InputError
from openitr.models import SymmetricCaptioner, ViT, attentive_mask
from openitr.models.captioner_both_ways import squares
from openitr.objectives import BothWays
from openitr.train import Examples, Plan, Trainer
from openitr.train.views import draw, look

IDS = torch.tensor([[2, 7, 9, 3, 0, 0], [2, 8, 9, 10, 6, 3], [2, 6, 3, 0, 0, 0]])


@pytest.fixture
def model() -> SymmetricCaptioner:
    torch.manual_seed(0)
    tower = ViT(16, patch=4, width=16, depth=1)
    return SymmetricCaptioner(tower, 12, dim=8, length=8, width=16, depth=1, queries=3).eval()


def pictures() -> torch.Tensor:
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.floats(0, 1), st.sampled_from(["high", "low", "random"]), st.integers(0, 99))
def test_exactly_so_many_are_hidden_and_they_are_the_right_ones(n: int, ratio: float, mode: str, seed: int) -> None:
    torch.manual_seed(seed)
    patches, text = torch.randn(2, n, 4), torch.randn(2, 4)
    hidden = attentive_mask(patches, text, ratio, mode)
    assert hidden.sum(1).tolist() == [math.ceil(ratio * n)] * 2
    for row in range(2):
        relevance = [float(patch @ text[row]) for patch in patches[row]]
        inside = [r for r, h in zip(relevance, hidden[row].tolist(), strict=True) if h]
        outside = [r for r, h in zip(relevance, hidden[row].tolist(), strict=True) if not h]
        if mode == "high" and inside and outside:
            assert min(inside) >= max(outside)
        if mode == "low" and inside and outside:
            assert max(inside) <= min(outside)


def test_a_ratio_out_of_range_and_a_strange_mode_are_refused() -> None:
    with pytest.raises(InputError, match=r"1\.5 of the patches"):
        attentive_mask(torch.zeros(1, 2, 3), torch.zeros(1, 3), 1.5)
    with pytest.raises(InputError, match="'middle'"):
        attentive_mask(torch.zeros(1, 2, 3), torch.zeros(1, 3), 0.5, "middle")


def test_pictures_are_cut_row_by_row_and_each_patch_is_standardised() -> None:
    images = pictures()
    got = squares(images, 4)
    for p in range(16):
        top, left = 4 * (p // 4), 4 * (p % 4)
        patch = images[1, :, top : top + 4, left : left + 4].flatten()
        assert torch.allclose(got[1, p], (patch - patch.mean()) / (patch.var() + 1e-6).sqrt(), atol=1e-5)


def test_a_patch_alone_has_the_vector_of_a_picture_that_is_nothing_else(model: SymmetricCaptioner) -> None:
    """One by one, with all other patches left out of both poolings."""
    tokens = model.image(pictures()).tokens
    got = model.alone(tokens)
    assert got.shape == (3, 16, 8)
    for patch in (0, 7):
        seen = model.caption_pooler(tokens[:, patch : patch + 1])
        wanted = model.image_head(model.contrast_pooler(seen)[:, 0])
        assert torch.allclose(got[:, patch], wanted / wanted.norm(dim=1, keepdim=True), atol=1e-6)


def test_what_is_hidden_is_learned_with_contrast(model: SymmetricCaptioner) -> None:
    """Every weight that says which patches matter has a gradient from the vectors alone."""
    image, text = model.view_images(pictures()), model.view_texts(IDS)
    (image.pooled * text.pooled).sum().backward()
    for part in (model.caption_pooler, model.contrast_pooler, model.image_head):
        assert all(p.grad is not None for p in part.parameters())


def test_only_hidden_patches_are_painted_and_what_they_show_is_not_seen(model: SymmetricCaptioner) -> None:
    images, hidden = pictures(), torch.zeros(3, 16, dtype=torch.bool)
    hidden[:, 5] = True
    rebuilt, pixels, _ = model.restore(images, IDS, hidden=hidden)
    assert rebuilt.shape == pixels.shape == (3, 48)
    assert torch.allclose(pixels, squares(images, 4)[:, 5], atol=1e-6)
    covered, visible = images.clone(), images.clone()
    covered[:, :, 4:8, 4:8] = 0.3
    visible[:, :, 0:4, 0:4] = 0.3
    assert torch.allclose(model.restore(covered, IDS, hidden=hidden)[0], rebuilt, atol=1e-6)
    assert not torch.allclose(model.restore(visible, IDS, hidden=hidden)[0], rebuilt, atol=1e-4)


def test_the_words_are_read(model: SymmetricCaptioner) -> None:
    hidden = torch.ones(3, 16, dtype=torch.bool)
    one, other = (model.restore(pictures(), ids, hidden=hidden)[0] for ids in (IDS, IDS[[1, 2, 0]]))
    assert not torch.allclose(one, other, atol=1e-4)
    longer = torch.nn.functional.pad(IDS, (0, 2))
    assert torch.allclose(model.restore(pictures(), longer, hidden=hidden)[0], one, atol=1e-5)


def test_the_share_that_is_kept_for_captions_changes_what_the_captioner_sees(model: SymmetricCaptioner) -> None:
    image, text = model.view_images(pictures()), model.view_texts(IDS)
    left = attentive_mask(image.tokens, text.pooled, 0.6, "low")
    every, fewer = model.expect(image, text), model.expect(image._replace(mask=~left), text)
    model.keep = 0.4
    kept = model.expect(image, text)
    assert torch.equal(kept, fewer)
    assert not torch.allclose(kept, every, atol=1e-4)


def test_the_trainer_gives_the_loss_what_it_needs_and_it_learns(model: SymmetricCaptioner) -> None:
    examples = Examples(((pictures() + 1) * 127).to(torch.uint8), IDS, np.arange(3))
    drawn = draw(examples, np.arange(3), Plan(), np.random.default_rng(0), twice=False)
    batch = look(model, drawn, frozenset(BothWays().needs))
    assert batch.rebuilt.shape == batch.pixels.shape == (3 * 8, 48)
    history = Trainer(model, BothWays(), Plan(epochs=30, batch=3, rate=3e-3), examples).fit()
    for part in ("caption", "restore"):
        assert history.rows[-1][part] < history.rows[0][part]
    with pytest.raises(InputError, match="does not judge pairs"):
        model.join(batch, None, None, None, None, frozenset({"match"}))


def test_it_is_built_again_from_its_description(model: SymmetricCaptioner) -> None:
    again = SymmetricCaptioner.from_json(model.to_json())
    again.load_state_dict(model.state_dict())
    assert again.to_json() == model.to_json()
    assert torch.equal(again.encode_texts(IDS), model.encode_texts(IDS))
