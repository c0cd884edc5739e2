"""Searching 50,000 vectors: ours against faiss, exact and HNSW, single queries; faiss on one thread."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.report import show
from openitr import encoders
from openitr.embeddings import DenseEmbeddings
from openitr.index import FlatIndex

N, QUERIES, K = 50_000, 200, 10


def cloud(n: int, dim: int, seed: int) -> DenseEmbeddings:
    """Vectors as real ones lie: 1,000 clusters with a decaying spectrum, not a uniform sphere."""
    rng = np.random.default_rng(seed)
    spectrum = (1 + np.arange(dim)) ** -0.5
    centres = np.random.default_rng(0).normal(size=(1000, dim)) * spectrum
    return DenseEmbeddings.normalise(
        (centres[rng.integers(0, 1000, n)] + 0.6 * rng.normal(size=(n, dim)) * spectrum).astype(np.float32)
    )


def run() -> list[dict[str, Any]]:
    """Print and return the table."""
    import faiss

    faiss.omp_set_num_threads(1)
    dim = encoders.load("default").dim
    base, queries = cloud(N, dim, 1), cloud(QUERIES, dim, 2)
    exact = faiss.IndexFlatIP(dim)
    exact.add(base.values)
    truth = exact.search(queries.values, K)[1]
    rows: list[list[Any]] = [_row("faiss Flat", lambda q: exact.search(q, K)[1][0], queries, truth, 0.0, dim * 4)]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        ours = FlatIndex(Path(folder) / "flat", dim, writable=True)
        ours.add(np.arange(N), base)
        ours.flush()
        took = time.perf_counter() - start
        each = ours.stats()["bytes"] / N
        rows.append(_row("openitr FlatIndex", lambda q: _ours(ours, q), queries, truth, took, each))
        ours.close()
    start = time.perf_counter()
    graph = faiss.IndexHNSWFlat(dim, 32, faiss.METRIC_INNER_PRODUCT)
    faiss.omp_set_num_threads(2)
    graph.add(base.values)
    faiss.omp_set_num_threads(1)
    took = time.perf_counter() - start
    for width in (16, 32, 64, 128, 256, 512):
        graph.hnsw.efSearch = width
        if _recall(graph.search(queries.values, K)[1], truth) >= 0.95 or width == 512:
            label = f"faiss HNSW32, ef {width}"
            rows.append(_row(label, lambda q: graph.search(q, K)[1][0], queries, truth, took, dim * 4 + 32 * 2 * 4))
            break
    flat = rows[0][2]
    for row in rows:
        row.append(row[2] / flat)
    return show(["engine", "recall@10", "QPS", "p50 ms", "build s", "bytes per image", "QPS / faiss Flat"], rows)


def _ours(index: FlatIndex, query: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    return index.search(DenseEmbeddings(query), K)[0].ids


def _recall(found: npt.NDArray[np.int64], truth: npt.NDArray[np.int64]) -> float:
    return float(np.mean([len(set(f) & set(t)) / K for f, t in zip(found, truth, strict=True)]))


def _row(
    name: str,
    ask: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.int64]],
    queries: DenseEmbeddings,
    truth: npt.NDArray[np.int64],
    build: float,
    size: float,
) -> list[Any]:
    ask(queries.values[:1])
    found, times = [], []
    for row in range(len(queries)):
        start = time.perf_counter()
        found.append(ask(queries.values[row : row + 1]))
        times.append(time.perf_counter() - start)
    recall = _recall(np.array(found), truth)
    return [name, recall, 1 / float(np.mean(times)), float(np.median(times)) * 1000, build, int(size)]
