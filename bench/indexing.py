"""Indexing against the bare model: the same prepared arrays through the same ONNX graphs in a loop."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import PeakMemory, show
from openitr import encoders
from openitr.library import create
from openitr.media import DecodePool, decode

SMALL, LARGE = 7_000, 60
PARTS = 7  # the bare model and the index take turns, so that a machine whose speed drifts is fair to both


def run() -> list[dict[str, Any]]:
    """Print and return the table."""
    if "OPENITR_DATA" not in os.environ:
        return []
    photos = sorted(Path(os.environ["OPENITR_DATA"], "flickr8k", "images").glob("*.jpg"))[:SMALL]
    rows: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        parts = [photos[start : start + SMALL // PARTS] for start in range(0, SMALL, SMALL // PARTS)]
        small = [_linked(part, Path(scratch, f"small{number}")) for number, part in enumerate(parts)]
        rows.append(_measure("192 px photos", small, Path(scratch, "c1")))
        large = Path(scratch, "large")
        _enlarge(photos[:LARGE], large)
        rows.append(_measure("12-megapixel JPEGs", [large], Path(scratch, "c2")))
    columns = ["pictures", "count", "bare model /s", "decoding alone /s", "index /s", "index / bare",
               "bytes per image", "peak MB"]  # fmt: skip
    return show(columns, rows)


def _linked(photos: list[Path], folder: Path) -> Path:
    folder.mkdir()
    for photo in photos:
        (folder / photo.name).symlink_to(photo)
    return folder


def _measure(name: str, folders: list[Path], place: Path) -> list[Any]:
    """Seconds per picture of both, summed over the turns."""
    bare = index = 0.0
    count = 0
    decoding = decode_rate(sorted(folders[0].iterdir()))
    with create(str(place)) as library, PeakMemory() as peak:
        for folder in folders:
            report = library.index(folder)
            count += report.added
            index += report.seconds
            bare += report.added / bare_rate(sorted(folder.iterdir())[:320])
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    return [name, count, count / bare, decoding, count / index, bare / index, size // count, peak.mb]


def bare_rate(photos: list[Path]) -> float:
    """Images per second of the model alone, on pictures decoded and prepared beforehand."""
    encoder = encoders.load("default")
    shape = encoder.preparation
    arrays = [shape(decode(photo, shrink_to=shape.size).array) for photo in photos]
    encoder.encode_images(arrays[:64])
    start = time.perf_counter()
    for first in range(0, len(arrays), 64):
        encoder.encode_images(arrays[first : first + 64])
    return len(arrays) / (time.perf_counter() - start)


def decode_rate(photos: list[Path]) -> float:
    """Pictures per second of reading, hashing, decoding, preparing and thumbnailing, without a model."""
    with DecodePool(encoders.load("default").preparation) as pool:
        results = pool.map(enumerate(photos))
        next(results)  # the workers have started
        start = time.perf_counter()
        for _ in results:
            pass
        return (len(photos) - 1) / (time.perf_counter() - start)


def _enlarge(photos: list[Path], folder: Path) -> None:
    """Photos of a camera's size, with a camera's noise so that decoding costs what it costs."""
    from PIL import Image

    folder.mkdir()
    rng = np.random.default_rng(0)
    for photo in photos:
        with Image.open(photo) as small:
            big = np.asarray(small.convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC), np.int16)
        grain = rng.integers(-6, 7, (3000, 4000, 1), dtype=np.int16)
        Image.fromarray(np.clip(big + grain, 0, 255).astype(np.uint8)).save(folder / photo.name, quality=90)
