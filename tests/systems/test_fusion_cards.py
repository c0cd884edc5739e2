"""Pieces of the cards of fusion models, captioners and long texts; stubs fail where the cards' checks look."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.models import CoCa, ViT, WordTokenizer
from openitr.systems import Budget, albef, coca, fiber, lm4visual, long_clip, sycoca, uniter
from openitr.systems.two_shapes import two_shapes

CARDS = {"albef": albef, "coca": coca, "fiber": fiber, "lm4visual": lm4visual, "sycoca": sycoca, "uniter": uniter}


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("name", [*CARDS, "long_clip"])
def test_the_card_runs(name: str, real_data: object) -> None:
    (CARDS | {"long_clip": long_clip})[name].experiment(Budget(300))


class Oracle:
    """Knows every caption of some pictures; ``lies`` swaps what it says."""

    def __init__(self, pictures: torch.Tensor, ids: torch.Tensor, lies: bool = False) -> None:
        self.known = {p.numpy().tobytes(): row for row, p in enumerate(pictures)}
        self.ids, self.lies = ids, lies

    def match(self, images: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        rows = [self.known[p.numpy().tobytes()] for p in images]
        right = (self.ids[rows] == ids).all(1).float()
        return 1 - right if self.lies else right

    def encode_images(self, images: torch.Tensor) -> torch.Tensor:
        rows = [self.known[p.numpy().tobytes()] for p in images]
        return torch.nn.functional.one_hot(self.ids[rows], 40).float().flatten(1)

    def encode_texts(self, ids: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot(ids, 40).float().flatten(1) * (-1 if self.lies else 1)


def test_swaps_are_found_out_by_one_who_knows_and_not_by_a_liar() -> None:
    some = two_shapes(6, 0, different=True)
    tokenizer = WordTokenizer.fit(some.texts, length=8)
    data, wrong = some.examples(tokenizer), some.swapped().examples(tokenizer).texts
    pictures = data.images(np.arange(6))
    knows, lies = (Oracle(pictures, data.texts, flag) for flag in (False, True))
    assert uniter.told_apart(knows, pictures, data.texts, wrong) == 100.0
    assert uniter.told_apart(lies, pictures, data.texts, wrong) == 0.0
    assert fiber.judgements(knows, pictures, data.texts, wrong) == {"vectors": 100.0, "told": 100.0, "judged": 100.0}
    assert set(fiber.judgements(lies, pictures, data.texts, wrong).values()) == {0.0}


def test_transport_is_as_good_as_the_card_says() -> None:
    rows, columns, off = uniter.against_linear_programme(5, problems=3)
    assert rows < 1e-3 > columns
    assert off < 0.01


def test_gates_are_closed_at_first() -> None:
    off, slope = fiber.closed(0)
    assert off < 1e-5
    assert slope > 0


def test_an_untrained_captioner_depends_as_it_should_and_writes_nothing_right() -> None:
    torch.manual_seed(0)
    held = two_shapes(16, 1, different=True)
    tokenizer = WordTokenizer.fit(held.texts, length=8)
    model = CoCa(ViT(32, patch=16, width=16, depth=1), len(tokenizer), dim=8, length=8, width=16, depth=1, queries=2)
    blind, written, before, after = coca.dependence(model.eval(), held, tokenizer)
    assert blind == before == 0
    assert written > 0 < after
    assert coca.captions(model, held, tokenizer)[0] < 90
    assert coca.recall(model, held, tokenizer) < 50


def test_right_words_are_counted_at_their_places() -> None:
    held = two_shapes(2, 1, different=True)
    tokenizer = WordTokenizer.fit(held.texts, length=8)

    class Writer:
        def caption(self, pictures: torch.Tensor) -> list[list[int]]:
            first, second = (tokenizer.encode([text])[0, 1:-1].tolist() for text in held.texts)
            return [first, [*second[:3], second[0]]]

    right, whole = coca.captions(Writer(), held, tokenizer)
    assert right == 100 * (1 + 3 / 4) / 2
    assert whole == 50.0


def test_long_texts_begin_like_short_ones_and_tell_the_rest_at_the_end() -> None:
    some = two_shapes(5, 0)
    tokenizer = WordTokenizer.fit(long_clip.stories(some, 0), length=100)
    for story, summary, text in zip(long_clip.stories(some, 0), long_clip.summaries(some), some.texts, strict=True):
        assert story.startswith(summary + " ")
        assert story.split()[1:3] + story.split()[-2:] == text.split()
    assert (tokenizer.encode(long_clip.stories(some, 0)) != 0).sum(1).min() > 60
    # Cut at twenty ids, two pictures with the same first shape and filling cannot be told apart.
    assert len(set(long_clip.summaries(two_shapes(40, 0)))) < 40


def test_what_is_drawn_is_neither_white_nor_border() -> None:
    pictures = torch.full((1, 3, 4, 4), 255, dtype=torch.uint8)
    pictures[:, :, :2, :2] = torch.tensor([200, 30, 30], dtype=torch.uint8)[None, :, None, None]
    pictures[:, :, 2:, :] = 127
    assert lm4visual.things(pictures, 2).tolist() == [[True, False, False, False]]


def test_a_causal_mask_makes_order_matter() -> None:
    before, after = lm4visual.order(0)
    assert before > 1e-3
    assert after < 1e-5


def test_a_painter_that_ignores_the_text_gains_nothing_from_it() -> None:
    held = two_shapes(4, 0, different=True)
    tokenizer = WordTokenizer.fit(held.texts, length=8)

    class Deaf:
        def restore(self, pictures: torch.Tensor, ids: torch.Tensor, **about: object) -> tuple[torch.Tensor, ...]:
            return torch.zeros(4, 3), torch.ones(4, 3), torch.ones(4, 1, dtype=torch.bool)

    true, wrong = (sycoca.painted(Deaf(), held, tokenizer, swap) for swap in (0, 1))
    assert true == wrong == pytest.approx(3**0.5)
