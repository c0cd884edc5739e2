"""The gap that the card measures, by hand; the pairs it draws; what it finds without a boost."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from openitr import objectives
from openitr.models import DualEncoder
from openitr.objectives import Boost
from openitr.systems import Budget, dbl, frozen
from openitr.train import Examples, Plan


def test_the_gap_by_hand() -> None:
    class Same(torch.nn.Module):
        def encode_images(self, x: torch.Tensor) -> torch.Tensor:
            return x

        encode_texts = encode_images

    v = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    held = Examples(v, torch.cat([v, v[1:]]), np.array([0, 1, 1]))
    assert dbl.gap(Same(), held) == pytest.approx(0.4, abs=1e-6)


def test_the_same_seed_gives_the_same_projectors() -> None:
    v = torch.randn(10, 4)
    examples = Examples(v, v, np.arange(10))
    one, other = dbl.projectors(examples, 3), dbl.projectors(examples, 3)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_drawn_pairs_share_what_is_hidden_and_nothing_else() -> None:
    plain, again, loud = dbl.noisy(60, 1, 0.0), dbl.noisy(60, 1, 0.0), dbl.noisy(60, 1, 50.0)
    assert torch.equal(plain.pictures, again.pictures)
    # Without noise one side is a linear map of the other: both have the rank of what is hidden.
    for side in (plain.pictures, torch.cat([plain.pictures, plain.texts], 1)):
        assert torch.linalg.matrix_rank(side.double(), rtol=1e-5) == dbl.LATENT
    assert torch.linalg.matrix_rank(torch.cat([loud.pictures, loud.texts], 1).double(), rtol=1e-5) > dbl.LATENT


def test_without_a_boost_the_target_is_the_triplet_model_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both models end alike then, and no check can pass; dropout is off, since each model draws its own."""
    made = dbl.projectors

    def steady(train: Examples, seed: int) -> DualEncoder:
        model = made(train, seed)
        model.image.dropout = model.text.dropout = 0.0
        return model

    nothing = Boost("rel", alpha=0.0)
    monkeypatch.setattr(objectives, "Boost", lambda kind: nothing)
    monkeypatch.setattr(dbl, "projectors", steady)
    data = dbl.noisy(96, 0)
    found = dbl.side_by_side(data.some(np.arange(64)), data.some(np.arange(64, 96)), Plan(epochs=2, batch=32), 0)
    assert found["boosted"] == pytest.approx(found["triplet"], abs=1e-6)


@pytest.mark.parametrize("photos", [0.02, -0.02])
def test_the_gap_must_widen_among_photos_as_well(photos: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(train: Examples, held: Examples, plan: Plan, seed: int) -> dict[str, tuple[float, float]]:
        return {"triplet": (0.0, 500.0), "boosted": (0.02 if len(train) == dbl.KEPT else photos, 510.0)}

    def pairs(*about: object, **more: object) -> SimpleNamespace:
        return SimpleNamespace(images=np.zeros((1000, 2)), texts=np.zeros((1000, 2)), owners=np.arange(1000))

    monkeypatch.setattr(dbl, "side_by_side", told)
    monkeypatch.setattr(frozen, "pairs", pairs)
    assert dbl.experiment(Budget()).shown == (photos > 0)


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs(real_data: object) -> None:
    dbl.experiment(Budget(300))
