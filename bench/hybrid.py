"""What the written words add: a photo's first caption lies beside it, another one of its captions is asked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.report import show
from openitr import datasets
from openitr.datasets import Pair
from openitr.library import Library, create

WRITTEN = (0.0, 0.1, 0.5, 1.0)
K = 10
NAMES = 200
SMALL = os.environ.get("OPENITR_BENCH_SMALL") == "1"


def run() -> list[dict[str, Any]]:
    """Print and return the table: recall of the one photo, by looks alone and hybrid, on the same questions."""
    if "OPENITR_DATA" not in os.environ:
        return []
    pairs = list(datasets.read(Path(os.environ["OPENITR_DATA"], "flickr8k")).split("val"))[: 150 if SMALL else None]
    captions = [pair.texts["en"][1] for pair in pairs]
    names = [f"{at:04d}" for at in range(min(NAMES, len(pairs)))]
    rows = []
    with tempfile.TemporaryDirectory() as scratch, create(Path(scratch, "collection")) as library:
        photos = Path(scratch, "photos")
        for share in WRITTEN:
            lay_out(photos, pairs, share)
            library.index(photos, kind="hybrid")
            if not share:
                rows.append(["any", "dense", "a caption", *asked(library, captions, "dense")])
                rows.append(["any", "dense", "a file name", *asked(library, names, "dense")])
            rows.append([f"{share:.0%} of the photos", "hybrid", "a caption", *asked(library, captions, "hybrid")])
        rows.append(["100% of the photos", "hybrid", "a file name", *asked(library, names, "hybrid")])
    return show(["a caption lies beside", "kind", "asked", "R@1", f"R@{K}"], rows)


def lay_out(photos: Path, pairs: Sequence[Pair], share: float) -> None:
    """The photos, named by number so that no file name helps; the first caption beside every so many of them."""
    photos.mkdir(exist_ok=True)
    for at, pair in enumerate(pairs):
        photo, beside = photos / f"{at:04d}.jpg", photos / f"{at:04d}.txt"
        if not photo.exists():
            photo.symlink_to(pair.path)
        if int((at + 1) * share) > int(at * share):
            beside.write_text(pair.texts["en"][0], encoding="utf-8")


def asked(library: Library, texts: Sequence[str], kind: str) -> tuple[float, float]:
    """Percent of the questions, one for each photo in turn, whose photo comes first, and among the best ten."""
    places: list[int] = []
    for at, text in enumerate(texts):
        names = [Path(hit.path).stem for hit in library.search(text, kind=kind, k=K)]
        places.append(names.index(f"{at:04d}") if f"{at:04d}" in names else K)
    first, ten = (100 * sum(place < k for place in places) / len(texts) for k in (1, K))
    return first, ten
