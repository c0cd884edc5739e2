"""Pictures of one colour, and an encoder that sees colours and reads their names: what it ranks is known beforehand."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from openitr.embeddings import DenseEmbeddings
from openitr.media.prepare import Preparation
from openitr.types import ImageArray

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "white": (255, 255, 255),
}
NAMES = list(COLOURS)


class ColourEncoder:
    """One direction per colour: a picture by its pixels, a text by the colours it names (None named: a direction of
    its own)."""

    spec, kind, dim, fingerprint = "colours", "dense", len(NAMES) + 1, "0123456789abcdef"
    preparation = Preparation(8)

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        made = np.zeros((len(images), self.dim))
        for row, image in enumerate(images):
            pixels = image.reshape(-1, 3).astype(float)
            away = np.array([np.abs(pixels - np.array(colour)).sum(axis=1) for colour in COLOURS.values()])
            made[row, : len(NAMES)] = np.bincount(away.argmin(axis=0), minlength=len(NAMES))
        return DenseEmbeddings.normalise(made) if len(made) else DenseEmbeddings(np.zeros((0, self.dim), np.float32))

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        made = np.zeros((len(texts), self.dim))
        for row, text in enumerate(texts):
            for at, name in enumerate(NAMES):
                made[row, at] = text.lower().count(name)
            made[row, -1] = 0 if made[row].any() else 1
        return DenseEmbeddings.normalise(made) if len(made) else DenseEmbeddings(np.zeros((0, self.dim), np.float32))


def picture(*colours: str, side: int = 8) -> bytes:
    """PNG bytes: the colours side by side."""
    strips = [np.full((side, side, 3), COLOURS[colour], np.uint8) for colour in colours]
    out = io.BytesIO()
    Image.fromarray(np.concatenate(strips, axis=1)).save(out, "PNG")
    return out.getvalue()


def paint(folder: Path, **colours: str) -> None:
    """One picture for each name (without ending: ``.jpg`` is added), "red+blue" for two halves."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, colour in colours.items():
        path = folder / (name if "." in name else f"{name}.jpg")
        path.write_bytes(picture(*colour.split("+")))
