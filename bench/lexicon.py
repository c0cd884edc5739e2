"""Weighted words against dense vectors: how much faster and smaller, and what is lost; the frontier as a picture.

Recall is that of Flickr8k val (1,000 photos, 5,000 captions), against the dense default model, on whose vectors the
heads of the lexicon model stand. The same without its class names, and its trained head alone, are shown beside it.
Speed and bytes are those of 200,000 pictures made from the real ones: each keeps two thirds of one photo's words and
takes a third from another's, with weights moved by a tenth, so that lists are as long and as uneven as real ones.
Queries are captions, encoded beforehand. faiss Flat scans as many dense vectors. One thread, one query at a time, in
one run. The last column says how many of the ten best at 200,000 are found that all kept words would find: recall of
1,000 photos flatters what looks at a part only.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
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
# Words of a picture, words of a query; all that the model gives come first, and are what the others are held to.
SETTINGS = ((100, 48), (100, 32), (64, 24), (64, 12), (32, 8), (24, 5), (24, 3))
# Of Seismic: words of a query, and how far below the k-th best a block may promise and still be read.
SEISMIC = ((24, 0.9), (8, 0.8), (5, 0.7))
OUT = Path("bench/out/lexicon.svg")
HEAD, OWN = 192, 384  # numbers of a default vector, the first, that are its trained head; that are not class names
Found = list[npt.NDArray[np.int64]]


def run() -> list[dict[str, Any]]:
    """Print and return the table; write the picture."""
    if "OPENITR_DATA" not in os.environ:
        print("needs real captions: set OPENITR_DATA")
        return []
    dense = frozen.pairs(Budget(seconds=600), "flickr8k", split="val")
    images, texts = embedded(datasets.read(Path(os.environ["OPENITR_DATA"]) / "flickr8k").split("val"))
    full = dense.images.shape[1] * 4
    exact = dense_recall(dense.images, dense.texts, dense.owners)
    many = crowd(images, N, seed=0)
    asked = texts[np.random.default_rng(1).choice(texts.shape[0], QUERIES, replace=False)]
    flat = flat_rate(dense.images.shape[1])
    rows: list[list[Any]] = [["faiss Flat, dense", full, 1.0, flat, 1.0, exact, 0.0, ""]]
    for name, width in (("  without class names", OWN), ("  its trained head alone", HEAD)):
        part = dense_recall(dense.images[:, :width], dense.texts[:, :width], dense.owners)
        rows.append([name, width * 4, full / width / 4, "", "", part, exact - part, ""])
    truth: list[npt.NDArray[np.int64]] = []

    def add(name: str, size: float, rate: float, found: float, best: Found) -> None:
        kept = float(np.mean([len(np.intersect1d(a, b)) / K for a, b in zip(best, truth, strict=True)]))
        rows.append([name, int(size), full / size, rate, rate / flat, found, exact - found, kept])

    with tempfile.TemporaryDirectory() as folder:
        for kept in dict.fromkeys(kept for kept, _ in SETTINGS):
            for name, matrix in (("val", images), ("many", many)):
                index = LexiconIndex(Path(folder, f"{name}-{kept}"), images.shape[1], topk=kept)
                index.add(np.arange(matrix.shape[0]), LexiconEmbeddings(matrix))
                index.flush()
                index.close()
        for kept, spoken in SETTINGS:
            small = LexiconIndex(Path(folder, f"val-{kept}"), compiled=True)
            captions = [ids_of(small, row) for row in single_rows(heaviest(texts, spoken))]
            found = 100 * float(np.mean([owner in row for owner, row in zip(dense.owners, captions, strict=True)]))
            questions = single_rows(heaviest(asked, spoken))
            for how in ("compiled", "NumPy"):
                large = LexiconIndex(Path(folder, f"many-{kept}"), compiled=how == "compiled")
                best = [ids_of(large, row) for row in questions]
                truth = truth or best
                rate = rate_of(lambda row, index=large: ids_of(index, row), questions)
                name = f"lexicon, {kept} words, {spoken} asked" + (", NumPy" if how == "NumPy" else "")
                add(name, large.stats()["bytes"] / N, rate, found, best)
    try:
        import seismic  # noqa: F401
    except ImportError:
        print("Seismic is left out: pip install pyseismic-lsr")
    else:
        for about in seismic_rows(images, many, texts, asked, dense.owners):
            add(*about)
    drawn = [(str(r[0]), float(r[4]), float(r[2]), float(r[6])) for r in rows[3:] if not r[0].endswith("NumPy")]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(svg(drawn), encoding="utf-8")
    print(f"the frontier: {OUT}")
    columns = ["engine", "bytes per image", "times smaller", "QPS", "times faster", "R@10", "points lost"]
    return show([*columns, f"of the {K} best"], rows)


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


def single_rows(matrix: csr_matrix) -> list[LexiconEmbeddings]:
    """Each row alone, as an encoder would hand it over."""
    return [LexiconEmbeddings(row) for row in matrix]


def ids_of(index: LexiconIndex, row: LexiconEmbeddings) -> npt.NDArray[np.int64]:
    return index.search(row, K)[0].ids


def rate_of(ask: Callable[[Any], Any], queries: Sequence[Any]) -> float:
    """Queries a second, one at a time, after a few to warm up."""
    for query in queries[:10]:
        ask(query)
    start = time.perf_counter()
    for query in queries:
        ask(query)
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


def dense_recall(
    images: npt.NDArray[np.float32], texts: npt.NDArray[np.float32], owners: npt.NDArray[np.int64]
) -> float:
    """R@10 in percent, of cosines."""
    one, other = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (images, texts))
    found = np.argsort(-(other @ one.T), axis=1, kind="stable")[:, :K]
    return float((found == owners[:, None]).any(1).mean() * 100)


def seismic_rows(
    images: csr_matrix, many: csr_matrix, texts: csr_matrix, asked: csr_matrix, owners: npt.NDArray[np.int64]
) -> list[tuple[str, float, float, float, Found]]:
    """Seismic (Bruch et al. 2024, arXiv:2404.18812) over the same weights: name, bytes, QPS, R@10, the best of many."""
    from seismic import SeismicDataset, SeismicIndex, get_seismic_string

    spelling = get_seismic_string()

    def built(matrix: csr_matrix, postings: int) -> Any:
        data = SeismicDataset()
        for row in range(matrix.shape[0]):
            part = slice(matrix.indptr[row], matrix.indptr[row + 1])
            data.add_document(str(row), matrix.indices[part].astype(str).astype(spelling), matrix.data[part])
        return SeismicIndex.build_from_dataset(data, n_postings=postings, num_threads=1)

    def named(matrix: csr_matrix) -> list[tuple[Any, Any]]:
        return [(row.indices.astype(str).astype(spelling), row.data) for row in matrix]

    def ask(index: Any, query: tuple[Any, Any], words: int, factor: float) -> npt.NDArray[np.int64]:
        found = index.search("q", *query, k=K, query_cut=words, heap_factor=factor)
        return np.array([int(hit[2]) for hit in found], np.int64)

    small, large = built(images, 300), built(many, 300)
    captions, questions = named(texts), named(asked)
    with tempfile.TemporaryDirectory() as folder:
        large.save(str(Path(folder) / "seismic"))
        size = sum(file.stat().st_size for file in Path(folder).iterdir()) / N
    made = []
    for words, factor in SEISMIC:
        rate = rate_of(lambda query, w=words, f=factor: ask(large, query, w, f), questions)
        hits = [owner in ask(small, query, words, factor) for owner, query in zip(owners, captions, strict=True)]
        best = [ask(large, query, words, factor) for query in questions]
        made.append((f"Seismic, {words} asked, factor {factor}", size, rate, 100 * float(np.mean(hits)), best))
    return made
