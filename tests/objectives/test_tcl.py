"""Triple contrastive learning: against double loops, without its additions, and its queues."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from openitr.errors import ShapeError
from openitr.objectives import TCL, Batch, InfoNCE
from openitr.objectives.contract import DIM, check, draw
from tests.objectives.loops import log_softmax, mean


def plain(x: Tensor) -> list[list[float]]:
    return x.detach().double().tolist()


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def loops(
    objective: TCL, batch: Batch, image_queue: list[list[float]], text_queue: list[list[float]]
) -> dict[str, float]:
    """The six terms, one number at a time; patches as they are (four of them are a grid of two)."""
    scale, share = math.exp(float(objective.log_scale.detach())), objective.share
    v, t, sv, st = (plain(x) for x in (batch.images, batch.texts, batch.slow.images, batch.slow.texts))
    all_v, all_t = sv + image_queue, st + text_queue
    found = {}
    for name, asking, slow, gallery in (("cma_i2t", v, sv, all_t), ("cma_t2i", t, st, all_v)):
        losses = []
        for i, (a, b) in enumerate(zip(asking, slow, strict=True)):
            logp = log_softmax([scale * dot(a, g) for g in gallery])
            seen = [math.exp(x) for x in log_softmax([scale * dot(b, g) for g in gallery])]
            losses.append(
                -sum((share * s + (1 - share) * (j == i)) * x for j, (s, x) in enumerate(zip(seen, logp, strict=True)))
            )
        found[name] = mean(losses)
    for name, asking, gallery in (("imc_image", v, all_v), ("imc_text", t, all_t)):
        found[name] = mean([-log_softmax([scale * dot(a, g) for g in gallery])[i] for i, a in enumerate(asking)])
    for name, asking, tokens, mask in (
        ("lmi_image", v, batch.slow.image_tokens, batch.slow.image_mask),
        ("lmi_text", t, batch.slow.text_tokens, batch.slow.text_mask),
    ):
        parts = [
            [p for p, m in zip(plain(x), row.tolist(), strict=True) if m] for x, row in zip(tokens, mask, strict=True)
        ]
        losses = []
        for i, a in enumerate(asking):
            others = sum(math.exp(scale * dot(a, p)) for j, own in enumerate(parts) if j != i for p in own)
            for p in parts[i]:
                e = math.exp(scale * dot(a, p))
                losses.append(-math.log(e / (e + others)))
        found[name] = mean(losses)
    return found


ORACLES = {TCL: lambda o, b: mean(list(loops(o, b, [], []).values()))}


def filled() -> tuple[TCL, Batch]:
    """An objective that has seen three batches of four, with room for ten."""
    objective = TCL(DIM, queue=10).double()
    for seed in (31, 32, 33):
        objective.update(draw(4, seed=seed))
    return objective, draw(4, seed=34)


def test_each_term_with_a_queue_is_its_loop() -> None:
    objective, batch = filled()
    expected = loops(objective, batch, plain(objective.image_queue), plain(objective.text_queue))
    got = objective.parts(batch)
    assert expected.keys() == got.keys()
    for name, value in got.items():
        assert value.item() == pytest.approx(expected[name], rel=1e-9), name
    check(objective)


def test_the_queue_keeps_the_last_and_drops_the_oldest() -> None:
    objective, _ = filled()
    slow = [draw(4, seed=seed).slow.images for seed in (31, 32, 33)]
    assert int(objective.seen) == 12
    assert torch.equal(objective.image_queue[2:8], torch.cat([slow[0][2:], slow[1]]))
    assert torch.equal(objective.image_queue[8:], slow[2][:2])
    assert torch.equal(objective.image_queue[:2], slow[2][2:])


def test_alone_the_cross_modal_terms_are_info_nce() -> None:
    """No queue, no shared targets, the slow model equal to the model."""
    batch = draw(5, seed=1)
    same = replace(batch, slow=replace(batch.slow, images=batch.images, texts=batch.texts))
    parts = TCL(DIM, queue=0, share=0.0).double().parts(same)
    assert (parts["cma_i2t"] + parts["cma_t2i"]).item() / 2 == pytest.approx(InfoNCE().double()(batch).item(), rel=1e-6)


def test_another_width_is_refused() -> None:
    with pytest.raises(ShapeError, match="width 6 meet a queue of width 8"):
        TCL(8)(draw(2, seed=1))


def test_padding_is_ignored() -> None:
    batch, objective = draw(4, seed=2), TCL(DIM).double()
    tokens = torch.where(
        batch.slow.text_mask[:, :, None], batch.slow.text_tokens, torch.full((), 7.0, dtype=torch.float64)
    )
    other = replace(batch, slow=replace(batch.slow, text_tokens=tokens))
    assert objective(other).item() == objective(batch).item()


def test_patches_are_averaged_to_the_grid() -> None:
    """Sixteen patches to four regions, each the mean of its real patches, of length one."""
    torch.manual_seed(0)
    patches = F.normalize(torch.randn(2, 16, DIM), dim=-1)
    mask = torch.ones(2, 16, dtype=torch.bool)
    mask[0, [0, 1, 4, 5, 2]] = False
    v = F.normalize(torch.randn(2, DIM), dim=-1)
    regions, there = TCL(DIM, grid=2)._coarse(Batch(v, v, image_tokens=patches, image_mask=mask))
    assert there.tolist() == [[False, True, True, True], [True] * 4]
    expected = F.normalize(patches[0, [3, 6, 7]].mean(0), dim=0)
    assert torch.allclose(regions[0, 1], expected, atol=1e-6)


def test_it_trains_with_the_trainer_and_its_queue_resumes(tmp_path: object) -> None:
    from openitr.train import Plan, Trainer
    from tests.train.conftest import small, vectors

    examples, plan = vectors(texts=1), Plan(epochs=2, batch=16, average=0.9)
    whole = Trainer(small(), TCL(12, queue=40), plan, examples)
    whole.fit()
    Trainer(small(), TCL(12, queue=40), plan, examples).fit(tmp_path, every=1, until=4)
    again = Trainer(small(), TCL(12, queue=40), plan, examples)
    again.fit(tmp_path, resume=True)
    assert torch.equal(whole.objective.image_queue, again.objective.image_queue)
    assert int(again.objective.seen) == 6 * 16
    assert all(torch.equal(x, y) for x, y in zip(whole.model.parameters(), again.model.parameters(), strict=True))
