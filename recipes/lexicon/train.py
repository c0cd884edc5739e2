"""Training of the two heads: they learn to score as the default model does, in words.

Each head reads a vector of the default model and begins as a sparse code of it: a word's column is the mean vector of
the captions that hold it, all of it half whitened. From there on softmaxes of word scores over a batch follow those of
the default model, captions of their own pictures counting more (Hinton et al. 2015, arXiv:1503.02531); FLOPS on
normalised weights and the pruning to the heaviest words come in by and by, so that words first find their place.
Resumable: a killed run goes on at its last finished epoch.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.models import LexiconHead, term_weights
from openitr.objectives import flops, naming
from recipes.default_model.measure import Recall, recall

from .sources import Source, class_hints, dense


@dataclass(frozen=True)
class Plan:
    """Settings of training, chosen on the held-out photos."""

    epochs: int = 24
    batch: int = 512
    rate: float = 2e-3
    quick: float = 5.0  # biases and trusts, which must move by units, learn so many times as fast
    decay: float = 0.01
    dropouts: tuple[float, float] = (0.0, 0.0)
    hidden: int = 256
    width: int = 384
    tau: float = 0.03  # of the default model's scores
    own: float = 0.3  # of a target that is the pair's alone; the rest is the default model's
    flops: float = 0.15
    naming: float = 0.05
    heaviest: tuple[int, int] = (96, 32)  # words kept of a picture and of a text, while training
    others: float = 0.15  # pictures of other data sets per photo
    average: float = 0.9
    seed: int = 1


class Heads(nn.Module):
    """Both heads, the words of the classes, and the scale of scores."""

    def __init__(self, photos: Source, learned: int, classes: Tensor, plan: Plan) -> None:
        super().__init__()
        rows, texts, _ = photos.of("train")
        present, count = photos.present[texts], photos.present.shape[1]
        seen, told = photos.images[rows].float(), photos.texts[texts].float()
        basis = half_whitened(torch.cat([seen - seen.mean(0), (told - told.mean(0))[::5]]), plan.width)
        atoms = (present[:, :learned].T @ (told - told.mean(0)).numpy()).astype(np.float32)
        atoms = F.normalize(torch.from_numpy(atoms), dim=1) @ basis
        sizes = {"hidden": plan.hidden, "hinted": count - learned, "dropouts": plan.dropouts}
        self.image, self.text = (LexiconHead(seen.shape[1], atoms, **sizes) for _ in range(2))
        self.scale = nn.Parameter(torch.tensor(3.0))
        self.register_buffer("classes", classes)
        with torch.no_grad():
            for head, features in ((self.image, seen), (self.text, told)):
                head.fit(features)
                head.past.weight.copy_((basis * head.std[:, None]).T)
                head.down.weight.zero_()
                head.down.bias.zero_()
                head.bias.fill_(-1.0)
            self.image.trust.fill_(1.0)
            # A text knows its own words, each by how rare it is; what it implies comes from its vector.
            self.text.trust.copy_((0.7 * rarity(photos).clamp(min=0.5)).log())

    def images(self, features: Tensor, logits: Tensor) -> Tensor:
        return self.image(features.float(), hints=class_hints(logits, self.classes, len(self.image.trust)))

    def texts(self, features: Tensor, present: Tensor) -> Tensor:
        return self.text(features.float(), hints=present)


def half_whitened(rows: Tensor, width: int) -> Tensor:
    """(d, width): principal directions of centred (n, d) rows, divided by the root of their deviation.

    A ridge of 0.3 mean deviations keeps the last of them from being all noise.
    """
    _, values, directions = torch.linalg.svd(rows, full_matrices=False)
    deviation = values[:width] / len(rows) ** 0.5
    return directions[:width].T / (deviation + 0.3 * deviation.mean()).sqrt()


def rarity(photos: Source) -> Tensor:
    """(V,) log of how many training captions there are per one that holds the word."""
    present = photos.present[photos.of("train")[1]]
    return torch.from_numpy(np.log((present.shape[0] + 1) / (np.asarray(present.sum(0)).ravel() + 1))).float()


def heaviest(weights: Tensor, count: int) -> Tensor:
    """The same with all but the `count` largest weights of a row set to 0."""
    return weights * (weights >= weights.topk(count, 1).values[:, -1:])


def loss_of(
    heads: Heads, parts: list[tuple[Source, np.ndarray]], plan: Plan, done: float, draw: np.random.Generator
) -> Tensor:
    """One batch: `done` is the share of training that lies behind."""
    images, texts, goals, bags = [], [], [], []
    for source, chosen in parts:
        mirror = source.mirrored is not None and draw.random() < 0.5
        pictures = source.mirrored if mirror and source.mirrored is not None else source.images
        logits = source.mirrored_logits if mirror and source.mirrored_logits is not None else source.logits
        many = source.first[chosen + 1] - source.first[chosen]
        text = source.first[chosen] + (draw.random(len(chosen)) * many).astype(int)
        images.append(heads.images(pictures[chosen], logits[chosen]))
        texts.append(heads.texts(source.texts[text], dense(source.present, text)))
        goals.append((pictures[chosen].float(), source.texts[text].float()))
        bags.append(dense(source.bags, chosen))
    seen, told, bag = torch.cat(images), torch.cat(texts), torch.cat(bags)
    goal = torch.cat([g[0] for g in goals]) @ torch.cat([g[1] for g in goals]).T / plan.tau
    weights = [term_weights(seen), term_weights(told)]
    if done > 0.3:
        weights = [heaviest(w, count) for w, count in zip(weights, plan.heaviest, strict=True)]
    one, other = (F.normalize(w, dim=1) for w in weights)
    score = one @ other.T * heads.scale.exp().clamp(max=100)
    learned = len(heads.image.words)
    price = plan.flops * min(1.0, 2 * done) ** 2
    return (
        (follow(score, goal, plan.own) + follow(score.T, goal.T, plan.own)) / 2
        + price * (flops(one) + flops(other))
        + plan.naming * (naming(seen[:, :learned], bag[:, :learned]) + naming(told[:, :learned], bag[:, :learned]))
    )


def follow(score: Tensor, goal: Tensor, own: float) -> Tensor:
    """Cross-entropy of (n, n) scores against the softmax of a goal, of which `own` is given to the diagonal."""
    target = (1 - own) * goal.softmax(1) + own * torch.eye(len(goal))
    return -(F.log_softmax(score, 1) * target).sum(1).mean()


def train(heads: Heads, sources: list[Source], plan: Plan, save: Path, seconds: float = math.inf) -> bool:
    """Train, from `save` on where it holds a part; false if `seconds` were over before the end."""
    photos, start = sources[0], time.time()
    rows = photos.rows("train")
    quick = [heads.scale, *(p for head in (heads.image, heads.text) for p in (head.bias, head.trust))]
    slow = [p for p in heads.parameters() if not any(p is q for q in quick)]
    optimizer = torch.optim.AdamW(
        [{"params": slow, "weight_decay": plan.decay}, {"params": quick, "weight_decay": 0.0}], lr=plan.rate
    )
    many = len(rows) // plan.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [plan.rate, plan.rate * plan.quick], total_steps=plan.epochs * many, pct_start=0.1
    )
    average = {k: v.clone() for k, v in heads.state_dict().items()}
    first = 0
    if save.exists():
        kept = torch.load(save, weights_only=True)
        first, average = kept["epochs"], kept["average"]
        heads.load_state_dict(kept["heads"])
        optimizer.load_state_dict(kept["optimizer"])
        schedule.load_state_dict(kept["schedule"])
    for epoch in range(first, plan.epochs):
        if time.time() - start > seconds:
            return False
        torch.manual_seed(1000 * plan.seed + epoch)
        draw = np.random.default_rng([plan.seed, epoch])
        order = draw.permutation(rows)
        heads.train()
        for step in range(many):
            parts = [(photos, order[step * plan.batch : (step + 1) * plan.batch])]
            for other in sources[1:]:
                count = int(plan.batch * plan.others / max(1, len(sources) - 1))
                parts.append((other, draw.choice(other.rows("train"), count, replace=False)))
            done = (epoch * many + step) / (plan.epochs * many)
            loss = loss_of(heads, parts, plan, done, draw)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            steps = epoch * many + step + 1
            for name, value in heads.state_dict().items():
                if value.is_floating_point():
                    average[name].lerp_(value, 1 - min(plan.average, steps / (steps + 10)))
        state = {"heads": heads.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
        part = save.with_suffix(".part")
        torch.save({**state, "average": average, "epochs": epoch + 1}, part)
        part.replace(save)
        if epoch % 4 == 3 or epoch + 1 == plan.epochs:
            each = (time.time() - start) / (epoch + 1 - first)
            print(f"epoch {epoch + 1}/{plan.epochs}, loss {loss.item():.3f}, {each:.1f} s an epoch", flush=True)
    heads.load_state_dict(average)
    return True


def described(plan: Plan) -> str:
    return ", ".join(f"{name} {value}" for name, value in asdict(plan).items())


def weigh(heads: Heads, source: Source, split: str) -> tuple[Tensor, Tensor, np.ndarray]:
    """Unpruned weights of the pictures and texts of a split, and each text's picture."""
    rows, texts, owner = source.of(split)
    heads.eval()
    with torch.inference_mode():
        seen = [term_weights(heads.images(source.images[r], source.logits[r])) for r in np.array_split(rows, 8)]
        told = [term_weights(heads.texts(source.texts[t], dense(source.present, t))) for t in np.array_split(texts, 16)]
    return torch.cat(seen), torch.cat(told), owner


def pruned(seen: Tensor, told: Tensor, owner: np.ndarray, images: int, texts: int) -> Recall:
    """Recall with so many words kept of a picture and of a text."""
    one, other = (F.normalize(heaviest(w, k), dim=1).numpy() for w, k in ((seen, images), (told, texts)))
    return recall(one, other, owner)


def named(seen: Tensor, source: Source, split: str, count: int = 10) -> float:
    """Share of a picture's heaviest words that stand in its captions, percent."""
    bags = dense(source.bags, source.rows(split))
    return float((bags.gather(1, seen.topk(count, 1).indices) > 0).float().mean() * 100)
