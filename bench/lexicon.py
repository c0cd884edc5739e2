"""Weighted words against dense vectors: how much faster and smaller, and what is lost; the frontier as a picture.

Recall is that of Flickr8k val (1,000 photos, 5,000 captions), against the dense default model on the same towers.
Speed and bytes are those of 200,000 pictures made from the real ones: each keeps two thirds of one photo's words and
takes a third from another's, with weights moved by a tenth, so that lists are as long and as uneven as real ones.
Queries are captions. faiss Flat scans as many dense vectors. One thread, one query at a time, in one run.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, vstack

from bench.frontier import svg
from bench.report import show
from openitr import datasets, encoders
from openitr.collection.places import cache_folder
from openitr.embeddings import LexiconEmbeddings, load_embeddings
from openitr.encoders.lexicon import LexiconEncoder
from openitr.evaluate.encode import encode_dataset_images, encode_dataset_texts
from openitr.index import LexiconIndex
from openitr.systems import frozen
from openitr.systems.card import Budget

N, QUERIES, K = 200_000, 300, 10
# Words of a picture, words of a query.
SETTINGS = ((64, 24), (48, 12), (32, 8), (24, 8))
# Of Seismic: words of a query, and how far below the k-th best a block may promise and still be read.
SEISMIC = ((24, 0.9), (8, 0.8), (5, 0.7))
OUT = Path("bench/out/lexicon.svg")
Found = Callable[[csr_matrix], npt.NDArray[np.int64]]


def run() -> list[dict[str, Any]]:
    """Print and return the table; write the picture."""
    if "OPENITR_DATA" not in os.environ:
        print("needs real captions: set OPENITR_DATA")
        return []
    dense = frozen.pairs(Budget(seconds=600), "flickr8k", split="val")
    images, texts = embedded(datasets.read(Path(os.environ["OPENITR_DATA"]) / "flickr8k").split("val"))
    full = dense.images.shape[1] * 4
    exact = recall(np.argsort(-(dense.texts @ dense.images.T), axis=1, kind="stable")[:, :K], dense.owners)
    many = crowd(images, N, seed=0)
    asked = texts[np.random.default_rng(1).choice(texts.shape[0], QUERIES, replace=False)]
    flat = flat_rate(dense.images.shape[1])
    rows: list[list[Any]] = [["faiss Flat, dense", full, 1.0, flat, 1.0, exact, 0.0]]

    def add(name: str, size: float, rate: float, found: float) -> None:
        rows.append([name, int(size), full / size, rate, rate / flat, found, exact - found])

    with tempfile.TemporaryDirectory() as folder:
        for kept, spoken in SETTINGS:
            small = LexiconIndex(Path(folder, f"val-{kept}"), images.shape[1], topk=kept)
            small.add(np.arange(images.shape[0]), LexiconEmbeddings(images))
            large = LexiconIndex(Path(folder, f"{kept}"), images.shape[1], topk=kept)
            large.add(np.arange(N), LexiconEmbeddings(many))
            large.flush()
            found = recall(np.array([ids_of(small, row) for row in heaviest(texts, spoken)]), dense.owners)
            rate = rate_of(lambda row, index=large: ids_of(index, row), heaviest(asked, spoken))
            add(f"lexicon, {kept} words, {spoken} asked", large.stats()["bytes"] / N, rate, found)
            small.close()
            large.close()
    try:
        import seismic  # noqa: F401
    except ImportError:
        print("Seismic is left out: pip install pyseismic-lsr")
    else:
        for name, size, rate, found in seismic_rows(images, many, texts, asked, dense.owners):
            add(name, size, rate, found)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(svg([(str(r[0]), float(r[4]), float(r[2]), float(r[6])) for r in rows[1:]]), encoding="utf-8")
    print(f"the frontier: {OUT}")
    return show(["engine", "bytes per image", "times smaller", "QPS", "times faster", "R@10", "points lost"], rows)


def embedded(pairs: Any) -> tuple[csr_matrix, csr_matrix]:
    """Weights of the photos and of their captions, encoded once and kept."""
    encoder = encoders.load("lexicon")
    assert isinstance(encoder, LexiconEncoder)
    home = cache_folder() / "bench"
    home.mkdir(parents=True, exist_ok=True)
    found = []
    for side in ("images", "texts"):
        kept = home / f"lexicon-{encoder.fingerprint[:16]}-{pairs.hash[:16]}-{side}.npz"
        if not kept.exists():
            quiet = lambda line: None  # noqa: E731
            made = (
                encode_dataset_images(pairs, encoder, quiet).embeddings
                if side == "images"
                else encode_dataset_texts(pairs.texts("en")[0], encoder, quiet)
            )
            assert isinstance(made, LexiconEmbeddings)
            made.save(kept)
        read = load_embeddings(kept)
        assert isinstance(read, LexiconEmbeddings)
        found.append(read.matrix)
    return found[0], found[1]


def crowd(images: csr_matrix, count: int, seed: int) -> csr_matrix:
    """(count, V) made from real rows, of length 1."""
    rng = np.random.default_rng(seed)
    parts = []
    for start in range(0, count, 20_000):
        n = min(20_000, count - start)
        one, other = (images[rng.integers(0, images.shape[0], n)] for _ in range(2))
        one.data *= (rng.random(one.nnz) > 1 / 3) * np.exp(0.1 * rng.normal(size=one.nnz))
        other.data *= (rng.random(other.nnz) < 1 / 3) * np.exp(0.1 * rng.normal(size=other.nnz))
        both = csr_matrix(one.maximum(other), dtype=np.float32)
        both.eliminate_zeros()
        parts.append(both)
    whole = heaviest(csr_matrix(vstack(parts)), int(np.diff(images.indptr).max()))
    norms = np.sqrt(np.asarray(whole.multiply(whole).sum(1)).ravel())
    whole.data /= np.repeat(norms, np.diff(whole.indptr)).astype(np.float32)
    return whole


def heaviest(matrix: csr_matrix, count: int) -> csr_matrix:
    """The same with only the ``count`` largest weights of each row."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((-matrix.data, rows))
    kept = np.sort(order[np.arange(len(order)) - matrix.indptr[rows] < count])
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows[kept], minlength=matrix.shape[0]))])
    return csr_matrix((matrix.data[kept], matrix.indices[kept], starts), shape=matrix.shape)


def ids_of(index: LexiconIndex, row: csr_matrix) -> npt.NDArray[np.int64]:
    return index.search(LexiconEmbeddings(row), K)[0].ids


def rate_of(ask: Callable[[Any], Any], rows: csr_matrix) -> float:
    """Queries a second, one at a time, after a few to warm up."""
    queries = list(rows)
    for row in queries[:10]:
        ask(row)
    start = time.perf_counter()
    for row in queries:
        ask(row)
    return len(queries) / (time.perf_counter() - start)


def flat_rate(dim: int) -> float:
    """Queries a second of faiss Flat over N vectors, one thread."""
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(dim)
    rng = np.random.default_rng(0)
    for _ in range(0, N, 20_000):
        index.add(rng.standard_normal((20_000, dim), dtype=np.float32))
    queries = rng.standard_normal((30, dim), dtype=np.float32)
    index.search(queries[:1], K)
    start = time.perf_counter()
    for row in range(len(queries)):
        index.search(queries[row : row + 1], K)
    return len(queries) / (time.perf_counter() - start)


def recall(found: npt.NDArray[np.int64], owners: npt.NDArray[np.int64]) -> float:
    """R@10 in percent."""
    return float((found == owners[:, None]).any(1).mean() * 100)


def seismic_rows(
    images: csr_matrix, many: csr_matrix, texts: csr_matrix, asked: csr_matrix, owners: npt.NDArray[np.int64]
) -> list[tuple[str, float, float, float]]:
    """Seismic (Bruch et al. 2024, arXiv:2404.18812) over the same weights: name, bytes a picture, QPS, R@10."""
    from seismic import SeismicDataset, SeismicIndex, get_seismic_string

    spelling = get_seismic_string()

    def built(matrix: csr_matrix, postings: int) -> Any:
        data = SeismicDataset()
        for row in range(matrix.shape[0]):
            part = slice(matrix.indptr[row], matrix.indptr[row + 1])
            data.add_document(str(row), matrix.indices[part].astype(str).astype(spelling), matrix.data[part])
        return SeismicIndex.build_from_dataset(data, n_postings=postings, num_threads=1)

    def ask(index: Any, row: csr_matrix, words: int, factor: float) -> list[int]:
        named = row.indices.astype(str).astype(spelling)
        found = index.search("q", named, row.data, k=K, query_cut=words, heap_factor=factor)
        return [int(hit[2]) for hit in found]

    small, large = built(images, 300), built(many, 300)
    with tempfile.TemporaryDirectory() as folder:
        large.save(str(Path(folder) / "seismic"))
        size = sum(file.stat().st_size for file in Path(folder).iterdir()) / N
    made = []
    for words, factor in SEISMIC:
        rate = rate_of(lambda row, w=words, f=factor: ask(large, row, w, f), asked)
        hits = [owner in ask(small, row, words, factor) for owner, row in zip(owners, texts, strict=True)]
        made.append((f"Seismic, {words} asked, factor {factor}", size, rate, 100 * float(np.mean(hits))))
    return made
