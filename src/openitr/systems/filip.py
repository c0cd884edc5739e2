# mypy: disallow-subclassing-any=False
"""Token-wise late interaction: words that find their patches, and search that does not look at everything."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from openitr.embeddings import Ints, TokenEmbeddings
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.types import ImageArray

if TYPE_CHECKING:
    from torch import Tensor, nn

SIDE, CELL, OBJECTS, STAMPS = 3, 24, 3, 40  # cells of a canvas, pixels of a cell, stamps on it, stamps there are
TRAIN, HELD, EPOCHS, BATCH = 1200, 300, 4, 100
PHOTOS, QUERIES, CANDIDATES = 2000, 300, 200


def experiment(budget: Budget) -> Outcome:
    """Three stamps on a canvas, asked for by their names; and the shipped late model over 2,000 photos."""
    from openitr.systems.frozen_tokens import tokens
    from openitr.systems.stamps import stamps

    drawn = stamps(budget, CELL)
    rng = np.random.default_rng(budget.seed)
    short = [row for row in range(len(drawn)) if len(drawn.names[row].split()) <= 2]
    chosen = rng.permutation(short)[:STAMPS]
    things = [drawn.pictures[row] for row in chosen]
    names = [drawn.names[row].lower().strip("“”. ").removeprefix("a ").removeprefix("an ") for row in chosen]
    learned, held = canvases(things, TRAIN, rng), canvases(things, HELD, rng)
    found = {late: trained(learned, held, names, late, budget.seed) for late in (True, False)}
    hits, cells = located(found[True], held, names)
    late, pooled = (recall_at_1(found[kind], held, names, kind) for kind in (True, False))
    photos = tokens(budget, "flickr8k", limit=PHOTOS, texts=1)
    two_stage, rounded, blind = kept(photos.images, photos.texts[:QUERIES], budget.seed)
    return Outcome(
        [
            Check(
                "a word's best patch lies in the cell of its stamp at least twice as often as by chance",
                {"words in the right cell": round(hits, 3), "chance": round(1 / cells, 3)},
                hits >= 2 / cells,
            ),
            Check(
                "text-to-picture R@1 is above that of the same towers with pooled vectors",
                {"R@1, tokens": round(late, 2), "R@1, pooled": round(pooled, 2)},
                late > pooled,
            ),
            Check(
                f"two-stage search, a few pooled vectors first and all tokens of {CANDIDATES} candidates after, keeps "
                "at least 98 % of the exact ten best",
                {"kept": round(two_stage, 4), "kept by random candidates": round(blind, 3)},
                two_stage >= 0.98 and blind < 0.2,
            ),
            Check(
                "and so does the index that stores tokens once, rounded to 8 bits a dimension (reported)",
                {"kept, rounded tokens": round(rounded, 4)},
                rounded >= 0.98,
                counts=False,
            ),
        ],
        f"{STAMPS} Tux Paint stamps, {OBJECTS} at a time on {SIDE} x {SIDE} cells: {TRAIN} canvases to learn from, "
        f"{HELD} held out; Flickr8k: {len(photos.images)} photos, {QUERIES} captions",
        [
            "The stamps are those of training, their combinations and places are new.",
            "The second stage is exact late interaction, of tokens as they came. A collection's own index keeps "
            "rounded tokens alone, in less room, and loses neighbours that lie closer than rounding.",
        ],
    )


@dataclass(frozen=True, eq=False)
class Canvases:
    """Pictures with several things on them.

    Args:
        pictures: (n, 3, h, w) float32 in [-1, 1].
        things: (n, OBJECTS) which thing.
        cells: (n, OBJECTS) where, row by row.
    """

    pictures: Tensor
    things: Ints
    cells: Ints


def canvases(things: Sequence[ImageArray], many: int, rng: np.random.Generator) -> Canvases:
    """Different things in different cells of grey canvases."""
    import torch

    picked = np.stack([rng.permutation(len(things))[:OBJECTS] for _ in range(many)])
    cells = np.stack([rng.permutation(SIDE * SIDE)[:OBJECTS] for _ in range(many)])
    found = np.full((many, SIDE * CELL, SIDE * CELL, 3), 128, np.uint8)
    for n in range(many):
        for thing, cell in zip(picked[n], cells[n], strict=True):
            top, left = CELL * (cell // SIDE), CELL * (cell % SIDE)
            found[n, top : top + CELL, left : left + CELL] = things[thing]
    pictures = torch.from_numpy(found).permute(0, 3, 1, 2).float() / 127.5 - 1
    return Canvases(pictures, picked, cells)


def words_of(names: Sequence[str], things: Ints) -> tuple[Tensor, Tensor]:
    """(n, L) ids of the words of the named things, 0 for padding, and which thing each word names (-1: none)."""
    import torch

    vocabulary = {word: row for row, word in enumerate(sorted({w for name in names for w in name.split()}), 1)}
    rows = [[(vocabulary[w], at) for at, thing in enumerate(row) for w in names[thing].split()] for row in things]
    longest = max(len(row) for row in rows)
    ids, owner = np.zeros((len(rows), longest), np.int64), np.full((len(rows), longest), -1)
    for n, row in enumerate(rows):
        ids[n, : len(row)], owner[n, : len(row)] = zip(*row, strict=True)
    return torch.from_numpy(ids), torch.from_numpy(owner)


def trained(learned: Canvases, held: Canvases, names: Sequence[str], late: bool, seed: int) -> nn.Module:
    """Two small towers trained with FILIP's loss, or with InfoNCE on their pooled states; the same parameters."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    from openitr.models import ConvNet, masked_mean
    from openitr.objectives import Batch, Contrastive, Dot, MaxSim, Softmax

    class Towers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.eye = ConvNet(SIDE * CELL, patch=3, widths=(32, 64, 96), depth=1)
            self.words = nn.Embedding(200, 96)
            self.image, self.text = nn.Linear(96, 64), nn.Linear(96, 64)

        def forward(self, pictures: Tensor, ids: Tensor) -> Batch:
            patches, words, mask = self.image(self.eye(pictures).tokens), self.text(self.words(ids)), ids > 0
            there = torch.ones(patches.shape[:2], dtype=torch.bool)
            return Batch(
                F.normalize(patches.mean(1), dim=1),
                F.normalize(masked_mean(words, mask), dim=1),
                image_tokens=F.normalize(patches, dim=2),
                image_mask=there,
                text_tokens=F.normalize(words, dim=2),
                text_mask=mask,
            )

    torch.manual_seed(seed)
    model, ids = Towers(), words_of(names, learned.things)[0]
    objective = Contrastive(similarity=MaxSim() if late else Dot(), form=Softmax(0.07))
    steps = EPOCHS * (len(ids) // BATCH)
    optimizer = torch.optim.AdamW([*model.parameters(), *objective.parameters()], lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(ids)).split(BATCH):
            loss = objective(model(learned.pictures[rows], ids[rows]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def located(model: nn.Module, held: Canvases, names: Sequence[str]) -> tuple[float, int]:
    """Share of things whose words, together, point into the right cell; and how many cells there are."""
    import torch

    ids, owner = words_of(names, held.things)
    with torch.inference_mode():
        batch: Any = model(held.pictures, ids)
        maps = torch.einsum("nld,npd->nlp", batch.text_tokens, batch.image_tokens)
    side = round(maps.shape[2] ** 0.5)
    right = []
    for thing in range(OBJECTS):
        best = (maps * (owner == thing).unsqueeze(2)).sum(1).argmax(1).numpy()
        cell = (best // side) * SIDE // side * SIDE + (best % side) * SIDE // side
        right.append(cell == held.cells[:, thing])
    return float(np.mean(right)), SIDE * SIDE


def recall_at_1(model: nn.Module, held: Canvases, names: Sequence[str], late: bool) -> float:
    """Share of texts, in percent, whose own canvas scores above all others, by tokens or by pooled vectors."""
    import torch

    from openitr.objectives import Dot, MaxSim

    ids, _ = words_of(names, held.things)
    with torch.inference_mode():
        scores = (MaxSim() if late else Dot())(model(held.pictures, ids))[1]
    own = scores.diagonal().unsqueeze(1)
    return float(((scores >= own).sum(1) == 1).float().mean() * 100)


def kept(images: TokenEmbeddings, queries: TokenEmbeddings, seed: int, k: int = 10) -> tuple[float, float, float]:
    """Share of the exact k best that search in two stages returns, that an index of rounded tokens returns, and that
    random candidates would hold."""
    from openitr.index import PooledPrefetch, TokenIndex

    scores = queries.score(images)
    exact = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    rng = np.random.default_rng(seed)
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        for index in (
            # Twice as many as are asked for are scored with all their tokens.
            PooledPrefetch(Path(folder, "pooled"), images.dim, prefetch=CANDIDATES // 2),
            TokenIndex(Path(folder, "rounded"), images.dim, bits=8, probes=64, rescored=CANDIDATES),
        ):
            index.add(np.arange(len(images)), images)
            index.flush()
            answers.append([ranking.ids for ranking in index.search(queries, k)])
            index.close()
    answers.append([rng.permutation(len(images))[:CANDIDATES] for _ in exact])
    two_stage, rounded, blind = (
        float(np.mean([len(set(a) & set(b)) / k for a, b in zip(exact, found, strict=True)])) for found in answers
    )
    return two_stage, rounded, blind


CARD = Card(
    slug="filip",
    title="FILIP: Fine-grained Interactive Language-Image Pre-Training",
    year=2021,
    family="late interaction",
    claim="Comparing each word with its best patch retrieves better than one vector a side, and shows what matched.",
    parts=(
        "openitr.objectives.MaxSim",
        "openitr.index.PooledPrefetch",
        "openitr.index.TokenIndex",
        "openitr.encoders.late.LateEncoder",
        "openitr.embeddings.TokenEmbeddings",
    ),
    experiment=experiment,
)
