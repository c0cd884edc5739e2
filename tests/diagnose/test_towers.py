"""Towers in memory as encoders, and the short training."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.diagnose.towers import TowerEncoder, fit, frozen, pixels
from openitr.encoders.checks import check_attributes, check_empty, check_prepared, check_refusals
from openitr.errors import InputError
from tests.diagnose.conftest import LOOKS, one_thing

torch = pytest.importorskip("torch")


def test_it_is_an_encoder(tower: TowerEncoder) -> None:
    # Not the whole battery: a window of 32 words cuts, which the docstring says.
    check_attributes(tower)
    check_empty(tower)
    check_prepared(tower)
    check_refusals(tower)


def test_it_learned_what_the_other_tests_lean_on(tower: TowerEncoder) -> None:
    rng = np.random.default_rng(9)
    pictures = [one_thing(row, *(0.25 + 0.5 * rng.random(2))) for row in range(4) for _ in range(10)]
    texts = tower.encode_texts([f"a {colour} {kind}" for kind, colour in LOOKS])
    found = texts.score(tower.encode_images(pictures)).argmax(axis=0)
    assert (found == np.repeat(np.arange(4), 10)).mean() > 0.9


def test_pixels_are_scaled_and_turned() -> None:
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[0, 2] = (255, 0, 255)
    found = pixels([picture])
    assert found.shape == (1, 3, 2, 3)
    assert found[0, :, 0, 2].tolist() == [1, -1, 1] and float(found[0, 0, 1, 0]) == -1


def test_the_fingerprint_follows_the_weights(tower: TowerEncoder) -> None:
    import copy

    model = copy.deepcopy(tower.model)
    same = TowerEncoder(model, tower.tokenizer)
    assert same.fingerprint == tower.fingerprint
    with torch.no_grad():
        next(model.parameters()).add_(1e-3)
    assert TowerEncoder(model, tower.tokenizer).fingerprint != tower.fingerprint


def test_fit_lowers_a_loss_visits_every_row_and_stops_when_told() -> None:
    weights, seen = torch.nn.Linear(3, 1), list[int]()
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))

    def loss(rows: np.ndarray) -> torch.Tensor:
        seen.extend(rows.tolist())
        return (weights(x[rows]) - 1).square().mean()

    before = float(loss(np.arange(20)).detach())
    seen.clear()
    assert fit(weights, loss, 20, steps=80, batch=5, rate=0.05) == 80
    assert float(loss(np.arange(20)).detach()) < before / 10
    assert [seen[:20].count(row) for row in range(20)] == [1] * 20
    assert fit(weights, loss, 20, steps=80, enough=lambda: True) == 1
    with pytest.raises(InputError, match="1 rows"):
        fit(weights, loss, 1, steps=3)


def test_frozen_gives_back_what_learned() -> None:
    module = torch.nn.Linear(2, 2)
    module.bias.requires_grad_(False)
    with frozen(module):
        assert not module.weight.requires_grad
    assert module.weight.requires_grad and not module.bias.requires_grad
