"""The card's canvases and measures, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from openitr.models import Encoded
from openitr.systems import Budget, dreamlip
from openitr.systems.canvases import canvases


class Told(torch.nn.Module):
    """Patches that say which stamp they show, and their mean."""

    def view_images(self, maps: torch.Tensor) -> Encoded:
        mask = torch.ones(maps.shape[:2], dtype=torch.bool)
        return Encoded(F.normalize(maps.mean(1), dim=1), F.normalize(maps, dim=2), mask)

    def encode_images(self, maps: torch.Tensor) -> torch.Tensor:
        return self.view_images(maps).pooled

    def encode_texts(self, names: torch.Tensor) -> torch.Tensor:
        return names


class Blind(Told):
    def encode_texts(self, names: torch.Tensor) -> torch.Tensor:
        return names.roll(1, 0)


STAMPS = np.array([[0, 1, -1, 2], [3, -1, 4, 5]])


def told_maps() -> torch.Tensor:
    side, maps = dreamlip.GRID // 2, torch.zeros(2, dreamlip.GRID, dreamlip.GRID, 6)
    for row, kinds in enumerate(STAMPS):
        for cell, kind in enumerate(kinds):
            down, across = divmod(cell, 2)
            if kind >= 0:
                maps[row, down * side : (down + 1) * side, across * side : (across + 1) * side, kind] = 1.0
    return maps.flatten(1, 2)


def test_a_model_that_knows_is_right_and_one_that_does_not_is_not() -> None:
    names = torch.eye(6)
    assert dreamlip.asked(Told(), told_maps(), STAMPS, names) == 100.0
    assert dreamlip.pointed(Told(), told_maps(), STAMPS, names) == pytest.approx((1.0, 1.0))
    assert dreamlip.asked(Blind(), told_maps(), STAMPS, names) == pytest.approx(100 * 4 / 6)
    assert max(dreamlip.pointed(Blind(), told_maps(), STAMPS, names)) < 0.5


def test_a_text_for_each_stamp_that_is_there() -> None:
    data = dreamlip.sentences(told_maps(), STAMPS, torch.eye(6))
    assert data.owner.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.texts.argmax(1).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.real_data
def test_canvases_show_what_they_say(real_data: object) -> None:
    drawn = canvases(Budget(), 12, 32, words=3, seed=3)
    shown = {}
    for picture, kinds in zip(drawn.pictures, drawn.stamps, strict=True):
        assert (kinds >= 0).sum() in (3, 4)
        for cell, kind in enumerate(kinds.tolist()):
            down, across = divmod(cell, 2)
            part = picture[:, down * 16 : (down + 1) * 16, across * 16 : (across + 1) * 16]
            if kind < 0:
                assert (part == 127).all()
            else:
                assert (shown.setdefault(kind, part) == part).all(), "one stamp looks the same wherever it stands"
    assert len(drawn.names) == 40 and all(len(name.split()) <= 3 for name in drawn.names)


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs(real_data: object) -> None:
    dreamlip.experiment(Budget(300))
