"""Examples: texts drawn per picture, pictures moved, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.errors import DatasetError
from openitr.objectives import InfoNCE
from openitr.train import Examples, Plan
from openitr.train.views import draw, fitting
from tests.train.conftest import small


def uneven() -> Examples:
    """Three pictures with 2, 1 and 3 texts; each vector says whose it is."""
    owner = np.array([0, 0, 1, 2, 2, 2])
    return Examples(
        torch.arange(3.0)[:, None], torch.from_numpy(owner)[:, None].float(), owner, torch.tensor([7, 7, 8])
    )


@pytest.mark.parametrize("many", [0, 1, 2, 9])
def test_texts_are_drawn_of_the_right_pictures_without_repeats(many: int) -> None:
    examples, rows = uneven(), np.array([2, 0])
    drawn = draw(examples, rows, Plan(texts=many), np.random.default_rng(0), twice=False)
    assert drawn.images.flatten().tolist() == [2, 0]
    assert [rows[o] for o in drawn.owner.tolist()] == drawn.texts.flatten().tolist()
    wanted = [min(3, many or 3), min(2, many or 2)]
    assert drawn.owner.bincount().tolist() == wanted
    chosen = examples.text_rows(rows, many, np.random.default_rng(0))
    assert len(set(chosen.tolist())) == len(chosen)
    assert drawn.labels is not None and drawn.labels.tolist() == [8, 7]


def test_every_text_has_its_turn() -> None:
    examples, rng = uneven(), np.random.default_rng(0)
    seen = {int(examples.text_rows(np.array([2]), 1, rng)[0]) for _ in range(50)}
    assert seen == {3, 4, 5}


def test_some_rows_keep_their_texts() -> None:
    part = uneven().some(np.array([2, 0]))
    assert part.pictures.flatten().tolist() == [0, 2]
    assert part.owner.tolist() == [0, 0, 1, 1, 1]
    assert part.texts.flatten().tolist() == [0, 0, 2, 2, 2]


def test_padding_that_no_text_of_the_batch_needs_is_cut() -> None:
    ids = torch.tensor([[2, 5, 3, 0, 0], [2, 5, 6, 7, 3]])
    examples = Examples(torch.zeros(2, 4), ids, np.arange(2))
    assert draw(examples, np.array([0]), Plan(), np.random.default_rng(0), twice=False).texts.tolist() == [[2, 5, 3]]


def test_pixels_come_in_the_range_and_moved_as_asked() -> None:
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (20, 3, 6, 6), dtype=np.uint8))
    examples = Examples(pixels, torch.zeros(20, 2), np.arange(20))
    rows = np.arange(20)
    plain = examples.images(rows)
    assert plain.min() >= -1
    assert plain.max() <= 1
    assert torch.equal(((plain + 1) * 127.5).round().to(torch.uint8), pixels)
    moved = examples.images(rows, Plan(shift=1, mirror=True), np.random.default_rng(1))
    kinds = set()
    for before, after in zip(plain, moved, strict=True):
        found = [
            (mirror, down, across)
            for mirror in (False, True)
            for down in (-1, 0, 1)
            for across in (-1, 0, 1)
            if torch.equal(after, by_hand(before, mirror, down, across))
        ]
        assert found
        kinds.add(found[0])
    assert len(kinds) > 6


def by_hand(picture: torch.Tensor, mirror: bool, down: int, across: int) -> torch.Tensor:
    """A picture mirrored and moved pixel by pixel, its edge repeated."""
    picture = picture.flip(2) if mirror else picture
    moved = torch.empty_like(picture)
    for y in range(6):
        for x in range(6):
            moved[:, y, x] = picture[:, min(5, max(0, y + down)), min(5, max(0, x + across))]
    return moved


def test_pictures_without_texts_are_refused() -> None:
    with pytest.raises(DatasetError, match="no text"):
        Examples(torch.zeros(3, 2), torch.zeros(2, 2), np.array([0, 2]))
    with pytest.raises(DatasetError, match="order"):
        Examples(torch.zeros(2, 2), torch.zeros(2, 2), np.array([1, 0]))


def test_an_ordinary_objective_needs_nothing_more() -> None:
    assert fitting(small(), InfoNCE(), uneven(), Plan()) == frozenset()
