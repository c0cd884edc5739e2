"""What the pipeline costs over the bare engine call: 200,000 dense vectors in a real collection, single queries.

The model is left out of both: queries are encoded beforehand. Everything else is as `openitr search` does it: filter,
retrieve, negatives, calibrated probabilities, items from the database, reasons of every hit. Calls take turns, so that
both sides meet the same machine.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.engines import cloud
from bench.report import show
from openitr import encoders
from openitr.collection import Collection
from openitr.collection.sidecars import Words
from openitr.collection.writing import Writer
from openitr.embeddings import DenseEmbeddings
from openitr.library import Library
from openitr.search.calibrate import POOL
from openitr.types import Part, Query

N, QUERIES, K = 200_000, 60, 20
_BLOCK = 10_000
_SAID = ("dog", "beach", "harbour", "tram", "kite", "market", "snow", "bridge", "garden", "train", "horse", "tower")


class Encoded:
    """The default model, with the texts encoded already."""

    def __init__(self, texts: Sequence[str], rows: DenseEmbeddings) -> None:
        model: Any = encoders.load("default")
        self.spec, self.kind, self.dim = model.spec, model.kind, model.dim
        self.fingerprint, self.preparation, self.manifest = model.fingerprint, model.preparation, model.manifest
        self._rows = {text: rows[row : row + 1] for row, text in enumerate(texts)}

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        """The rows of known texts."""
        return DenseEmbeddings(np.concatenate([self._rows[text].values for text in texts]))

    def encode_images(self, images: Sequence[Any]) -> DenseEmbeddings:
        """None are asked for."""
        raise NotImplementedError


def filled(place: Path, encoder: Encoded, count: int) -> Collection:
    """A collection of pictures that are not there: items, words and vectors, laid out as indexing does."""
    collection = Collection.create(place)
    with collection.writing() as writer:
        writer.add_run("default", encoder)
        with writer.batch() as db:
            db.execute("INSERT INTO roots VALUES (1, ?, '')", (str(place),))
        for start in range(0, count, _BLOCK):
            fill(writer, encoder, start, min(start + _BLOCK, count))
    return collection


def fill(writer: Writer, encoder: Encoded, start: int, stop: int) -> None:
    """One batch of them, with ids from ``start + 1`` to ``stop``."""
    ids = np.arange(start + 1, stop + 1)
    words = np.random.default_rng(start).integers(0, len(_SAID), (len(ids), 2)).tolist()
    with writer.batch():
        for id, (one, other) in zip(ids.tolist(), words, strict=True):
            facts = {"sha256": f"{id:064x}", "size": 1, "mtime_ns": id, "width": 640, "height": 480}
            facts |= {"format": "jpeg", "phash": id}
            said = Words({}, [f"a {_SAID[one]} and a {_SAID[other]}"])
            writer.put_item(id, 1, f"folder{id % 97}/IMG_{id:06d}.jpg", facts, {}, [], said, "")
        writer.put_vectors("default", ids, cloud(len(ids), encoder.dim, start))


def turns(calls: dict[str, Callable[[int], Any]], rounds: int) -> Iterator[tuple[str, float]]:
    """Each call in turn; milliseconds."""
    for at in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call(at)
            yield name, (time.perf_counter() - start) * 1000


def asked() -> list[str]:
    """What is looked for: a word that many captions have, and a number."""
    return [f"{_SAID[n % len(_SAID)]} {n}" for n in range(QUERIES)]


def run(count: int = N) -> list[dict[str, Any]]:
    """Print and return the table."""
    encoder = Encoded(asked(), cloud(QUERIES, encoders.load("default").dim, 3))
    with tempfile.TemporaryDirectory() as folder, filled(Path(folder) / "photos", encoder, count) as collection:
        return measured(Library(collection), encoder)


def measured(library: Library, encoder: Encoded) -> list[dict[str, Any]]:
    """The table of a collection."""
    index = library.collection.run().index
    rows = [encoder.encode_texts([text]) for text in asked()]
    queries = [Query([Part(text)], k=K) for text in asked()]
    filtered = [Query([Part(text)], k=K, where={"folder": {"eq": "folder7"}}) for text in asked()]

    def ask(kind: str | None, among: Sequence[Query]) -> Callable[[int], Any]:
        return lambda at: library.search(among[at], kind=kind, model=encoder)

    def first(at: int) -> Any:
        """As a process asks first: nothing is known yet of the pictures that are found."""
        library.drop_caches()
        return library.search(queries[at], model=encoder)

    calls: dict[str, Callable[[int], Any]] = {
        f"bare call, {K} best": lambda at: index.search(rows[at], K),
        f"bare call, {POOL} best": lambda at: index.search(rows[at], POOL),
        "search, pictures not met before": first,
        "search": ask(None, queries),
        "search, filter that 1 % pass": ask(None, filtered),
        "search, hybrid with words": ask("hybrid", queries),
    }
    # Once without a clock: pages of the vectors into memory.
    list(turns(calls, QUERIES))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for name, took in turns(calls, QUERIES):
        times[name].append(took)
    bare = float(np.median(times[f"bare call, {K} best"]))
    table = []
    for name, took in times.items():
        middle = float(np.median(took))
        table.append([name, middle, float(np.percentile(took, 95)), f"{100 * (middle / bare - 1):+.1f} %"])
    return show(["call", "p50 ms", "p95 ms", f"over the bare call, {K} best"], table)


if __name__ == "__main__":
    run()
