"""What the default model says of pictures and of English texts: the space to land in, computed once and kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from openitr.encoders import load
from openitr.encoders.base import Encoder
from openitr.media import decode
from recipes.default_model.corpus import Pair
from recipes.default_model.features import key

BATCH = 64


class Teacher:
    """The default model, with a folder of what it said before."""

    def __init__(self, cache: Path) -> None:
        self.encoder: Encoder = load("default")
        self.cache = cache
        cache.mkdir(parents=True, exist_ok=True)

    def _path(self, what: str, names: list[str]) -> Path:
        return self.cache / f"{what}-{self.encoder.fingerprint[:12]}-{key(names)}.npy"

    def pictures(self, data: Path, pairs: list[Pair]) -> Tensor:
        """(n, 768), one row per picture."""
        path = self._path(f"{pairs[0].source}-pictures", [p.image for p in pairs])
        if not path.exists():
            parts = []
            for start in range(0, len(pairs), BATCH):
                some = [data / p.source / p.image for p in pairs[start : start + BATCH]]
                arrays = [decode(file, shrink_to=self.encoder.preparation.size).array for file in some]
                parts.append(self.encoder.encode_images(arrays).values)
            np.save(path, np.concatenate(parts))
        return torch.from_numpy(np.load(path))

    def texts(self, texts: list[str]) -> Tensor:
        """(n, 768), one row per English text."""
        path = self._path("texts", texts)
        if not path.exists():
            np.save(path, self.encoder.encode_texts(texts).values)
        return torch.from_numpy(np.load(path))

    def captions(self, pairs: list[Pair]) -> Tensor:
        """(n, 768): the middle of each picture's English captions, which is steadier than any one of them."""
        rows = torch.tensor([i for i, p in enumerate(pairs) for _ in p.texts])
        each = self.texts([t for p in pairs for t in p.texts])
        return F.normalize(torch.zeros(len(pairs), each.shape[1]).index_add_(0, rows, each), dim=1)
