"""Pairs of digits: their captions, and which text tower can read their order; which side is favoured, by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from openitr.models import BagOfWords, Windows
from openitr.objectives import Batch, DirectionalRank
from openitr.systems import Budget, dl_itm_2015, frozen
from openitr.systems.digits import NAMES, digits
from openitr.train import Examples


def test_pairs_are_what_their_captions_say() -> None:
    data = digits()
    rows, _ = data.split(0)
    pictures, right, wrong = dl_itm_2015.side_by_side(data.pictures, data.labels, rows, 20, seed=0)
    assert pictures.shape == (20, 128)
    for picture, own, other in zip(pictures, right, wrong, strict=True):
        left, _, _, after = own.split()
        assert other == f"{after} left of {left}"
        assert left != after
        for half, word in ((picture[:64], left), (picture[64:], after)):
            match = (data.pictures == half).all(1).nonzero().flatten().tolist()
            assert NAMES["en"][data.labels[match[0]]] == word


def test_windows_read_the_order_and_bags_tie() -> None:
    assert dl_itm_2015.told_apart(BagOfWords, 0, pairs=300) == 50.0
    assert dl_itm_2015.told_apart(Windows, 0, pairs=800) > 80


def test_wrong_sentences_leave_a_picture_free_to_raise_all_its_scores() -> None:
    """Why the inner product shows what cosines hide: the same pairs, one picture's scores raised by 5."""
    torch.manual_seed(0)
    v, t = torch.randn(4, 3), torch.randn(4, 3)
    raised = torch.cat([v, torch.tensor([[5.0], [0.0], [0.0], [0.0]])], 1)
    plain, other = Batch(v, t), Batch(raised, torch.cat([t, torch.ones(4, 1)], 1))
    for lam, free in ((1.0, True), (0.0, False)):
        objective = DirectionalRank(lam, 1.0)
        assert (abs(objective(other).item() - objective(plain).item()) < 1e-5) == free


def test_the_lead_in_plain_loops() -> None:
    rng = np.random.default_rng(0)
    scores, owner = rng.random((3, 7)).round(1), np.array([0, 0, 1, 1, 1, 2, 2])
    found = [all(scores[owner[j], j] > scores[i, j] for i in range(3) if i != owner[j]) for j in range(7)]
    told = [
        max(scores[i, j] for j in range(7) if owner[j] == i) > max(scores[i, j] for j in range(7) if owner[j] != i)
        for i in range(3)
    ]
    assert dl_itm_2015.lead_of(scores, owner) == pytest.approx(100 * (np.mean(told) - np.mean(found)))


def test_free_vectors_have_any_length_and_unit_vectors_one() -> None:
    data = Examples(torch.randn(8, 5), torch.randn(8, 6), np.arange(8))
    for unit in (True, False):
        lengths = dl_itm_2015.free(data, unit, 0).eval().encode_images(data.pictures).norm(dim=1)
        assert torch.allclose(lengths, torch.ones(8), atol=1e-5) == unit


@pytest.mark.parametrize(("inner", "cosine"), [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0)])
def test_the_direction_must_be_favoured_by_both_scores(
    inner: float, cosine: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lead(train: Examples, held: Examples, lam: float, unit: bool, seed: int) -> float:
        return lam * (cosine if unit else inner)

    def pairs(*about: object, **more: object) -> SimpleNamespace:
        return SimpleNamespace(images=np.zeros((1000, 2)), texts=np.zeros((1000, 2)), owners=np.arange(1000))

    monkeypatch.setattr(dl_itm_2015, "lead", lead)
    monkeypatch.setattr(dl_itm_2015, "told_apart", lambda kind, seed: 50.0 if kind is BagOfWords else 99.0)
    monkeypatch.setattr(frozen, "pairs", pairs)
    assert dl_itm_2015.experiment(Budget()).shown == (min(inner, cosine) > 0)


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs(real_data: object) -> None:
    outcome = dl_itm_2015.experiment(Budget(300))
    assert outcome.checks[0].passed
    assert torch.get_default_dtype() == torch.float32
