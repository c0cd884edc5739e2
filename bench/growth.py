"""What a question costs at 50,000, 200,000 and a million pictures: every vector, or the derived index; and a plot."""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import show
from bench.vectors import grown
from openitr.embeddings import DenseEmbeddings
from openitr.evaluate.curves import Curve, svg
from openitr.index import FlatIndex
from openitr.index.derived import DerivedIndex
from openitr.index.faiss_codes import FaissCodes

SIZES, DIM, K, ASKED = (50_000, 200_000, 1_000_000), 256, 10, 100
PLOT = Path("bench/out/growth.svg")


def run() -> list[dict[str, Any]]:
    """Print and return the table; write the plot."""
    vectors = grown(max(SIZES), DIM)
    queries = vectors.queries[np.arange(ASKED)]
    rows: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for count in SIZES:
            rows += _measured(Path(folder) / str(count), vectors.images[:count], queries)
    for row in rows:
        smaller = [other for other in rows if other[1] == row[1] and other[0] < row[0]]
        row.append(_exponent(smaller[-1], row) if smaller else "")
    curves = [
        Curve(name, [(row[0], row[3]) for row in rows if row[1] == name])
        for name in dict.fromkeys(row[1] for row in rows)
    ]
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    title = f"One question, one thread, {DIM} dimensions ({vectors.name})"
    PLOT.write_text(svg(title, "pictures", "milliseconds", curves), "utf-8")
    print(f"plot: {PLOT}")
    columns = ["pictures", "engine", "recall@10", "p50 ms", "derive s", "in memory", "grows as n^"]
    return show(columns, rows)


def _measured(folder: Path, images: DenseEmbeddings, queries: DenseEmbeddings) -> list[list[Any]]:
    count = len(images)
    store = FlatIndex(folder / "store", DIM, writable=True)
    for start in range(0, count, 50_000):
        store.add(np.arange(start, min(count, start + 50_000)), images[start : start + 50_000])
    store.flush()
    start_at = time.perf_counter()
    near = FaissCodes.derive(store, folder / "derived")
    took = time.perf_counter() - start_at
    truth, exact_ms = _asked(store, queries)
    found, fast_ms = _asked(DerivedIndex(store, near), queries)
    recall = float(np.mean([len(np.intersect1d(f, t)) / K for f, t in zip(found, truth, strict=True)]))
    store.close()
    return [
        [count, "every vector", 1.0, exact_ms, 0.0, DIM * 4],
        [count, "derived", recall, fast_ms, took, near.stats()["bytes"] // count],
    ]


def _asked(index: Any, queries: DenseEmbeddings) -> tuple[list[Any], float]:
    """Ids, and the median of milliseconds; the first round is not counted."""
    index.search(queries[[0]], K)
    found, times = [], []
    for row in range(len(queries)):
        start = time.perf_counter()
        found.append(index.search(queries[[row]], K)[0].ids)
        times.append(time.perf_counter() - start)
    return found, float(np.median(times)) * 1000


def _exponent(before: list[Any], after: list[Any]) -> float:
    return math.log(after[3] / before[3]) / math.log(after[0] / before[0])
