"""How much ConSE counts beside the projectors: chosen on pictures that nobody trained on, photos and drawings alike."""

from __future__ import annotations

import numpy as np
import torch

from .conse import Conse
from .measure import Recall, recall
from .projector import Projector
from .train import Inputs, embed

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
PHOTO_LOSS = 2.0  # RSUM on held-out photos that breadth may cost


def _together(projectors: list[Projector], conse: Conse, inputs: Inputs, share: float) -> Recall:
    rows, texts, owner = inputs.of("held")
    width = conse.matrix.shape[1]
    images, words = [], []
    for projector in projectors:
        image, text, _ = embed(projector, inputs, "held")
        images.append(image * ((1 - share) / len(projectors)) ** 0.5)
        words.append(text * ((1 - share) / len(projectors)) ** 0.5)
    vector = torch.nn.functional.normalize(inputs.images[rows][:, -width:], dim=1).numpy()
    images.append(vector * share**0.5)
    words.append(conse.text(inputs.sentence[texts]).numpy() * share**0.5)
    return recall(np.concatenate(images, 1), np.concatenate(words, 1), owner)


def choose_share(
    projectors: list[Projector], conse: Conse, sources: list[Inputs]
) -> tuple[float, list[tuple[float, list[float]]]]:
    """The share that does best on drawings among those within `PHOTO_LOSS` of the best on photos; and the whole table."""
    table = [(s, [_together(projectors, conse, i, s).rsum for i in sources[:3]]) for s in SHARES]
    for share, row in table:
        print(f"share {share}: held-out RSUM " + ", ".join(f"{v:.1f}" for v in row), flush=True)
    best = max(row[0] for _, row in table)
    close = [(sum(row[1:]), share) for share, row in table if row[0] >= best - PHOTO_LOSS]
    return max(close)[1], table
