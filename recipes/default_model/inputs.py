"""From cached features to what projectors read, one data set at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .conse import Conse
from .corpus import Pair
from .features import ImageFeatures, image_features, text_features
from .line import Lines, fit, frequent, presence_of, token_ids
from .projector import image_input, text_input
from .second import second_features
from .train import Inputs


def _images(features: ImageFeatures, conse: Conse) -> Tensor:
    out = []
    for start in range(0, len(features.logits), 256):
        part = slice(start, start + 256)
        middle, pooled, logits = (
            torch.from_numpy(x[part].astype(np.float32)) for x in (features.middle, features.pooled, features.logits)
        )
        out.append(image_input(middle.permute(0, 3, 1, 2), pooled, conse.image(logits)))
    return torch.cat(out)


def prepare(data: Path, pairs: list[Pair], towers: Path, cache: Path, conse: Conse, mirror: bool) -> Inputs:
    """Features of `pairs`, computed or read from `cache`."""
    source, texts = pairs[0].source, [t for p in pairs for t in p.texts]
    spoken = text_features(texts, cache, source)
    out = torch.empty(len(texts), 3 * 384)
    for start in range(0, len(texts), 512):
        which = np.arange(start, min(start + 512, len(texts)))
        out[which] = text_input(*spoken.padded(which), torch.from_numpy(spoken.sentence[which]))
    return Inputs(
        images=_images(image_features(data, pairs, towers, cache), conse),
        mirrored=_images(image_features(data, pairs, towers, cache, mirror=True), conse) if mirror else None,
        texts=out,
        sentence=torch.from_numpy(spoken.sentence),
        owner=np.repeat(np.arange(len(pairs)), [len(p.texts) for p in pairs]),
        split=np.array([p.split for p in pairs]),
    )


def linear(
    data: Path, pairs: list[Pair], photos: Inputs, graph: Path, cache: Path
) -> tuple[Lines, tuple[Tensor, Tensor]]:
    """The linear part of the photos to train on, as they are and mirrored, and its vectors of those set aside."""
    views = [photos.images, photos.mirrored if photos.mirrored is not None else photos.images]
    views = [torch.cat([v, second_features(data, pairs, graph, cache, bool(m))], 1) for m, v in enumerate(views)]
    ids = token_ids([t for p in pairs for t in p.texts])
    rows, texts, owner = photos.of("train")
    words = frequent([ids[j] for j in texts])
    held = presence_of(ids, words)
    lines = fit([v[rows] for v in views], photos.texts[texts], held[texts], owner, words)
    rows, texts, _ = photos.of("held")
    return lines, (lines.image(views[0][rows]), lines.text(torch.cat([photos.texts[texts], held[texts]], 1)))
