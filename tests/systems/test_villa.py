"""Documents and measures of the card."""

from __future__ import annotations

import pytest
import torch

from openitr.errors import InputError
from openitr.systems import Budget, villa
from openitr.systems.docmnist import CELLS, documents

pytest.importorskip("sklearn")


def test_documents_list_what_their_cells_show() -> None:
    pages = documents(20, 3, seed=1)
    assert pages.regions.shape == (20, CELLS, 192)
    assert (pages.truth.any(2).sum(1) == 3).all()
    assert (pages.truth.sum(2)[pages.truth.any(2)] == 3).all(), "a digit, a colour and a size"
    assert torch.equal(pages.named, pages.truth.any(1))
    empty = pages.regions[~pages.truth.any(2)]
    shown = pages.regions[pages.truth.any(2)]
    assert empty.abs().mean() < 0.1 < shown.abs().mean()
    red = pages.truth[..., 10]
    channels = pages.regions[red].unflatten(1, (3, -1)).mean((0, 2))
    assert channels[0] > channels[1] and channels[0] > channels[2]


def test_more_digits_are_more_complex() -> None:
    sizes = [documents(30, filled).complexity for filled in (1, 3, 6)]
    assert sizes[0] == 3 and sizes == sorted(sizes)


def test_the_same_seed_draws_the_same_and_other_handwriting_is_held_out() -> None:
    assert torch.equal(documents(3, 2, seed=5).regions, documents(3, 2, seed=5).regions)
    assert not torch.equal(documents(3, 2, seed=5).regions, documents(3, 2, seed=5, train=False).regions)
    with pytest.raises(InputError, match="10 of 9"):
        documents(1, 10)


def test_chance_and_the_whole_description() -> None:
    pages = documents(60, 6)
    assert torch.equal(villa.whole(pages).any(1), pages.named)
    thrown = villa.scattered(pages, 0)
    assert torch.equal(thrown.any(1), pages.named) and (thrown.sum(1) <= 1).all()
    assert not (villa.whole(pages) & ~pages.filled.unsqueeze(2)).any()
    assert villa.f_score(thrown, pages.truth) < 0.5 < villa.f_score(pages.truth, pages.truth) == 1.0


def test_r_precision_by_hand() -> None:
    class Told(torch.nn.Module):
        encode_images = staticmethod(lambda regions: regions)
        encode_texts = staticmethod(lambda eye: torch.tensor([[1.0, 0.0], [0.0, 1.0]]))

    class Pages:
        regions = torch.tensor([[[3.0, 1.0], [2.0, 5.0]], [[1.0, 4.0], [0.0, 0.0]]])
        truth = torch.tensor([[[True, False], [False, True]], [[True, False], [False, False]]])

    # First: cells 1 and 3 are right, 1 and 2 rank first; second: cell 2 is right and first.
    assert villa.r_precision(Told(), Pages()) == pytest.approx(100 * (0.5 + 1.0) / 2)


@pytest.mark.slow
def test_the_card_runs() -> None:
    villa.experiment(Budget(300))
