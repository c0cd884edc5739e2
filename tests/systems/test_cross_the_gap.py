"""The views that the second tower is trained on, and the whole card when there is time."""

from __future__ import annotations

import pytest

from openitr.systems import Budget
from openitr.systems import cross_the_gap as card

torch = pytest.importorskip("torch")


def test_views_differ_and_keep_shape_and_range() -> None:
    images = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    one, two = (card.view(images, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert one.shape == images.shape and float(one.abs().max()) <= 1
    assert not torch.equal(one, two)
    assert torch.equal(one, card.view(images, torch.Generator().manual_seed(0)))


def test_a_view_shifts_by_an_eighth_at_most() -> None:
    images = torch.zeros(50, 3, 16, 16)
    images[:, :, 8, 8] = 1
    seen = card.view(images, torch.Generator().manual_seed(0))
    for picture in seen:
        row, column = divmod(int(picture[0].argmax()), 16)
        # A mirrored picture has its dot at 15 - 8 = 7 before the shift is counted.
        assert abs(row - 8) <= 2 and min(abs(column - 8), abs(column - 7)) <= 2


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_on_stamps(real_data: object) -> None:
    outcome = card.experiment(Budget())
    assert outcome.checks[0].passed and outcome.checks[1].passed


@pytest.mark.real_data
def test_stamps_are_pictures_with_a_name_each(real_data: object) -> None:
    from openitr.systems.stamps import stamps

    data = stamps(Budget(), 24, least=4)
    assert len(data) == len(set(data.names)) > 150
    assert all(picture.shape == (24, 24, 3) for picture in data.pictures)
    assert min(list(data.labels).count(label) for label in range(len(data.folders))) >= 4
    assert not any(folder.startswith("symbols") for folder in data.folders)
