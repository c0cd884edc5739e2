"""Masked words with the picture's help, and nothing of it left in what is searched with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.errors import InputError
from openitr.models import BagOfWords, Injected, TextTransformer, ViT
from openitr.objectives import LightCLIPLoss
from openitr.train import Examples, Plan, Trainer


def model(seed: int = 0) -> Injected:
    torch.manual_seed(seed)
    return Injected(ViT(16, patch=8, width=16, depth=1), TextTransformer(12, width=16, depth=1, length=6), 8, share=0.3)


def data() -> Examples:
    """A colour and its word among others that say nothing: only the picture tells a hidden colour."""
    kinds = torch.arange(48) % 4
    pixels = torch.zeros(48, 3, 16, 16, dtype=torch.uint8)
    for row, kind in enumerate(kinds.tolist()):
        pixels[row, kind % 3] = 255 if kind < 3 else 90
    ids = torch.stack([torch.full((48,), 2), 5 + kinds, torch.full((48,), 3)], 1)
    return Examples(pixels, ids, np.arange(48))


def test_what_is_asked_of_hidden_words() -> None:
    whole, examples = model(), data()
    drawn = examples.images(np.arange(6)), examples.texts[:6]
    image, text = whole.view_images(drawn[0]), whole.view_texts(drawn[1])
    from openitr.objectives import Batch

    made = whole.join(Batch(image.pooled, text.pooled), image, text, *drawn, frozenset({"word_logits"}))
    assert made.word_logits.shape == (6, 12), "one word a text can be hidden"
    assert made.word_ids.tolist() == examples.texts[:6, 1].tolist()


def test_the_picture_tells_the_hidden_word() -> None:
    whole = model()
    plan = Plan(epochs=40, batch=24, rate=5e-3, average=0.0)
    history = Trainer(whole, LightCLIPLoss(steps=50), plan, data()).fit()
    first, last = (row["words"] / 0.5 for row in (history.rows[0], history.rows[-1]))
    assert first > 1.5 and last < 0.3, "without the picture the best guess of four words costs log 4 = 1.39"


def test_the_student_is_the_plain_dual_encoder() -> None:
    whole = model()
    student = whole.student()
    pictures = data().images(np.arange(3))
    assert torch.equal(student.encode_images(pictures), whole.encode_images(pictures))
    assert sum(p.numel() for p in student.parameters()) < sum(p.numel() for p in whole.parameters())
    assert not [name for name, _ in student.named_parameters() if "fill" in name or "inject" in name]


def test_a_tower_without_states_of_words_is_refused() -> None:
    with pytest.raises(InputError, match="BagOfWords"):
        Injected(ViT(16, patch=8, width=16, depth=1), BagOfWords(9, width=16), 8)
