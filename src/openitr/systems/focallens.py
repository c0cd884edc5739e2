"""FocalLens: the same picture has other neighbours when another question is asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from openitr.embeddings import Floats, Ints
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.types import ImageArray

if TYPE_CHECKING:
    from torch import nn

    from openitr.models import ViT

SIDE, KINDS, WIDTH, TRAIN, HELD = 32, 20, 64, 2000, 400
COLOURS = {
    "red": (214, 40, 40),
    "green": (40, 160, 60),
    "blue": (40, 80, 210),
    "yellow": (235, 200, 30),
    "purple": (150, 50, 180),
    "orange": (245, 130, 20),
    "pink": (245, 130, 180),
    "brown": (140, 85, 40),
    "olive": (130, 135, 30),
    "teal": (20, 150, 150),
    "navy": (30, 40, 120),
    "crimson": (160, 20, 60),
}
PLACES = {
    f"{row} {column}": (x, y)
    for y, row in enumerate(("top", "middle", "bottom"))
    for x, column in enumerate(("left", "centre", "right"))
}
ASKED = {
    "category": ("what is it?", "which thing is shown?", "what is in the picture?"),
    "colour": ("what colour is it?", "which colour does it have?", "what is its colour?"),
    "position": ("where is it?", "in which part of the picture is it?", "what is its position?"),
}
"""The last wording of each is never trained on."""


@dataclass(frozen=True, eq=False)
class Coloured:
    """Clip art in colours and places.

    Args:
        pictures: (n, SIDE, SIDE, 3) uint8.
        values: (n, 3) int64, category, colour and position.
        names: The words of each, in the order of ``ASKED``.
    """

    pictures: ImageArray
    values: Ints
    names: tuple[tuple[str, ...], ...]

    def answers(self, attribute: int) -> list[str]:
        """The right answer for every picture."""
        return [self.names[attribute][row] for row in self.values[:, attribute]]


def experiment(budget: Budget) -> Outcome:
    """A small ViT learns what clip art shows, then to answer three questions about it; neighbours before and after."""
    import torch

    from openitr import encoders
    from openitr.diagnose.towers import fit, pixels
    from openitr.encoders.conditional import ConditionalImageEncoder
    from openitr.media.prepare import Preparation
    from openitr.models import FocalLens

    silhouettes, names = clipart(budget)
    train, held = (
        coloured(silhouettes, names, many, np.random.default_rng([budget.seed, many])) for many in (TRAIN, HELD)
    )
    text = encoders.load("default")
    seen = pixels(list(train.pictures))
    vit, head = pretrained(train, text, budget)
    asked = dict(zip(_LINES, _vectors(text, _LINES), strict=True))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(budget.seed)
        model = FocalLens(vit, head, text.dim).eval()
    encoder = ConditionalImageEncoder(model, text, Preparation(SIDE))
    before = encoder(list(held.pictures)).values
    with torch.inference_mode():
        plain = torch.nn.functional.normalize(head(vit(pixels(list(held.pictures))).pooled), dim=1).numpy()
        # What a blank token that is attended, though all zeros, does instead.
        zeros = torch.zeros(HELD, 1, vit.width)
        attended = torch.nn.functional.normalize(head(model.vit(pixels(list(held.pictures)), zeros).pooled), dim=1)
    blank = float(np.abs(before - plain).max())
    targets = [torch.from_numpy(_vectors(text, train.answers(which))) for which in range(3)]
    rng = np.random.default_rng(budget.seed)

    def loss(rows: Ints) -> torch.Tensor:
        which = rng.integers(0, 3, len(rows))
        lines = [ASKED[list(ASKED)[w]][int(rng.integers(0, 2))] for w in which]
        told = torch.from_numpy(np.stack([asked[line] for line in lines]))
        return model.loss(seen[rows], told, torch.stack([targets[w][r] for w, r in zip(which, rows, strict=True)]))

    fit(model, loss, TRAIN, steps=600, batch=64, rate=1.5e-3, seed=budget.seed)
    base = [same_as_neighbour(before, held.values[:, which]) for which in range(3)]
    got, nearest, unheard = dict[str, list[float]](), dict[str, Ints](), list[float]()
    for which, (name, lines) in enumerate(ASKED.items()):
        vectors = encoder(list(held.pictures), lines[0]).values
        got[name] = [same_as_neighbour(vectors, held.values[:, other]) for other in range(3)]
        nearest[name] = neighbour(vectors)
        unheard.append(same_as_neighbour(encoder(list(held.pictures), lines[2]).values, held.values[:, which]))
    differ = min(float(np.mean(nearest[a] != nearest[b])) for a in ASKED for b in ASKED if a < b)
    gains = [got[name][which] - base[which] for which, name in enumerate(ASKED)]
    falls = {
        name: float(np.mean([got[name][other] - base[other] for other in range(3) if other != which]))
        for which, name in enumerate(ASKED)
    }
    return Outcome(
        [
            Check(
                "the nearest neighbour shares what was asked about >= 15 points more often than without an "
                "instruction, on average and in no case less; what was not asked about is shared less often",
                {f"{name} shared, no instruction": round(base[which], 1) for which, name in enumerate(ASKED)}
                | {f"{name} shared, asked": round(got[name][which], 1) for which, name in enumerate(ASKED)}
                | {f"change of the others, {name} asked": round(change, 1) for name, change in falls.items()},
                float(np.mean(gains)) >= 15 and min(gains) >= 0 and max(falls.values()) < 0,
            ),
            Check(
                "in words that training never used, the gain is as large",
                {f"{name} shared, asked in other words": round(unheard[which], 1) for which, name in enumerate(ASKED)},
                float(np.mean(np.array(unheard) - base)) >= 15,
                counts=False,
            ),
            Check(
                "two instructions give different neighbours for one picture, for most pictures",
                {"least share of pictures with another neighbour": round(differ, 3)},
                differ > 0.5,
            ),
            Check(
                "before tuning, a blank instruction gives the base embedding to 1e-6; a token of zeros that is "
                "attended does not",
                {
                    "difference, blank": blank,
                    "difference, zeros attended": float(np.abs(attended.numpy() - plain).max()),
                },
                blank <= 1e-6 < float(np.abs(attended.numpy() - plain).max()),
            ),
        ],
        f"{len(names)} drawings of OpenClipart in {len(COLOURS)} colours and {len(PLACES)} places at {SIDE} px; "
        f"{TRAIN} pictures to train on, {HELD} to compare; answers under the frozen text side of the default model",
        [
            "The threshold is held to the average: colour is what the embedding without instruction goes by, and "
            "leaves no room for 15 points.",
            "There are more kinds of pictures than pictures to compare, so a neighbour rarely shares everything.",
            "Names of drawings are their titles; the drawings are the same in training, size and place vary.",
        ],
    )


def clipart(budget: Budget) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Drawings with a title of one word, as (48, 48) ink from 0 (paper) to 1, cut to what is drawn."""
    from PIL import Image

    from openitr import datasets
    from openitr.media.images import decode

    found: dict[str, np.ndarray] = {}
    for pair in datasets.read(budget.data("openclipart")):
        title = next(iter(pair.texts.values()))[0].strip().lower()
        if not title.isalpha() or title in found or len(title) > 10:
            continue
        ink = 1 - decode(pair.read(), shrink_to=128).array.astype(np.float32).mean(axis=2) / 255
        rows, columns = np.flatnonzero((ink > 0.1).any(axis=1)), np.flatnonzero((ink > 0.1).any(axis=0))
        if len(rows) < 16 or len(columns) < 16 or not 0.2 < (ink > 0.1).mean() < 0.8:
            continue
        cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        small = Image.fromarray((cut * 255).astype(np.uint8)).resize((48, 48), Image.Resampling.BILINEAR)
        found[title] = np.asarray(small, np.float32) / 255
        if len(found) == KINDS:
            break
    return list(found.values()), tuple(found)


def coloured(silhouettes: list[np.ndarray], names: tuple[str, ...], many: int, rng: np.random.Generator) -> Coloured:
    """Drawings in a colour and a place, of varying size, on noisy paper."""
    from PIL import Image

    lists = (names, tuple(COLOURS), tuple(PLACES))
    values = np.stack([rng.integers(0, len(one), many) for one in lists], axis=1)
    pictures = np.empty((many, SIDE, SIDE, 3), np.uint8)
    for row, (kind, colour, place) in enumerate(values):
        size = int(rng.integers(11, 14))
        ink = Image.fromarray((silhouettes[kind] * 255).astype(np.uint8)).resize(
            (size, size), Image.Resampling.BILINEAR
        )
        shade = np.asarray(ink, np.float32)[..., None] / 255
        across, down = PLACES[lists[2][place]]
        # Thirds of the picture, and a pixel to and fro.
        left, top = (int(np.clip(at * 10 + rng.integers(-1, 2), 0, SIDE - size)) for at in (across, down))
        paper = 235 + rng.normal(0, 6, (SIDE, SIDE, 3))
        part = paper[top : top + size, left : left + size]
        cover = np.minimum(1, 2.5 * shade)
        tint = np.array(COLOURS[lists[1][colour]]) * (1.15 - 0.6 * shade)
        paper[top : top + size, left : left + size] = (1 - cover) * part + cover * tint
        pictures[row] = np.clip(paper, 0, 255).astype(np.uint8)
    return Coloured(pictures, values, lists)


def pretrained(train: Coloured, text: object, budget: Budget) -> tuple[ViT, nn.Module]:
    """A ViT and a head that bring pictures near the frozen vectors of captions that tell all three attributes."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    from openitr.diagnose.towers import fit, pixels
    from openitr.models import ViT

    told = [train.answers(which) for which in range(3)]
    captions = [f"a {colour} {kind} at the {place}" for kind, colour, place in zip(*told, strict=True)]
    aims, seen = torch.from_numpy(_vectors(text, captions)), pixels(list(train.pictures))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(budget.seed)
        vit = ViT(SIDE, patch=8, width=WIDTH, depth=3)
        head = nn.Linear(WIDTH, aims.shape[1])

    def loss(rows: Ints) -> torch.Tensor:
        candidates, own = torch.unique(aims[rows], dim=0, return_inverse=True)
        return F.cross_entropy(F.normalize(head(vit(seen[rows]).pooled), dim=1) @ candidates.T / 0.07, own)

    fit(nn.ModuleList([vit, head]), loss, TRAIN, steps=400, batch=64, rate=2e-3, seed=budget.seed)
    return vit.eval(), head.eval()


def neighbour(vectors: Floats) -> Ints:
    """The row nearest to every row but itself."""
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    found: Ints = scores.argmax(axis=1)
    return found


def same_as_neighbour(vectors: Floats, labels: Ints) -> float:
    """Percent of the rows whose nearest neighbour has their label."""
    return 100 * float((labels[neighbour(vectors)] == labels).mean())


def _vectors(text: object, lines: list[str]) -> Floats:
    from openitr.embeddings import DenseEmbeddings
    from openitr.encoders.base import Encoder

    assert isinstance(text, Encoder)
    distinct = sorted(set(lines))
    found = text.encode_texts(distinct)
    assert isinstance(found, DenseEmbeddings)
    place = {line: row for row, line in enumerate(distinct)}
    return found.values[[place[line] for line in lines]]


_LINES = [line for lines in ASKED.values() for line in lines]

CARD = Card(
    slug="focallens",
    title="FocalLens: Instruction Tuning Enables Zero-Shot Conditional Image Representations",
    year=2025,
    family="encoders",
    claim="A picture's embedding follows an instruction: what is asked about decides what is near.",
    parts=(
        "openitr.encoders.conditional.ConditionalImageEncoder",
        "openitr.models.FocalLens",
        "openitr.models.PromptedViT",
    ),
    experiment=experiment,
)
