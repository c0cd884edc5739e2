"""From a cold start: whole processes, the least of several runs, beside a bare interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.report import show
from openitr.library import create

RUNS = 7


def run() -> list[dict[str, Any]]:
    """Print and return the table."""
    rows = [
        ["python -c pass", *_seconds("-c", "pass"), ""],
        ["import openitr", *_seconds("-c", "import openitr"), 200],
        ["openitr --help", *_seconds("-m", "openitr", "--help"), 400],
    ]
    if "OPENITR_DATA" in os.environ:
        photos = sorted(Path(os.environ["OPENITR_DATA"], "flickr8k", "images").glob("*.jpg"))[:2000]
        with tempfile.TemporaryDirectory() as scratch:
            # Five times 2,000: equal files are items of their own, and their vectors cost no model.
            for copy in range(5):
                folder = Path(scratch, "pictures", str(copy))
                folder.mkdir(parents=True)
                for photo in photos:
                    (folder / photo.name).symlink_to(photo)
            with create(scratch + "/c") as library:
                library.index(Path(scratch, "pictures"))
                count = len(library)
            ask = ("-m", "openitr", "search", scratch + "/c", "two dogs running on grass")
            rows.append([f"openitr search, {count:,} pictures", *_seconds(*ask), 1000])
            by_picture = ("-m", "openitr", "search", scratch + "/c", "--image", str(photos[0]))
            rows.append([f"openitr search --image, {count:,} pictures", *_seconds(*by_picture), 1000])
    return show(["from a cold start", "least ms", "median ms", "goal ms"], rows)


def _seconds(*words: str) -> tuple[float, float]:
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], capture_output=True, check=True)
        times.append((time.perf_counter() - start) * 1000)
    return min(times), sorted(times)[RUNS // 2]
