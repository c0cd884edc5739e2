"""The card's baseline and its measures, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.objectives import TCL, Batch
from openitr.objectives.contract import DIM, draw
from openitr.systems import Budget, tcl
from openitr.train import Examples, Plan


class Flat(torch.nn.Module):
    """A model that sees pixels as they are."""

    def encode_images(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(x.flatten(1), dim=1)


def test_the_baseline_is_the_cross_modal_half() -> None:
    batch: Batch = draw(4, seed=1).float()
    base, every = tcl.crossing(DIM), TCL(DIM, queue=0)
    with torch.no_grad():
        parts = every.parts(batch)
        assert base(batch).item() == pytest.approx(((parts["cma_i2t"] + parts["cma_t2i"]) / 2).item(), rel=1e-6)


def test_pictures_find_themselves_and_their_folder() -> None:
    made = torch.Generator().manual_seed(0)
    centres = torch.randint(0, 256, (4, 3, 8, 8), generator=made)
    pixels = (centres.repeat(10, 1, 1, 1) + torch.randint(-9, 10, (40, 3, 8, 8), generator=made)).clamp(0, 255)
    labels = torch.arange(4).repeat(10)
    data = Examples(pixels.to(torch.uint8), torch.zeros(40, 2), np.arange(40), labels)
    train, held = data.some(np.arange(32)), data.some(np.arange(32, 40))
    assert tcl.found_again(Flat(), held, Plan()) == 100.0
    assert tcl.neighbours(Flat(), train, held) == 100.0


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs(real_data: object) -> None:
    tcl.experiment(Budget(300))
