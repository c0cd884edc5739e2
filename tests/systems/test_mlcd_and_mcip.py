"""The measures of both cards by hand, and the tuning at a tiny size."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from openitr.errors import InputError
from openitr.models import DualEncoder, Projector
from openitr.objectives import InfoNCE
from openitr.systems import Budget, mcip, mlcd
from openitr.systems.two_shapes import COLOURS, KINDS, two_shapes
from openitr.train import Examples, Plan, Trainer
from openitr.train.search_by_picture import tune_for_pictures


def test_average_precision_of_a_perfect_and_of_a_reversed_ranking() -> None:
    there = torch.tensor([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    assert mlcd.average_precision(there, there) == 1.0
    # 1: places 3 and 4 of four; 2: place 4, the ties before it in the order of the rows.
    assert mlcd.average_precision(-there, there) == pytest.approx(((1 / 3 + 2 / 4) / 2 + 1 / 4) / 2)


def test_the_shapes_that_a_picture_holds() -> None:
    some = two_shapes(12, 0)
    for text, row in zip(some.texts, mlcd.held_by(some), strict=True):
        words = text.split()
        wanted = {KINDS.index(words[at + 1]) * 6 + COLOURS.index(words[at]) for at in (0, 2)}
        assert set(row.nonzero().flatten().tolist()) == wanted


def test_clusters_move_the_picture_tower_and_fitting_the_text_tower_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlcd, "EPOCHS", 1)
    made = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 255, (80, 3, 32, 32), generator=made, dtype=torch.uint8)
    kept, features = Examples(pictures, torch.randn(80, 4, generator=made), np.arange(80)), torch.randn(80, 9)
    fresh = mlcd.trained(kept, features, 0, 16, 0)
    for top in (3, 1):
        model = mlcd.trained(kept, features, top, 16, 0)
        assert moved(fresh, model) == {"image", "image_head"}
    before = deepcopy(model)
    mlcd.fitted(model, kept, 0)
    assert moved(before, model) == {"text", "text_head"}


def moved(one: DualEncoder, other: DualEncoder) -> set[str]:
    """Parts of two models whose weights differ."""
    known = other.state_dict()
    return {name.split(".")[0] for name, value in one.state_dict().items() if not torch.equal(value, known[name])}


def test_mean_average_precision_leaves_out_the_picture_itself() -> None:
    """Orders without themselves: 1 2, 0 2, 1 0; sorts a a b: 1, 1, and the third has no other of its sort."""
    scores = np.array([[9.0, 5, 1], [5, 9, 2], [1, 2, 9]])
    assert mcip.mean_average_precision(scores, np.array([0, 0, 1])) == 1.0
    assert mcip.mean_average_precision(scores, np.array([0, 1, 0])) == 0.5


def test_sorts_lie_within_their_digit() -> None:
    made = torch.Generator().manual_seed(0)
    labels = np.arange(80) % 10
    sorts = mcip.sorts_of(torch.randn(80, 6, generator=made), labels)
    assert (sorts // mcip.SORTS == labels).all() and len(set(sorts.tolist())) == 10 * mcip.SORTS


def world() -> tuple[Examples, DualEncoder]:
    made = torch.Generator().manual_seed(0)
    kinds = torch.arange(96) % 8
    pictures = F.one_hot(kinds, 8) + 0.4 * torch.randn(96, 8, generator=made)
    texts = F.one_hot(kinds // 2, 4).float()  # texts know half of what the classes know
    examples = Examples(pictures, texts, np.arange(96), kinds)
    torch.manual_seed(0)
    model = DualEncoder(Projector(8, width=16), Projector(4, width=16), dim=16)
    Trainer(model, InfoNCE(), Plan(epochs=3, batch=48, rate=1e-2), examples).fit()
    return examples, model


@pytest.mark.parametrize("mode", ["arc", "2sft", "mcip"])
def test_only_the_towers_that_a_mode_names_move(mode: str) -> None:
    examples, model = world()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tune_for_pictures(model, examples, Plan(epochs=4, batch=48, rate=1e-2), mode)
    moved = {n.split(".")[0].split("_")[0] for n, v in model.state_dict().items() if not torch.equal(v, before[n])}
    assert moved == ({"image", "text"} if mode == "2sft" else {"image"})
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_classes_bring_like_pictures_together() -> None:
    """The mean cosine within a class less that between classes grows."""
    examples, model = world()

    def apart() -> float:
        with torch.inference_mode():
            v = model.eval().encode_images(examples.pictures)
        same = examples.labels[:, None] == examples.labels[None]
        cosines = v @ v.T
        return float(cosines[same].mean() - cosines[~same].mean())

    start = apart()
    tune_for_pictures(model, examples, Plan(epochs=20, batch=48, rate=1e-2, average=0.0), "arc")
    assert apart() > start + 0.1


def test_refusals() -> None:
    examples, model = world()
    with pytest.raises(InputError, match="'none'"):
        tune_for_pictures(model, examples, Plan(), "none")
    bare = Examples(examples.pictures, examples.texts, examples.owner)
    with pytest.raises(InputError, match="labels"):
        tune_for_pictures(model, bare, Plan())


@pytest.mark.slow
def test_the_card_of_mcip_runs() -> None:
    mcip.experiment(Budget(300))


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_of_mlcd_runs(real_data: object) -> None:
    mlcd.experiment(Budget(300))
