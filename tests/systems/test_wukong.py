"""The pieces of the card: names, planted rows, training, and that a stub fails."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.curate import ChineseWebFilter
from openitr.objectives import Batch
from openitr.systems import Budget, wukong


def stamps(many: int = 60, seed: int = 0) -> wukong.ChineseStamps:
    """A name of one character, and patches among which its direction stands once."""
    rng = np.random.default_rng(seed)
    texts = [chr(0x4E00 + i % 20) for i in range(many)]
    means = np.random.default_rng(9).standard_normal((20, wukong.WIDTH))
    patches = rng.standard_normal((many, wukong.PATCHES, wukong.WIDTH))
    patches[np.arange(many), rng.integers(0, wukong.PATCHES, many)] = 3 * means[np.arange(many) % 20]
    patches /= np.linalg.norm(patches, axis=2, keepdims=True)
    return wukong.ChineseStamps(patches.astype(np.float32), wukong.grams(texts))


def test_grams_are_characters_and_pairs_without_punctuation() -> None:
    found = wukong.grams(["小狗。", "小狗", "大狗", "!"])
    assert np.array_equal(found[0], found[1]) and (found[0] > 0).sum() == 3
    assert found[1][1] == found[2][1] and found[1][0] != found[2][0]
    assert (found[3] > 0).sum() == 1


def test_the_filter_finds_the_planted_rows_and_one_without_rules_does_not() -> None:
    rows, planted = wukong.planted_rows()
    texts, sizes = zip(*rows, strict=True)
    assert [i for i, good in enumerate(ChineseWebFilter().keep(texts, sizes)) if not good] == planted
    lax = ChineseWebFilter(smallest=0, widest=100, repeats=100, sensitive=())
    assert [i for i, good in enumerate(lax.keep(texts, sizes)) if not good] != planted


def test_a_locked_tower_stays_and_an_open_one_moves() -> None:
    assert wukong.changed_by_training(True, 0) == 0.0
    assert wukong.changed_by_training(False, 0) > 0.0


def test_training_beats_chance_and_recall_counts_ties_against_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wukong, "EPOCHS", 2)
    data = stamps()
    model = wukong.trained(data, np.arange(40), 20, 0)
    assert wukong.maps_off_by(model, data, np.arange(40)) < 1e-5
    assert 0 <= wukong.recall_at_10(model, data, np.arange(40, 60)) <= 100

    class Same(torch.nn.Module):
        def forward(self, patches: torch.Tensor, ids: torch.Tensor) -> Batch:
            ones, there = torch.ones(len(ids), 1, 1), torch.ones(len(ids), 1, dtype=torch.bool)
            return Batch(ones[:, 0], ones[:, 0], image_tokens=ones, image_mask=there, text_tokens=ones, text_mask=there)

    assert wukong.recall_at_10(Same(), data, np.arange(20)) == 0.0


def test_fewer_patches_compare_faster() -> None:
    # A quarter of the work; the card asks for less than half, this leaves room for a busy machine.
    assert wukong.seconds(20) < 0.8 * wukong.seconds(81)


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs(real_data: object) -> None:
    found = wukong.experiment(Budget(300))
    assert len(found.checks) == 5
