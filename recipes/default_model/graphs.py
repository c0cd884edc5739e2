"""The modules that become ONNX graphs, with the names of what goes in and out."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .conse import Conse
from .export import export
from .features import TEXT_CUT
from .projector import Together
from .second import WIDTH
from .towers import SIZE, Reader, load_eye, load_reader, mean_tokens


class ImageTower(nn.Module):
    """pixels -> middle (17 x 17 map), grid (9 x 9 map), pooled, logits."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.top, self.classify = load_eye()

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        middle = self.low(pixels)
        grid = self.top(middle)
        pooled = grid.mean((2, 3))
        return middle, grid, pooled, self.classify(pooled)


class TextTower(nn.Module):
    """input_ids, attention_mask -> middle_tokens (after layer `TEXT_CUT`), tokens (last layer), sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.reader: Reader = load_reader()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        states = self.reader.states(input_ids, attention_mask)
        sentence = F.normalize(mean_tokens(states[-1], attention_mask), dim=1)
        return states[TEXT_CUT], states[-1], sentence


def write_towers(folder: Path) -> None:
    """`towers/image.onnx` and `towers/text.onnx`."""
    images = ["middle", "grid", "pooled", "logits"]
    pixels = torch.zeros(2, SIZE, SIZE, 3, dtype=torch.uint8)
    axes = {name: {0: "n"} for name in ["pixels", *images]}
    export(ImageTower(), {"pixels": pixels}, images, folder / "image.onnx", axes)
    ids = torch.randint(5, 999, (2, 7))
    length = {0: "n", 1: "length"}
    texts = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    axes = dict.fromkeys([*texts, "middle_tokens", "tokens"], length) | {"sentence": {0: "n"}}
    export(TextTower(), texts, ["middle_tokens", "tokens", "sentence"], folder / "text.onnx", axes)


class ConseSide(nn.Module):
    """One side of ConSE as a graph."""

    def __init__(self, conse: Conse, side: str) -> None:
        super().__init__()
        self.conse, self.side = conse, side

    def forward(self, x: Tensor) -> Tensor:
        return self.conse.image(x) if self.side == "image" else self.conse.text(x)


def write_conse(folder: Path, conse: Conse) -> None:
    """`conse/image_head.onnx` and `conse/text_head.onnx`."""
    for side, name, width in (("image", "logits", 1000), ("text", "sentence", 384)):
        axes = {name: {0: "n"}, "embedding": {0: "n"}}
        x = torch.randn(2, width)
        export(ConseSide(conse, side), {name: x}, ["embedding"], folder / f"{side}_head.onnx", axes)


class TogetherSide(nn.Module):
    """One side of the default model as a graph."""

    def __init__(self, together: Together, side: str) -> None:
        super().__init__()
        self.together, self.side = together, side

    def forward(self, *x: Tensor) -> Tensor:
        return self.together.image(*x) if self.side == "image" else self.together.text(*x)


def write_default(folder: Path, together: Together) -> None:
    """`default/image_head.onnx` and `default/text_head.onnx`."""
    images = {
        "middle": torch.randn(2, 120, 17, 17),
        "pooled": torch.rand(2, 1280),
        "logits": torch.randn(2, 1000),
        "second": torch.rand(2, WIDTH),
    }
    axes = {name: {0: "n"} for name in [*images, "embedding"]}
    export(TogetherSide(together, "image"), images, ["embedding"], folder / "image_head.onnx", axes)
    texts = {
        "middle_tokens": torch.randn(2, 7, 384),
        "attention_mask": torch.ones(2, 7, dtype=torch.long),
        "sentence": torch.randn(2, 384),
        "input_ids": torch.randint(5, 9999, (2, 7)),
    }
    axes = {"middle_tokens": {0: "n", 1: "length"}, "attention_mask": {0: "n", 1: "length"}}
    axes |= {"input_ids": {0: "n", 1: "length"}, "sentence": {0: "n"}, "embedding": {0: "n"}}
    export(TogetherSide(together, "text"), texts, ["embedding"], folder / "text_head.onnx", axes)
