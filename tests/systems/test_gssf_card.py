"""The card's rotation: blocks learn it, channel weights cannot."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.objectives import Dot
from openitr.systems import Budget, gssf
from openitr.train import Examples


def test_blocks_learn_the_rotation_and_channel_weights_do_not() -> None:
    assert gssf.turned(0, 4) > 90
    assert gssf.turned(0, 0) < 50


def test_the_first_hit_by_hand_with_ties_against_the_model() -> None:
    class Same(torch.nn.Module):
        def encode_images(self, x: torch.Tensor) -> torch.Tensor:
            return x

        encode_texts = encode_images

    v = torch.eye(3)
    held = Examples(v, torch.stack([v[0], v[1], v[1], torch.full((3,), 3**-0.5)]), np.array([0, 1, 2, 2]))
    assert gssf.first(Same(), held, Dot()) == 50.0


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_is_shown(real_data: object) -> None:
    assert gssf.experiment(Budget(300)).shown
