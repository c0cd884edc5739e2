"""Training of the heads with FILIP's loss (Yao et al. 2021, arXiv:2111.07783)."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.models.token_head import TokenHead
from openitr.objectives import Alike, Batch, Contrastive, MaxSim, Softmax

from .features import Photos, Words
from .heads import DIM, HIDDEN, REDUCED, Reduce, chosen


@dataclass(frozen=True)
class Plan:
    """Settings, chosen on the 500 photos set aside."""

    stages: tuple[int, int] = (10, 8)  # epochs with FILIP's loss alone, and with InfoNCE of the whole beside it
    batch: int = 192
    rate: float = 1e-3
    decay: float = 0.1
    dropouts: tuple[float, float] = (0.2, 0.3)
    soften: float = 0.2
    tau: float = 0.05
    places: int = 12  # of the 25, drawn for each step
    average: float = 0.99
    seed: int = 1

    @property
    def key(self) -> str:
        """A short name of these settings."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]


@dataclass
class Split:
    """Pictures of one split with their texts; text j belongs to picture owner[j].

    `patches` (n, 25, REDUCED), `pictures` (n, 1880), `texts` (m, 1152), `words` a list of (l, 768): those that go into
    a text's bag; `dense` (n, d) and (m, d) of the default model.
    """

    patches: Tensor
    pictures: Tensor
    words: list[Tensor]
    texts: Tensor
    owner: np.ndarray
    dense: tuple[Tensor, Tensor]

    def padded(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """(n, L, 768) states and the (n, L) mask of those that are there."""
        words = nn.utils.rnn.pad_sequence([self.words[row] for row in rows], batch_first=True)
        lengths = torch.tensor([len(self.words[row]) for row in rows])
        return words.float(), torch.arange(words.shape[1])[None] < lengths[:, None]


class Late(nn.Module):
    """Both heads."""

    def __init__(self, image: TokenHead, text: TokenHead) -> None:
        super().__init__()
        self.image, self.text = image, text


def late(split: Split, plan: Plan, dim: int = DIM) -> Late:
    """Fresh heads, their features standardised on a split."""
    torch.manual_seed(plan.seed)
    model = Late(
        TokenHead(REDUCED, 1880, dim=dim, hidden=HIDDEN, dropout=plan.dropouts[0]),
        TokenHead(768, 1152, dim=dim, hidden=HIDDEN, dropout=plan.dropouts[1]),
    )
    model.image.fit(split.patches.flatten(0, 1).float(), split.pictures.float())
    model.text.fit(torch.cat(split.words[:5000]).float(), split.texts.float())
    return model


def batch_of(model: Late, split: Split, rows: np.ndarray, texts: np.ndarray, places: Tensor | None = None) -> Batch:
    """Pictures and one text each through the model; of the patches only `places`, where given."""
    pictures, said = split.pictures[rows].float(), split.texts[texts].float()
    words, mask = split.padded(texts)
    patches = split.patches[rows]
    patches = (patches if places is None else patches[:, places]).float()
    there = torch.ones(patches.shape[:2], dtype=torch.bool)
    image, image_mask = model.image(patches, there, pictures)
    text, text_mask = model.text(words, mask, said)
    return Batch(
        image[:, 0], text[:, 0], image_tokens=image, image_mask=image_mask, text_tokens=text, text_mask=text_mask
    )


def train(model: Late, split: Split, plan: Plan, say: str, kept: Path) -> None:
    """Train on a split, from the last finished epoch that `kept` holds; the weights are averaged over steps.

    Everything follows from the seed and the number of the epoch, so an interrupted run ends as any other.
    """
    objective = Contrastive(similarity=MaxSim(), targets=Alike(plan.soften, 0.1), form=Softmax(plan.tau))
    whole = Contrastive(targets=objective.targets, form=Softmax(plan.tau))
    parameters = [*model.parameters(), *objective.parameters(), *whole.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=plan.rate, weight_decay=plan.decay)
    first = np.searchsorted(split.owner, np.arange(len(split.pictures) + 1))
    each = len(split.pictures) // plan.batch
    average = {name: value.clone() for name, value in model.state_dict().items()}
    sentence = F.normalize(split.texts[:, :384].float(), dim=1)
    modules = {"model": model, "objective": objective, "whole": whole}
    begun = _resume(kept, modules, optimizer, average)
    start, many = time.time(), sum(plan.stages)
    for epoch in range(begun, many):
        second = epoch >= plan.stages[0]
        rng = np.random.default_rng([plan.seed, epoch])
        torch.manual_seed(1000 * plan.seed + epoch)
        model.train()
        order = rng.permutation(len(split.pictures))
        for step, at in enumerate(range(0, len(order) - plan.batch + 1, plan.batch), epoch * each):
            rows = order[at : at + plan.batch]
            texts = first[rows] + (rng.random(len(rows)) * (first[rows + 1] - first[rows])).astype(int)
            done = (step / each - second * plan.stages[0]) / plan.stages[second]
            optimizer.param_groups[0]["lr"] = plan.rate * min(1.0, 10 * done + 0.05) * (1 - done) ** 0.5
            batch = batch_of(model, split, rows, texts, torch.randperm(25)[: plan.places])
            loss = _softened(objective, batch, sentence[texts])
            if second:
                loss = loss + _softened(whole, batch, sentence[texts])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            keep = min(plan.average, (step + 1) / (step + 11))
            for name, value in model.state_dict().items():
                average[name].lerp_(value, 1 - keep)
        _checkpoint(kept, epoch + 1, modules, optimizer, average)
        print(f"{say}: epoch {epoch + 1}/{many}, loss {loss.item():.3f}, {time.time() - start:.0f} s", flush=True)
    model.load_state_dict(average)
    model.eval()


def _checkpoint(
    kept: Path, epoch: int, modules: dict[str, nn.Module], optimizer: Any, average: dict[str, Tensor]
) -> None:
    parts = {name: module.state_dict() for name, module in modules.items()} | {"average": average}
    found = {f"{part}|{name}": value for part, state in parts.items() for name, value in state.items()}
    for place, state in optimizer.state_dict()["state"].items():
        found |= {f"optimizer|{place}|{name}": value for name, value in state.items()}
    found = {name: value.detach().clone().contiguous() for name, value in found.items()}
    part = kept.with_suffix(".part")
    save_file({**found, "epoch": torch.tensor(epoch)}, part)
    part.replace(kept)


def _resume(kept: Path, modules: dict[str, nn.Module], optimizer: Any, average: dict[str, Tensor]) -> int:
    if not kept.exists():
        return 0
    found = load_file(kept)
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in found.items():
        part, _, rest = name.partition("|")
        parts.setdefault(part, {})[rest] = value
    for name, module in modules.items():
        if name in parts:
            module.load_state_dict(parts[name])
    average.update(parts["average"])
    state = optimizer.state_dict()
    for name, value in parts.get("optimizer", {}).items():
        place, _, what = name.partition("|")
        state["state"].setdefault(int(place), {})[what] = value
    optimizer.load_state_dict(state)
    return int(found["epoch"])


def _softened(objective: Contrastive, batch: Batch, sentence: Tensor) -> Tensor:
    """The objective, with likeness of texts taken from the frozen sentence vectors rather than from the model."""
    targets = objective.targets
    wanted = targets(Batch(sentence, sentence), torch.zeros(len(sentence), len(sentence)))
    from_image, from_text = objective.similarity(batch)
    there = torch.ones_like(wanted, dtype=torch.bool)
    losses = [
        objective.form(scores, goal, there)[0].mean() for scores, goal in ((from_image, wanted), (from_text, wanted.T))
    ]
    return (losses[0] + losses[1]) / 2


def splits(
    photos: Photos,
    words: Words,
    dense: tuple[np.ndarray, np.ndarray],
    counts: Tensor,
    names: np.ndarray,
    many: np.ndarray,
) -> tuple[dict[str, Split], Reduce]:
    """Features cut by split, patches reduced by what is learned from 1,500 pictures of train."""
    reduce = Reduce()
    rows = np.sort(np.random.default_rng(0).permutation(np.flatnonzero(names == "train"))[:1500])
    reduce.fit(_floats(photos.patches, rows).flatten(0, 1))
    owner = np.repeat(np.arange(len(names)), many)
    found = {}
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        texts = np.flatnonzero(np.isin(owner, rows))
        spans = [slice(words.starts[i], words.starts[i + 1]) for i in texts]
        ids = [torch.from_numpy(words.ids[span])[None] for span in spans]
        inside = [chosen(one, torch.ones_like(one, dtype=torch.bool), counts)[0] for one in ids]
        with torch.inference_mode():
            parts = np.array_split(rows, max(1, len(rows) // 256))
            reduced = torch.cat([reduce(_floats(photos.patches, part)).half() for part in parts])
        found[str(name)] = Split(
            reduced,
            torch.from_numpy(photos.summary[rows]),
            [torch.from_numpy(words.states[span])[there] for span, there in zip(spans, inside, strict=True)],
            torch.from_numpy(words.summary[texts]),
            np.searchsorted(rows, owner[texts]),
            (torch.from_numpy(dense[0][rows]), torch.from_numpy(dense[1][texts])),
        )
    return found, reduce


def _floats(stored: np.ndarray, rows: np.ndarray) -> Tensor:
    return torch.from_numpy(stored[rows].astype(np.float32))
