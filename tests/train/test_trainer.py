"""The loop: it learns, it is the same twice, it resumes bit by bit, it stops and keeps what was best."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from openitr.errors import InputError, ModelError
from openitr.models import tiny_dual_encoder
from openitr.objectives import (
    Contrastive,
    DirectionalRank,
    InfoNCE,
    MaxSim,
    Objective,
    OneToK,
    Sampled,
    Slow,
    Triplet,
    UniCL,
)
from openitr.train import Average, Examples, Plan, Trainer, checkpoint, encode, rsum
from tests.train.conftest import small, vectors

PLAN = Plan(epochs=3, batch=16, rate=5e-3)


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_it_learns_and_says_what_it_did(examples: Examples) -> None:
    model, held = small(), vectors(seed=1)
    before = rsum(model, held)
    seen = []
    trainer = Trainer(model, InfoNCE(), Plan(epochs=15, batch=16, rate=1e-2), examples, held)
    history = trainer.fit(progress=seen.append)
    assert history.rsum > before + 100
    assert [row["epoch"] for row in history.rows] == list(range(1, 16))
    assert history.rows[-1]["loss"] == pytest.approx(history.rows[-1]["i2t"] + history.rows[-1]["t2i"], rel=1e-6)
    assert (seen[-1].done, seen[-1].total) == (45, 45)
    assert rsum(model, held) == pytest.approx(history.rsum)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_draws_of_others_alone(examples: Examples) -> None:
    found = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        np.random.seed(noise)
        model = small()
        torch.manual_seed(noise)
        expected = torch.rand(1)
        torch.manual_seed(noise)
        Trainer(model, InfoNCE(), PLAN, examples).fit()
        assert torch.equal(torch.rand(1), expected)
        found.append(weights(model))
    assert same(*found)
    other = small()
    Trainer(other, InfoNCE(), Plan(epochs=3, batch=16, rate=5e-3, seed=1), examples).fit()
    assert not same(found[0], weights(other))


@pytest.mark.parametrize(
    ("settings", "objective", "stop"),
    [
        ({}, InfoNCE, 1),
        ({}, InfoNCE, 3),
        ({}, InfoNCE, 4),
        ({}, InfoNCE, 7),
        ({"average": 0.0, "micro": 4}, InfoNCE, 4),
        # A checkpoint is only kept where no gradient is carried over: after every second step, and at an epoch's end.
        ({"accumulate": 2, "layer_decay": 0.5}, InfoNCE, 3),
        ({"accumulate": 2, "layer_decay": 0.5}, InfoNCE, 4),
        ({"average": 0.9}, lambda: Contrastive(targets=Slow()), 5),
        ({}, lambda: Contrastive(mining=Sampled(0.5)), 4),
    ],
    ids=[
        "after 1",
        "after 3",
        "after 4",
        "after 7",
        "cached",
        "accumulate, epoch",
        "accumulate, between",
        "slow",
        "sampled",
    ],
)
def test_a_stopped_training_goes_on_bit_by_bit(
    tmp_path: Path, examples: Examples, stop: int, settings: dict[str, Any], objective: Any
) -> None:
    plan = Plan(**{"epochs": 3, "batch": 16, "rate": 5e-3, **settings})
    held = vectors(seed=1)
    whole = Trainer(small(), objective(), plan, examples, held)
    history = whole.fit()
    torch.manual_seed(99)
    first = Trainer(small(), objective(), plan, examples, held)
    first.fit(tmp_path, every=1, until=stop)
    torch.manual_seed(7)
    second = Trainer(small(seed=5), objective(), plan, examples, held)  # its fresh weights are replaced
    again = second.fit(tmp_path, resume=True)
    assert same(weights(whole.model), weights(second.model))
    assert same(weights(whole.objective), weights(second.objective))
    assert history.rows == again.rows
    assert history.best == again.best


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path, examples: Examples) -> None:
    Trainer(small(), InfoNCE(), PLAN, examples).fit(tmp_path, until=3)
    with pytest.raises(ModelError, match=r"epochs was 3, not 4; rate was 0\.005"):
        Trainer(small(), InfoNCE(), Plan(epochs=4, batch=16), examples).fit(tmp_path, resume=True)
    with pytest.raises(ModelError, match="the objective is other"):
        Trainer(small(), Triplet(), PLAN, examples).fit(tmp_path, resume=True)
    with pytest.raises(ModelError, match="the data is other"):
        Trainer(small(), InfoNCE(), PLAN, vectors(seed=3)).fit(tmp_path, resume=True)
    with pytest.raises(ModelError, match="is not there"):
        Trainer(small(), InfoNCE(), PLAN, examples).fit(tmp_path / "none", resume=True)


def test_a_damaged_or_newer_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / checkpoint.NAME
    path.write_bytes(b"\x00" * 100)
    with pytest.raises(ModelError, match="no checkpoint"):
        checkpoint.load(path)
    checkpoint.save(path, {"a": torch.zeros(1)}, {"step": 1})
    tensors, facts = checkpoint.load(path)
    assert (tensors["a"].tolist(), facts["step"]) == ([0.0], 1)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, path, metadata={"training": json.dumps({"format": 99})})
    with pytest.raises(ModelError, match="newer"):
        checkpoint.load(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="no checkpoint"):
        checkpoint.load(path)


def test_it_stops_when_retrieval_no_longer_improves_and_keeps_the_best(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RSUM is made up here: it rises twice, then falls; the loss goes on falling all the time."""
    measured = iter([100.0, 200.0, 150.0, 190.0, 300.0])
    kept: list[dict[str, torch.Tensor]] = []

    def measure(self: Trainer, _: Examples) -> float:
        kept.append(weights(self.average.model if self.average else self.model))
        return next(measured)

    monkeypatch.setattr(Trainer, "measure", measure)
    trainer = Trainer(small(), InfoNCE(), Plan(epochs=9, batch=16, patience=2), examples, examples)
    history = trainer.fit()
    assert (history.best, history.stopped, len(history.rows)) == (2, True, 4)
    assert history.rsum == 200.0
    assert same(weights(trainer.model), kept[1])


def test_accumulated_steps_add_their_gradients() -> None:
    """Two steps of plain descent by hand: the mean of the gradients of both batches, once."""
    examples, plan = vectors(8, 1), Plan(epochs=1, batch=4, accumulate=2, average=0.0, clip=1e6, warmup=0.0, decay=0.0)
    model, objective = small(dropout=0.0), InfoNCE()
    trainer = Trainer(model, objective, plan, examples)
    start = weights(model)
    seen: list[torch.Tensor] = []

    def descend(closure: None = None) -> None:
        seen.extend(p.grad.clone() for p in trainer._learned if p.grad is not None)

    trainer.optimizer.step = descend
    trainer.fit()
    assert same(start, weights(model))
    order = np.random.default_rng([0, 0, 0]).permutation(8)
    from openitr.objectives import Batch

    losses = [
        objective(
            Batch(
                model.encode_images(examples.pictures[torch.from_numpy(rows)]),
                model.encode_texts(examples.texts[torch.from_numpy(rows)]),
            )
        )
        for rows in (order[:4], order[4:])
    ]
    learned = [p for p in trainer._learned if p.requires_grad]
    expected = torch.autograd.grad((losses[0] + losses[1]) / 2, learned)
    for got, wanted in zip(seen, expected, strict=True):
        assert torch.allclose(got, wanted, atol=1e-6)


def test_cached_training_is_plain_training(examples: Examples) -> None:
    """Without dropout the two differ by rounding alone."""
    found = []
    for micro in (0, 5):
        model = small(dropout=0.0)
        plan = Plan(epochs=2, batch=16, micro=micro, average=0.0)
        Trainer(model, InfoNCE(), plan, examples).fit()
        found.append(weights(model))
    for name, value in found[0].items():
        assert torch.allclose(value, found[1][name], atol=2e-5), name


def test_frozen_parameters_stay_and_layers_learn_at_their_rates() -> None:
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (8, 3, 16, 16), dtype=np.uint8))
    ids = torch.from_numpy(rng.integers(5, 20, (8, 6)))
    torch.manual_seed(0)
    model = tiny_dual_encoder(16, vocab=20, dim=16, depth=2, patch=8)
    before = weights(model)
    plan = Plan(epochs=1, batch=4, freeze=("text.",), layer_decay=0.5, shift=1, mirror=True, average=0.0)
    trainer = Trainer(model, InfoNCE(), plan, Examples(pixels, ids, np.arange(8)))
    shares = {
        name: group["share"]
        for group in trainer.optimizer.param_groups
        for name, parameter in model.named_parameters()
        if any(parameter is p for p in group["params"])
    }
    assert shares["image_head.weight"] == shares["image.norm.weight"] == shares["image.blocks.1.net.0.weight"] == 1.0
    assert shares["image.blocks.0.net.0.weight"] == 0.5
    assert shares["image.patches.weight"] == 0.25
    assert not any(name.startswith("text.") for name in shares)
    decays = {group["weight_decay"] for group in trainer.optimizer.param_groups}
    assert decays == {0.0, 0.05}
    trainer.fit()
    after = weights(model)
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith("text."))
    assert not torch.equal(before["image.patches.weight"], after["image.patches.weight"])
    with pytest.raises(InputError, match="begins with 'txet'"):
        Trainer(model, InfoNCE(), Plan(freeze=("txet",)), Examples(pixels, ids, np.arange(8)))
    with pytest.raises(InputError, match="is frozen"):
        Trainer(model, InfoNCE(), Plan(freeze=("",)), Examples(pixels, ids, np.arange(8)))


@pytest.mark.parametrize(
    ("objective", "texts"),
    [(OneToK(), 0), (UniCL(), 1), (Contrastive(similarity=MaxSim()), 1), (Contrastive(targets=Slow()), 1)],
    ids=["all texts", "labels", "tokens", "slow"],
)
def test_objectives_get_what_they_need(examples: Examples, objective: Objective, texts: int) -> None:
    history = Trainer(small(), objective, Plan(epochs=1, batch=16, texts=texts, average=0.9), examples).fit()
    assert np.isfinite(history.rows[0]["loss"])


def test_what_cannot_be_fed_is_refused(examples: Examples) -> None:
    bare = Examples(examples.pictures, examples.texts, examples.owner)
    for objective, plan, data, message in [
        (UniCL(), PLAN, bare, "needs labels"),
        (Contrastive(targets=Slow()), Plan(average=0.0), examples, "slow model"),
        (Contrastive(similarity=MaxSim()), Plan(micro=4), examples, "cached gradients"),
    ]:
        with pytest.raises(InputError, match=message):
            Trainer(small(), objective, plan, data)
    with pytest.raises(InputError, match="no device 'tpu'"):
        Trainer(small(), InfoNCE(), PLAN, examples, device="tpu")
    with pytest.raises(InputError, match="2 or more"):
        Trainer(small(), InfoNCE(), PLAN, vectors(1))


def test_bfloat16_towers_train(examples: Examples) -> None:
    model, held = small(), vectors(seed=1)
    before = rsum(model, held)
    plan = Plan(epochs=15, batch=16, rate=1e-2, precision="bfloat16")
    assert Trainer(model, DirectionalRank(), plan, examples, held).fit().rsum > before + 100
    assert all(value.dtype == torch.float32 for value in model.state_dict().values())


def test_a_loss_that_explodes_is_said_so(examples: Examples) -> None:
    model = small()
    with torch.no_grad():
        model.image_head.weight.fill_(float("nan"))
    with pytest.raises(ModelError, match="the loss became nan"):
        Trainer(model, InfoNCE(), PLAN, examples).fit()


def test_the_average_follows_its_formula() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = Average(model, 0.5)
    expected = float(model.weight.detach())
    for step in range(1, 6):
        with torch.no_grad():
            model.weight.fill_(float(step))
        average.update(model)
        keep = min(0.5, (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep) * step
        assert float(average.model.weight.detach()) == pytest.approx(expected, rel=1e-6)


def test_embeddings_come_in_order_whatever_the_chunk(examples: Examples) -> None:
    model = small()
    one, other = encode(model, examples, size=7), encode(model, examples, size=1000)
    assert np.allclose(one[0], other[0], atol=1e-6)
    assert np.allclose(one[1], other[1], atol=1e-6)
    assert model.training


def test_plans_are_checked_and_the_rate_rises_and_falls() -> None:
    for wrong in ({"epochs": 0}, {"rate": float("nan")}, {"warmup": 2}, {"precision": "int8"}, {"layer_decay": 0}):
        with pytest.raises(InputError):
            Plan(**wrong)
    rates = [Plan(rate=1.0, warmup=0.2).rate_at(step, 50) for step in range(50)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[9] == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.01
