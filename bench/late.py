"""Late interaction: TokenIndex against exact MaxSim in torch, on tokens of real photos and on 100,000 made of them."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.report import show
from openitr.embeddings import TokenEmbeddings
from openitr.index import TokenIndex
from openitr.systems import Budget
from openitr.systems.frozen_tokens import tokens

K, QUERIES, MADE = 10, 100, 100_000
SETTINGS = ((16, 50), (32, 100), (32, 200), (64, 400), (64, 800), (128, 1600))  # probes, rescored
LAYOUTS = ((8, 13), (8, None), (4, None))  # bits a dimension, tokens that a picture's are merged into
Found = list[npt.NDArray[np.int64]]


def run() -> list[dict[str, Any]]:
    """Print and return the table; nothing where there are no real photos."""
    if "OPENITR_DATA" not in os.environ:
        print("left out: it needs the tokens of real photos")
        return []
    photos = tokens(Budget(), "flickr8k", texts=1)
    queries = photos.texts[np.arange(0, len(photos.texts), len(photos.texts) // QUERIES)[:QUERIES]]
    rows = section("Flickr8k", photos.images, queries)
    if os.environ.get("OPENITR_BENCH_SMALL") != "1":
        rows += section(f"{MADE:,} made", made_of(photos.images, MADE), queries)
    columns = ["collection", "engine", "recall@10", "QPS", "p50 ms", "build s", "bytes per image", "QPS / bf16"]
    return show(columns, rows)


def made_of(images: TokenEmbeddings, many: int, seed: int = 0) -> TokenEmbeddings:
    """Bags whose tokens come from two real pictures each, with noise: as alike as real ones, and none twice."""
    rng = np.random.default_rng(seed)
    sizes = np.diff(images.offsets)
    size = int(sizes.min())
    real = images.values[images.offsets[:-1, None] + np.arange(size)]
    values = np.empty((many, size, images.dim), np.float32)
    for at in range(0, many, 4096):
        part = min(4096, many - at)
        parents = rng.integers(0, len(real), (2, part))
        first = rng.random((part, size, 1)) < 0.5
        values[at : at + part] = np.where(first, real[parents[0]], real[parents[1]])
        values[at : at + part] += rng.standard_normal((part, size, images.dim), np.float32) * np.float32(0.04)
    values /= np.linalg.norm(values, axis=2, keepdims=True)
    return TokenEmbeddings(values.reshape(-1, images.dim), np.arange(many + 1) * size)


def section(name: str, images: TokenEmbeddings, queries: TokenEmbeddings) -> list[list[Any]]:
    """Exact search in torch, in bf16 and float32, one query and many at once; then ours in each layout."""
    bags = [queries.values[queries.offsets[i] : queries.offsets[i + 1]] for i in range(len(queries))]
    each = images.values.nbytes / len(images)
    exact = [
        (kind, batch, *_exact(images, bags, kind, batch)) for kind, batch in (("bf16", 1), ("bf16", 16), ("float32", 1))
    ]
    truth = exact[-1][2]
    best = max(len(bags) / sum(times) for kind, _, _, times in exact if kind == "bf16")
    rows: list[list[Any]] = []
    for kind, batch, found, times in exact:
        about = f"torch {kind}" + (f", {batch} queries at once" if batch > 1 else "")
        rows.append(_row(name, about, found, truth, times, 0.0, each / (2 if kind == "bf16" else 1), best))
    for bits, pool in LAYOUTS:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            index = TokenIndex(Path(folder), images.dim, bits=bits, pool=pool)
            index.add(np.arange(len(images)), images)
            index.flush()
            took = time.perf_counter() - start
            size = index.stats()["bytes"] / len(images)
            index.close()
            for compiled in (True, False) if (bits, pool) == LAYOUTS[0] else (True,):
                index = TokenIndex(Path(folder), compiled=compiled)
                for probes, rescored in SETTINGS if compiled else SETTINGS[2:4]:
                    index.probes, index.rescored = probes, rescored
                    ours, times = _timed(lambda bag, by=index: by.search(_single(bag), K)[0].ids, bags)
                    about = f"TokenIndex {bits} bits, {pool or 'all'} tokens, {probes} probes, {rescored} rescored"
                    row = _row(name, about + ("" if compiled else ", NumPy"), ours, truth, times, took, size, best)
                    rows.append(row)
                index.close()
    return rows


def _single(bag: npt.NDArray[np.float32]) -> TokenEmbeddings:
    return TokenEmbeddings(bag, np.array([0, len(bag)]))


def _exact(images: TokenEmbeddings, bags: Found, kind: str, batch: int) -> tuple[Found, list[float]]:
    """MaxSim over everything with as few calls as memory allows: one product, a maximum, a sum, the k best."""
    import torch

    torch.set_num_threads(1)
    size = int(np.diff(images.offsets)[0])
    assert len(images.values) == size * len(images)
    dtype = torch.bfloat16 if kind == "bf16" else torch.float32
    values = torch.from_numpy(images.values).to(dtype)
    step = 8192 * size
    found: Found = []
    times: list[float] = []
    for at in range(0, len(bags), batch):
        some = bags[at : at + batch]
        start = time.perf_counter()
        asked = torch.from_numpy(np.concatenate(some)).to(dtype)
        best = [(values[s : s + step] @ asked.T).unflatten(0, (-1, size)).amax(1) for s in range(0, len(values), step)]
        scores = torch.cat(best).float()
        for part in scores.split([len(bag) for bag in some], 1):
            found.append(part.sum(1).topk(K).indices.numpy())
        times += [(time.perf_counter() - start) / len(some)] * len(some)
    return found, times


def _timed(ask: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.int64]], bags: Any) -> tuple[Found, list[float]]:
    ask(bags[0])
    found, times = [], []
    for bag in bags:
        start = time.perf_counter()
        found.append(ask(bag))
        times.append(time.perf_counter() - start)
    return found, times


def _row(
    name: str, engine: str, found: Found, truth: Found, times: list[float], build: float, size: float, best: float
) -> list[Any]:
    recall = float(np.mean([len(set(a.tolist()) & set(b.tolist())) / K for a, b in zip(found, truth, strict=True)]))
    qps = len(times) / sum(times)
    return [name, engine, recall, qps, float(np.median(times)) * 1e3, build, int(size), qps / best]
