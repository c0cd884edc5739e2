"""A tiny deterministic encoder and pictures that it tells apart."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from openitr.embeddings import DenseEmbeddings
from openitr.media.prepare import Preparation
from openitr.types import ImageArray


class ColourEncoder:
    """Where a picture has which colour, on a coarse grid; texts by their letters.

    Args:
        seed: Another seed is another model: other vectors, another fingerprint.
        delay: Seconds per picture, where a test needs a slow model.
    """

    kind = "dense"

    def __init__(self, seed: int = 0, dim: int = 24, delay: float = 0.0, size: int = 16) -> None:
        self.spec = f"colour-{seed}"
        self.dim = dim
        self.delay = delay
        self.fingerprint = hashlib.sha256(f"colour {seed} {dim} {size}".encode()).hexdigest()
        self.preparation = Preparation(size)
        self.encoded = 0
        self._mix = np.random.default_rng(seed).standard_normal((4 * 4 * 3 + 1, dim)).astype(np.float32)

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        rows = []
        for image in images:
            time.sleep(self.delay)
            small = Image.fromarray(self.preparation(image)).resize((4, 4), Image.Resampling.BOX)
            row = np.append(np.asarray(small, np.float32).ravel() / 255 - 0.5, 1.0)
            # One at a time: a vector must not depend, not even in its last bit, on what else is in the batch.
            rows.append(row.astype(np.float32) @ self._mix)
        self.encoded += len(images)
        return DenseEmbeddings.normalise(np.stack(rows))

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        rows = []
        for text in texts:
            letters = np.zeros(49, np.float32)
            for letter in text:
                letters[ord(letter) % 48] += 1
            letters[48] = 1
            rows.append(letters)
        return DenseEmbeddings.normalise(np.stack(rows) @ self._mix)


def paint(path: Path, seed: int, size: int = 24) -> Path:
    """Write one small picture that no other seed makes; the format goes by the name."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 255, (4, 4, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(blocks).resize((size, size), Image.Resampling.NEAREST).save(path)
    return path


def paint_many(folder: Path, count: int, first: int = 0) -> list[Path]:
    """Pictures in three sub-folders, with captions beside every third one."""
    paths = []
    for n in range(first, first + count):
        path = paint(folder / f"part{n % 3}" / f"picture{n:04d}.png", n)
        if n % 3 == 0:
            path.with_suffix(".txt").write_text(f"picture number {n}\nof colour {n % 7}\n")
        paths.append(path)
    return paths


def say(what: object) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main() -> None:
    """Index a folder in a process of its own, saying after each commit how many items are acknowledged."""
    from openitr.collection import Collection, ingest
    from openitr.errors import NoSuchCollection

    place, folder, delay = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    try:
        collection = Collection.open(place)
    except NoSuchCollection:
        collection = Collection.create(place)
    with collection:
        ingest(
            collection,
            folder,
            encoder=ColourEncoder(delay=delay),
            workers=1,
            batch=8,
            on_progress=lambda step: say(step.committed),
        )
    say("done")


if __name__ == "__main__":
    main()
