"""Vectors with the statistics of real ones, in any number: the default model's of Flickr8k, grown by a bootstrap."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.engines import cloud
from openitr import datasets, encoders
from openitr.collection.places import cache_folder
from openitr.embeddings import DenseEmbeddings, Floats
from openitr.evaluate.encode import encode_dataset_images, encode_dataset_texts

NEIGHBOURS = 10


@dataclass(frozen=True, eq=False)
class Vectors:
    """What is searched, and what is asked: texts, which lie apart from pictures, as in use."""

    name: str
    images: DenseEmbeddings
    queries: DenseEmbeddings


def photographs() -> Vectors | None:
    """The 6,000 training pictures of Flickr8k and 1,000 captions of its validation pictures; None without the data."""
    if "OPENITR_DATA" not in os.environ:
        return None
    encoder = encoders.load("default")
    kept = cache_folder() / "bench" / f"flickr8k-{encoder.fingerprint[:12]}.npz"
    if not kept.is_file():
        whole = datasets.read(Path(os.environ["OPENITR_DATA"]) / "flickr8k")
        images = encode_dataset_images(whole.split("train"), encoder, lambda line: None).embeddings
        captions, _ = whole.split("val").texts("en")
        texts = encode_dataset_texts(list(captions)[:5000:5], encoder, lambda line: None)
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, images=images.values, texts=texts.values)  # type: ignore[union-attr]
    with np.load(kept, allow_pickle=False) as file:
        return Vectors("flickr8k", DenseEmbeddings(file["images"]), DenseEmbeddings(file["texts"]))


def grown(count: int, dim: int, seed: int = 1) -> Vectors:
    """``count`` pictures of ``dim`` dimensions, and queries.

    A real vector is moved up to 60 % of the way to one of its ten nearest neighbours, and along the direction between
    two others of that neighbourhood; then all are turned to their first principal directions. Queries are real
    captions. Without the data: clusters with a decaying spectrum, which are easier.
    """
    real = photographs()
    if real is None:
        return Vectors("clusters", cloud(count, dim, seed), cloud(1000, dim, seed + 1))
    images, rng = real.images.values, np.random.default_rng(seed)
    near = _neighbours(images)
    first = rng.integers(0, len(images), count)
    second = near[first, rng.integers(0, NEIGHBOURS, count)]
    third = near[second, rng.integers(0, NEIGHBOURS, count)]
    turn = np.linalg.svd(images, full_matrices=False)[2][:dim].T
    flat = images @ turn
    along = rng.uniform(0, 0.6, (count, 1)).astype(np.float32)
    aside = 0.3 * rng.standard_normal((count, 1)).astype(np.float32)
    made = flat[first] + along * (flat[second] - flat[first]) + aside * (flat[third] - flat[second])
    queries = DenseEmbeddings.normalise(real.queries.values @ turn)
    return Vectors("like flickr8k", DenseEmbeddings.normalise(made), queries)


def _neighbours(images: Floats) -> np.ndarray:
    near = np.empty((len(images), NEIGHBOURS), np.int64)
    for start in range(0, len(images), 1000):
        scores = images[start : start + 1000] @ images.T
        scores[np.arange(len(scores)), start + np.arange(len(scores))] = -1
        near[start : start + 1000] = np.argpartition(-scores, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    return near
