"""Pseudo-words: a slot that holds the vector of a word is that word, and nothing else moves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.errors import ShapeError
from openitr.models import BagOfWords, DualEncoder, TextTransformer, ViT, WordTokenizer
from openitr.models.pseudo_word import CHANGED, PLAIN, PseudoWord, PseudoWordComposer, SlotText
from tests.search.compose.battery import check_composer
from tests.search.fakes import ColourEncoder

WORDS = ["a photo of red dog that is blue green"]


def text(tower: str = "transformer", dim: int = 5) -> tuple[SlotText, WordTokenizer]:
    torch.manual_seed(0)
    tokenizer = WordTokenizer.fit(WORDS, length=16)
    reads = (
        TextTransformer(len(tokenizer), length=16, width=16, depth=1, heads=2)
        if tower == "transformer"
        else BagOfWords(len(tokenizer), width=16)
    )
    model = DualEncoder(ViT(16, patch=8, width=16, depth=1, heads=2), reads, dim)
    return SlotText.of(model.eval(), tokenizer), tokenizer


@pytest.mark.parametrize("tower", ["transformer", "bag"])
def test_a_slot_filled_with_a_words_vector_is_that_word(tower):
    slot, tokenizer = text(tower)
    own = slot.tower.embed(torch.tensor([[tokenizer.id("dog")], [tokenizer.id("red")]]))[:, 0]
    with torch.no_grad():
        made = slot([PLAIN, CHANGED.format("is blue")], own)
        said = slot(["a photo of dog", "a photo of red that is blue"])
    assert torch.allclose(made, said, atol=1e-6)
    assert torch.allclose(made.norm(dim=1), torch.ones(2), atol=1e-5)


def test_texts_without_a_slot_do_not_look_at_the_word():
    slot, _ = text()
    with torch.no_grad():
        assert torch.equal(slot(["a red dog"], torch.randn(1, 16)), slot(["a red dog"]))


def test_another_number_of_words():
    slot, _ = text()
    with pytest.raises(ShapeError, match="2 pseudo-words for 1 texts"):
        slot([PLAIN], torch.randn(2, 16))


def test_the_composer_keeps_the_contract():
    slot, _ = text()
    encoder = ColourEncoder(gap=0.3)
    composer = PseudoWordComposer(encoder, PseudoWord(5, 16), slot)
    picture = np.full((8, 8, 3), (20, 200, 20), np.uint8)
    check_composer(composer, picture)
    v = encoder.encode_images([picture]).values
    with torch.no_grad():
        expected = slot([CHANGED.format("is red")], composer.phi(torch.from_numpy(v))).numpy()
    assert np.allclose(composer.compose(picture, "is red").values, expected, atol=1e-5)
