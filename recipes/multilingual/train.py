"""Training: captions against pictures and towards the English of the same photo, names towards English names."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .bag import Bag, Words, flat
from .inputs import Inputs


@dataclass(frozen=True)
class Plan:
    """Every setting of the training; chosen on the photos set aside."""

    epochs: int = 8
    batch: int = 320
    names: int = 160  # a step, beside the captions
    spans: int = 128  # a step: one to three words of a caption, which only teach what English looks like
    spelled: int = 64  # a step: single English words, for the same
    rate: float = 3e-3
    table_rate: float = 9e-3
    decay: float = 0.02
    dropout: float = 0.2
    keep: float = 0.85  # of a text's pieces
    scale: float = 20.0
    towards: float = 10.0  # weight of the cosine to the teacher
    teacher: float = 0.5  # of what a caption should say of the batch's pictures
    english: float = 0.3


def contrast(vectors: Tensor, pictures: Tensor, teacher: Tensor, rows: Tensor, plan: Plan) -> Tensor:
    """InfoNCE over the batch's pictures, half of the target being the teacher's view; a photo is no rival of itself."""
    own = torch.eye(len(rows), dtype=torch.bool)
    twice = (rows[:, None] == rows[None]) & ~own
    scores = (plan.scale * vectors @ pictures.T).masked_fill(twice, -1e4)
    view = (plan.scale * teacher @ pictures.T).masked_fill(twice, -1e4).softmax(1)
    target = plan.teacher * view + (1 - plan.teacher) * own.float()
    return -(target * scores.log_softmax(1)).sum(1).mean()


def _spans(texts: list[Words], rng: np.random.Generator) -> list[Words]:
    out = []
    for words in texts:
        many = min(len(words), int(rng.integers(1, 4)))
        start = int(rng.integers(0, len(words) - many + 1))
        out.append(words[start : start + many])
    return out


def train(bag: Bag, given: Inputs, plan: Plan, state: Path, seed: int = 0, until: float = float("inf")) -> bool:
    """Train, or go on with what the file `state` holds, which is written after every epoch.

    No epoch begins after the time `until`; returns whether all of them are done.
    """
    own = [p for name, p in bag.named_parameters() if not name.startswith("table")]
    groups = [{"params": list(bag.table.parameters()), "weight_decay": 0.0}, {"params": own}]
    # Fused, a step costs 10 ms instead of 130: the table has millions of numbers.
    optimizer = torch.optim.AdamW(groups, lr=plan.rate, weight_decay=plan.decay, fused=True)
    steps = len(given.captions.words) // plan.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [plan.table_rate, plan.rate], total_steps=plan.epochs * steps + 1, pct_start=0.1
    )
    begin = 0
    if state.exists():
        kept = torch.load(state, weights_only=True)
        bag.load_state_dict(kept["bag"])
        optimizer.load_state_dict(kept["optimizer"])
        schedule.load_state_dict(kept["schedule"])
        begin = int(kept["epoch"])
    for epoch in range(begin, plan.epochs):
        start, rng = time.time(), np.random.default_rng([seed, epoch])
        if start > until:
            return False
        torch.manual_seed(1000 * seed + epoch)
        order = rng.permutation(len(given.captions.words))
        total = 0.0
        for step in range(steps):
            loss = _loss(bag, given, order[step * plan.batch :][: plan.batch], plan, rng)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}/{plan.epochs}: loss {total / steps:.3f}, {time.time() - start:.0f} s", flush=True)
        kept = {"bag": bag.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
        torch.save({**kept, "epoch": epoch + 1}, state.with_suffix(".part"))
        state.with_suffix(".part").rename(state)
    return True


def _loss(bag: Bag, given: Inputs, which: np.ndarray, plan: Plan, rng: np.random.Generator) -> Tensor:
    bag.train()
    captions, names = given.captions, given.names
    asked = rng.integers(0, len(names.words), plan.names)
    spans = rng.integers(0, len(captions.words), plan.spans)
    single = [given.spelled[i] for i in rng.integers(0, len(given.spelled), plan.spelled)]
    texts = [*captions.some(which), *names.some(asked), *_spans(captions.some(spans), rng), *single]
    summed = bag.summed(*flat(texts, plan.keep, rng))
    vectors = bag.vector(summed[: plan.batch + plan.names], plan.dropout)
    rows = torch.from_numpy(captions.row[which])
    target = torch.cat([given.teacher[rows], given.named[torch.from_numpy(names.row[asked])]])
    towards = 1 - (vectors * target).sum(1).mean()
    seen = contrast(vectors[: plan.batch], given.pictures[rows], given.teacher[rows], rows, plan)
    english = np.concatenate(
        [captions.english[which], names.english[asked], captions.english[spans], np.ones(plan.spelled)]
    )
    labelled = F.binary_cross_entropy_with_logits(bag.english(summed)[:, 0], torch.from_numpy(english).float())
    return plan.towards * towards + seen + plan.english * labelled
