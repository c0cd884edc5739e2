"""Training of one projector: symmetric InfoNCE (Oord et al. 2018, arXiv:1807.03748; Radford et al. 2021,
arXiv:2103.00020) with softened targets: pictures whose captions mean nearly the same are not pushed apart
as hard (Andonian et al. 2022, arXiv:2204.04588). Weights are averaged over steps. Everything follows from
the seed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from .measure import Recall, recall
from .projector import Projector


class Splits:
    """Texts of pictures that belong to splits."""

    owner: np.ndarray
    split: np.ndarray

    def __post_init__(self) -> None:
        self.first = np.searchsorted(self.owner, np.arange(len(self.split) + 1))

    def rows(self, split: str) -> np.ndarray:
        return np.flatnonzero(self.split == split)

    def of(self, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pictures of a split, their texts, and each text's position among those pictures."""
        rows = self.rows(split)
        texts = np.flatnonzero(np.isin(self.owner, rows))
        return rows, texts, np.searchsorted(rows, self.owner[texts])


@dataclass
class Inputs(Splits):
    """What projectors read of one data set; text j belongs to picture `owner[j]`, texts of a picture lie together."""

    images: Tensor
    mirrored: Tensor | None
    texts: Tensor
    sentence: Tensor
    owner: np.ndarray
    split: np.ndarray


@dataclass(frozen=True)
class Plan:
    """Settings of training, chosen on the held-out photos."""

    epochs: int = 40
    batch: int = 384
    rate: float = 1e-3
    decay: float = 0.1
    dropouts: tuple[float, float] = (0.2, 0.5)
    soften: float = 0.2
    average: float = 0.99
    others: float = 0.15  # pictures of other data sets per photo


def contrast(images: Tensor, texts: Tensor, sentence: Tensor, scale: Tensor, soften: float) -> Tensor:
    """Symmetric cross-entropy against targets that give `soften` of their mass to texts of like meaning."""
    score = images @ texts.T * scale.exp().clamp(max=100)
    like = (sentence @ sentence.T / 0.1).softmax(1)
    target = (1 - soften) * torch.eye(len(score)) + soften * like
    down, across = -(F.log_softmax(score, 1) * target).sum(1), -(F.log_softmax(score.T, 1) * target).sum(1)
    return (down.mean() + across.mean()) / 2


def _standard(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(0), x.std(0).clamp(min=1e-3)


def embed(projector: Projector, inputs: Inputs, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, texts, owner = inputs.of(split)
    projector.eval()
    with torch.inference_mode():
        return (
            projector.image(inputs.images[rows]).numpy(),
            projector.text(inputs.texts[texts]).numpy(),
            owner,
        )


def held_out(projector: Projector, photos: Inputs) -> Recall:
    return recall(*embed(projector, photos, "held"))


def train(sources: list[Inputs], plan: Plan, seed: int, save: Path) -> Projector:
    """Train on the photos and the other data sets; a finished projector is read back from `save`."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    photos = sources[0]
    rows, texts, _ = photos.of("train")
    projector = Projector(_standard(photos.images[rows]), _standard(photos.texts[texts]))
    if save.exists():
        projector.load_state_dict(load_file(save))
        return projector
    projector.image.dropouts = projector.text.dropouts = plan.dropouts
    optimizer = torch.optim.AdamW(projector.parameters(), lr=plan.rate, weight_decay=plan.decay)
    steps = plan.epochs * (len(rows) // plan.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.rate, total_steps=steps, pct_start=0.1)
    average = {k: v.clone() for k, v in projector.state_dict().items()}
    start, step = time.time(), 0
    for epoch in range(plan.epochs):
        order = rng.permutation(rows)
        for at in range(0, len(order) - plan.batch + 1, plan.batch):
            projector.train()
            loss = _loss(projector, sources, order[at : at + plan.batch], plan, rng)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            step += 1
            keep = min(plan.average, step / (step + 10))
            for name, value in projector.state_dict().items():
                average[name].lerp_(value, 1 - keep)
        if (epoch + 1) % 5 == 0:
            left = (time.time() - start) / (epoch + 1) * (plan.epochs - epoch - 1)
            print(
                f"seed {seed}: epoch {epoch + 1}/{plan.epochs}, loss {loss.item():.3f}, {left:.0f} s left",
                flush=True,
            )
    projector.load_state_dict(average)
    print(f"seed {seed}: held out {held_out(projector, photos)}", flush=True)
    save.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in projector.state_dict().items()}, save)
    return projector


def _loss(
    projector: Projector, sources: list[Inputs], rows: np.ndarray, plan: Plan, rng: np.random.Generator
) -> Tensor:
    parts = [(sources[0], rows)]
    for other in sources[1:]:
        many = int(len(rows) * plan.others / max(1, len(sources) - 1))
        if many:
            parts.append((other, rng.choice(other.rows("train"), many, replace=False)))
    images, texts, sentence = [], [], []
    for source, chosen in parts:
        mirror = source.mirrored is not None and rng.random() < 0.5
        images.append((source.mirrored if mirror and source.mirrored is not None else source.images)[chosen])
        many = source.first[chosen + 1] - source.first[chosen]
        text = source.first[chosen] + (rng.random(len(chosen)) * many).astype(int)
        texts.append(source.texts[text])
        sentence.append(source.sentence[text])
    return contrast(
        projector.image(torch.cat(images)),
        projector.text(torch.cat(texts)),
        torch.cat(sentence),
        projector.scale,
        plan.soften,
    )
