"""CoCa: what a text may know of a picture, what a word may know of those after it, and that it learns to write."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.errors import ModelError
from openitr.models import CoCa, ViT
from openitr.objectives import Batch, ContrastAndCaption, InfoNCE
from openitr.train import Examples, Plan, Trainer
from openitr.train.views import draw, look

IDS = torch.tensor([[2, 7, 9, 3, 0, 0], [2, 8, 9, 10, 6, 3], [2, 6, 3, 0, 0, 0]])


@pytest.fixture
def model() -> CoCa:
    torch.manual_seed(0)
    return CoCa(ViT(16, patch=8, width=16, depth=1), 12, dim=8, length=8, width=16, depth=1, queries=3).eval()


def pictures(n: int = 3) -> torch.Tensor:
    return torch.rand(n, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def logits(model: CoCa, images: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    return model.expect(model.view_images(images), model.view_texts(ids))


def test_the_picture_changes_the_words_and_not_the_text_vector(model: CoCa) -> None:
    images = pictures()
    assert torch.equal(model.encode_texts(IDS), model.encode_texts(IDS))
    one, other = logits(model, images, IDS), logits(model, images.flip(0), IDS)
    assert not torch.allclose(one[0, 1:4], other[0, 1:4], atol=1e-4)


def test_a_word_changes_only_what_comes_after_it(model: CoCa) -> None:
    changed = IDS.clone()
    changed[1, 3] = 5
    one, other = logits(model, pictures(), IDS), logits(model, pictures(), changed)
    # Logits at a place are those of the word there, so the changed word itself is still expected as before.
    assert torch.equal(one[1, :4], other[1, :4])
    assert not torch.allclose(one[1, 4:], other[1, 4:], atol=1e-4)
    assert not torch.allclose(model.encode_texts(IDS)[1], model.encode_texts(changed)[1], atol=1e-4)


def test_padding_does_not_count(model: CoCa) -> None:
    longer = torch.nn.functional.pad(IDS, (0, 2))
    assert torch.allclose(model.encode_texts(longer), model.encode_texts(IDS), atol=1e-6)
    assert torch.allclose(logits(model, pictures(), longer)[:, :3], logits(model, pictures(), IDS)[:, :3], atol=1e-6)
    images = pictures()
    assert torch.allclose(model.caption_logprob(images, longer), model.caption_logprob(images, IDS), atol=1e-5)


def test_the_likelihood_is_the_sum_over_the_words(model: CoCa) -> None:
    images, got = pictures(), model.caption_logprob(pictures(), IDS)
    logp = logits(model, images, IDS).log_softmax(-1).detach()
    for row, ids in enumerate(IDS.tolist()):
        expected = sum(float(logp[row, at, word]) for at, word in enumerate(ids) if at and word)
        assert got[row].item() == pytest.approx(expected, abs=1e-5)
    one = model.caption_logprob(images, IDS[:1])
    assert torch.allclose(one, model.caption_logprob(images, IDS[:1].expand(3, -1)), atol=1e-6)


def test_the_image_tower_is_run_once_a_step(model: CoCa) -> None:
    calls = []
    model.image.register_forward_hook(lambda *about: calls.append(1))
    examples = Examples((pictures() * 255).to(torch.uint8), IDS, np.arange(3))
    drawn = draw(examples, np.arange(3), Plan(), np.random.default_rng(0), twice=False)
    batch = look(model, drawn, frozenset({"ids", "logits"}))
    assert len(calls) == 1
    assert batch.logits.shape == (3, 6, 12)
    assert ContrastAndCaption()(batch).item() > 0


def test_without_captions_its_loss_is_info_nce(model: CoCa) -> None:
    batch = Batch(model.encode_images(pictures()), model.encode_texts(IDS))
    assert ContrastAndCaption(caption=0.0)(batch).item() == InfoNCE()(batch).item()


def test_it_learns_to_write_and_beams_find_no_less_likely_text(model: CoCa) -> None:
    images = torch.zeros(4, 3, 16, 16)
    images[torch.arange(4), torch.arange(4) % 3] = 255.0
    images[3] = 128
    ids = torch.tensor([[2, 5, 8, 3], [2, 6, 8, 3], [2, 7, 9, 3], [2, 9, 3, 0]])
    examples = Examples(images.to(torch.uint8), ids, np.arange(4))
    Trainer(model, ContrastAndCaption(), Plan(epochs=80, batch=4, rate=5e-3, average=0.9), examples).fit()
    shown = examples.images(np.arange(4))
    assert model.caption(shown) == [[5, 8], [6, 8], [7, 9], [9]]
    wide = model.caption(shown, beams=3)
    assert wide == [[5, 8], [6, 8], [7, 9], [9]]
    assert model.caption(shown, longest=2) == [[5], [6], [7], [9]]


def test_a_beam_of_all_words_finds_the_likeliest_text(model: CoCa) -> None:
    """Two words at most: every text of the vocabulary is tried by hand."""
    image = pictures(1)
    words = [w for w in range(12) if w not in (0, 2)]
    texts = [[2, a, b] for a in words if a != 3 for b in words]
    padded = torch.tensor([*texts, [2, 3, 0]])
    best = padded[int(model.caption_logprob(image, padded).argmax())]
    got = model.caption(image, beams=12, longest=3)[0]
    assert got == [w for w in best.tolist() if w not in (0, 2, 3)]


def test_it_is_built_again_from_its_description(model: CoCa) -> None:
    again = CoCa.from_json(model.to_json())
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.encode_texts(IDS), model.encode_texts(IDS))
    with pytest.raises(ModelError, match="cannot be built"):
        CoCa.from_json({"vocab": 3})
