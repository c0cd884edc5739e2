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

WRITTEN = (0.0, 0.5, 1.0)
K = 10


def run() -> list[dict[str, Any]]:
    """Print and return the table: recall of the one photo, dense against hybrid, on the same questions."""
    if "OPENITR_DATA" not in os.environ:
        return []
    pairs = list(datasets.read(Path(os.environ["OPENITR_DATA"], "flickr8k")).split("val"))
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for share in WRITTEN:
            place = Path(scratch, f"{share:.0%}")
            lay_out(place, pairs, share)
            with create(place / "collection") as library:
                library.index(place / "photos")
                for kind in ("dense", "hybrid"):
                    first, ten = asked(library, pairs, kind)
                    rows.append([f"{share:.0%} of the photos", kind, first, ten])
    return show(["a caption lies beside", "kind", "R@1", f"R@{K}"], rows)


def lay_out(place: Path, pairs: Sequence[Pair], share: float) -> None:
    """The photos, named by number so that no file name helps; the first caption beside every so many of them."""
    folder = place / "photos"
    folder.mkdir(parents=True)
    for at, pair in enumerate(pairs):
        (folder / f"{at:04d}.jpg").symlink_to(pair.path)
        if int((at + 1) * share) > int(at * share):
            (folder / f"{at:04d}.txt").write_text(pair.texts["en"][0], encoding="utf-8")


def asked(library: Library, pairs: Sequence[Pair], kind: str) -> tuple[float, float]:
    """Percent of the questions whose photo comes first, and among the best ten."""
    places: list[int] = []
    for at, pair in enumerate(pairs):
        names = [Path(hit.path).stem for hit in library.search(pair.texts["en"][1], kind=kind, k=K)]
        places.append(names.index(f"{at:04d}") if f"{at:04d}" in names else K)
    first, ten = (100 * sum(place < k for place in places) / len(pairs) for k in (1, K))
    return first, ten
