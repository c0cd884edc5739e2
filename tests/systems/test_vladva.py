"""What VladVA's card is made of: patches of two digits, how probable words are, and scores by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from openitr.models import WordTokenizer
from openitr.models.interleaved import Interleaved
from openitr.systems import Budget, vladva


def test_patches_tile_two_digits_side_by_side() -> None:
    pictures = torch.arange(2 * 128).float().reshape(2, 128)
    found = vladva.patches(pictures)
    assert found.shape == (2, 8, 16)
    for row in range(2):
        for place in range(8):
            top, left = 4 * (place // 4), 4 * (place % 4)
            # The left digit has columns 0 to 7 of 16, the right one the rest.
            wanted = [
                pictures[row, 64 * ((left + x) // 8) + 8 * (top + y) + (left + x) % 8]
                for y in range(4)
                for x in range(4)
            ]
            assert found[row, place].tolist() == [float(value) for value in wanted]


def test_likelihood_adds_up_word_by_word_and_padding_adds_nothing() -> None:
    torch.manual_seed(0)
    model = Interleaved(12, 16, length=20, width=16).eval()
    patches, told = torch.randn(2, 8, 16), torch.tensor([[6, 7, 8, 3], [9, 3, 0, 0]])
    rows = vladva.in_a_row(patches, told)
    with torch.inference_mode():
        expected = model(rows)[1].softmax(-1)
    wanted = [
        sum(float(expected[row, 7 + place, word].log()) for place, word in enumerate(words))
        for row, words in enumerate(([6, 7, 8, 3], [9, 3]))
    ]
    assert vladva.likelihood(model, patches, told).tolist() == pytest.approx(wanted, abs=1e-4)


class Read(nn.Module):
    """Vectors of texts by their first word, of pictures as they are."""

    def encode_images(self, patches: torch.Tensor) -> torch.Tensor:
        return patches

    def encode_texts(self, ids: torch.Tensor) -> torch.Tensor:
        return torch.eye(3)[ids[:, 0]]


def test_order_and_naming_by_hand_ties_one_half() -> None:
    pictures = torch.tensor([[3.0, 1.0, 0.0], [0.0, 2.0, 2.0], [1.0, 0.0, 5.0]])
    right, wrong = torch.tensor([[0], [1], [0]]), torch.tensor([[1], [2], [2]])
    # Won, tied, lost.
    assert vladva.in_order(Read(), pictures, right, wrong) == pytest.approx(50.0)
    # Of all three words the nearest are 0, 1 (the first of two that tie) and 2.
    assert vladva.named(Read(), pictures, right, torch.tensor([[0], [1], [2]])) == pytest.approx(200 / 3)


def test_a_decoder_that_learns_to_write_prefers_what_it_saw() -> None:
    tokenizer = WordTokenizer.fit(["one left of two", "two left of one"], length=8)
    told, other = (
        vladva.captions(tokenizer, texts)
        for texts in (["one left of two", "two left of one"] * 20, ["two left of one", "one left of two"] * 20)
    )
    seen = torch.randn(2, 8, 16, generator=torch.Generator().manual_seed(0)).repeat(20, 1, 1)
    blank, taught = (vladva.captioner(seen, told, len(tokenizer), 0, steps=steps) for steps in (0, 60))
    gaps = [vladva.likelihood(model, seen, told) - vladva.likelihood(model, seen, other) for model in (blank, taught)]
    assert vladva.percent(gaps[1]) == 100.0 and gaps[1].mean() > gaps[0].mean() + 1


@pytest.mark.slow
def test_the_card_runs() -> None:
    assert vladva.experiment(Budget(300)).checks[1].claim
