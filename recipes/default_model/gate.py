"""Which part to trust: ConSE counts more where a text is unlike Flickr8k's captions.

A logistic regression tells captions of photos from titles, product names and bare nouns. It sets how much of
a text's vector is ConSE's, between `low` and `high`. Every picture gives ConSE the same share, so that pictures
stay comparable: letting a picture decide as well was no better on drawings set aside and worse on breadth.
`PICTURE` was set by hand after 0.3, 0.4 and 0.5 had been compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .conse import Conse
from .measure import Recall, recall
from .projector import Gate, Projector, beside
from .train import Inputs, embed

PICTURE = 0.6
LOWS, HIGHS = (0.03, 0.05, 0.07, 0.1, 0.15), (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def fit(photos: Tensor, others: Tensor, decay: float = 1e-3) -> Gate:
    """Logistic regression, both classes weighted alike, on standardised inputs; 300 full-batch steps."""
    x = torch.cat([photos, others])
    y = torch.cat([torch.zeros(len(photos)), torch.ones(len(others))])
    weight = torch.where(y > 0, len(photos) / len(others), 1.0)
    mean, std = x.mean(0), x.std(0).clamp(min=1e-3)
    x = (x - mean) / std
    line = nn.Linear(x.shape[1], 1)
    nn.init.zeros_(line.weight)
    nn.init.zeros_(line.bias)
    optimizer = torch.optim.AdamW(line.parameters(), lr=0.01, weight_decay=decay)
    for _ in range(300):
        loss = F.binary_cross_entropy_with_logits(line(x)[:, 0], y, weight) + 1e-3 * line.weight.square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    wide = (line.weight / std).detach()
    return Gate(wide, (line.bias - wide @ mean).detach())


def fit_gate(sources: list[Inputs], names: Tensor, seed: int = 0) -> Gate:
    """The gate on sentence vectors; `names` are those of the class names."""
    texts = np.random.default_rng(seed).choice(sources[0].of("train")[1], 6000, replace=False)
    others = torch.cat([names, *(s.sentence[s.of("train")[1]] for s in sources[1:])])
    return fit(sources[0].sentence[texts], others)


@dataclass
class Parts:
    """What the two parts and the gates say of one set-aside collection."""

    images: tuple[np.ndarray, np.ndarray]  # projectors' vector, ConSE's vector
    texts: tuple[np.ndarray, np.ndarray]
    gate: np.ndarray
    owner: np.ndarray

    def recall(self, low: float, high: float) -> Recall:
        share = low + (high - low) * self.gate[:, None]
        (image, image_conse), (text, text_conse) = self.images, self.texts
        left = np.concatenate([(1 - PICTURE) ** 0.5 * image, PICTURE**0.5 * image_conse], 1)
        right = np.concatenate([np.sqrt(1 - share) * text, np.sqrt(share) * text_conse], 1)
        return recall(left, right, self.owner)


def parts(
    projectors: list[Projector], conse: Conse, gate: Gate, inputs: Inputs, line: tuple[Tensor, Tensor] | None = None
) -> Parts:
    """Vectors of the set-aside pictures and texts of one data set, those of the linear part among them if given."""
    rows, texts, owner = inputs.of("held")
    both = [embed(p, inputs, "held") for p in projectors]
    with torch.inference_mode():
        words = conse.text(inputs.sentence[texts]).numpy()
        g = gate(inputs.sentence[texts])[:, 0].numpy()
    vector = inputs.images[rows][:, -conse.matrix.shape[1] :].numpy()
    nets = [[torch.from_numpy(b[side]) for b in both] for side in (0, 1)]
    own = [torch.cat(n, 1) / len(n) ** 0.5 if line is None else beside(n, line[side]) for side, n in enumerate(nets)]
    return Parts((own[0].numpy(), vector), (own[1].numpy(), words), g, owner)


def choose(
    projectors: list[Projector],
    line: tuple[Tensor, Tensor],
    probe: Projector,
    conse: Conse,
    gate: Gate,
    sources: list[Inputs],
) -> tuple[float, float]:
    """`high` serves a probe trained on photos alone best on drawings it never saw; `low` is best on photos."""
    drawings = [parts([probe], conse, gate, s) for s in sources[1:3]]
    total = {h: sum(d.recall(0.1, h).rsum for d in drawings) for h in HIGHS}
    high = max(HIGHS, key=lambda h: total[h])
    photos = parts(projectors, conse, gate, sources[0], line)
    found = {low: photos.recall(low, high) for low in LOWS}
    print(f"unseen drawings: {total}", flush=True)
    for low, r in found.items():
        print(f"low {low}, high {high}: held-out photos {r}", flush=True)
    return max(LOWS, key=lambda v: found[v].rsum), high
