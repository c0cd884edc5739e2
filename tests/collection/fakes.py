"""A tiny deterministic encoder and pictures that it tells apart."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from openitr.embeddings import DenseEmbeddings, LexiconEmbeddings, TokenEmbeddings
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


class TermEncoder(ColourEncoder):
    """The same grid as term weights: what is positive of it, in steps that one byte holds."""

    kind = "lexicon"

    def __init__(self, seed: int = 0, dim: int = 24, delay: float = 0.0) -> None:
        super().__init__(seed, dim, delay)
        self.spec = f"terms-{seed}"
        self.fingerprint = hashlib.sha256(f"terms {seed} {dim}".encode()).hexdigest()

    def encode_images(self, images: Sequence[ImageArray]) -> LexiconEmbeddings:
        return self._terms(super().encode_images(images))

    def encode_texts(self, texts: Sequence[str]) -> LexiconEmbeddings:
        return self._terms(super().encode_texts(texts))

    def _terms(self, made: DenseEmbeddings) -> LexiconEmbeddings:
        from scipy.sparse import csr_matrix

        steps = np.rint(np.maximum(made.values, 0) * 255)
        steps[:, 0] = np.maximum(steps[:, 0], 1)
        return LexiconEmbeddings(csr_matrix(steps.astype(np.float32) * np.float32(1 / 255)))


class PatchEncoder(ColourEncoder):
    """The same grid as three token vectors per picture, and one per word."""

    kind = "late"

    def __init__(self, seed: int = 0, dim: int = 8, delay: float = 0.0) -> None:
        super().__init__(seed, 3 * dim, delay)
        self.spec, self.dim = f"patches-{seed}", dim
        self.fingerprint = hashlib.sha256(f"patches {seed} {dim}".encode()).hexdigest()

    def encode_images(self, images: Sequence[ImageArray]) -> TokenEmbeddings:
        rows = super().encode_images(images).values.reshape(-1, self.dim)
        return TokenEmbeddings(DenseEmbeddings.normalise(rows).values, np.arange(0, len(rows) + 1, 3))

    def encode_texts(self, texts: Sequence[str]) -> TokenEmbeddings:
        words = [text.split() or [text] for text in texts]
        rows = super().encode_texts([word for said in words for word in said]).values[:, : self.dim]
        return TokenEmbeddings(DenseEmbeddings.normalise(rows).values, np.cumsum([0, *map(len, words)]))


ENCODERS = {"dense": ColourEncoder, "lexicon": TermEncoder, "late": PatchEncoder}


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

    place, folder, delay, kind = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    try:
        collection = Collection.open(place)
    except NoSuchCollection:
        collection = Collection.create(place)
    with collection:
        ingest(
            collection,
            folder,
            encoder=ENCODERS[kind](delay=delay),
            workers=1,
            batch=8,
            on_progress=lambda step: say(step.committed),
        )
    say("done")


if __name__ == "__main__":
    main()
