"""What to expect of a query: ridge maps from it to what right pictures and the best wrong ones reach.

Frequent words have many unnamed right pictures among the "wrong" ones, and rare words have few right ones; so both
sides are regressed, on words far more than on anything else, and each example counts by how much it is known to hold.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from openitr.embeddings import Embeddings, Floats, TokenEmbeddings, joined
from openitr.encoders.base import Encoder
from openitr.search.background import Background, direction, leveled
from openitr.search.evidence import WORDS, Usual, stands
from openitr.search.forms import length
from recipes.calibration.concepts import content, names_of, words
from recipes.calibration.plain import forms
from recipes.calibration.questions import PRODUCT_NAMES, _counted, _rows
from recipes.calibration.trials import cached, heard, pictures, stored
from recipes.calibration.vocabulary import all_words, training_rows

POOL, EVERY = 1500, 4
_ROWS = 256
_RIDGE = 1.0
# A mean over so many right pictures counts half of one over very many.
_HALF = 5.0


def expectation(data: Path, encoder: Encoder, cache: Path, unrelated: Background) -> Background:
    """The background with its maps, fitted on training photos and products."""
    rows = training_rows(data)
    pool = rows[:: max(1, len(rows) // POOL)]
    shop = [r for r in _rows(data / "fashion") if r["split"] == "train"][::EVERY]
    photos = [data / "flickr8k" / r["image"] for r in pool]
    goods = [data / "fashion" / r["image"] for r in shop]
    parts = [
        stored(cached(cache, encoder, what, [str(f) for f in files], lambda files=files: pictures(files, encoder)))
        for what, files in (("pool-images", photos), ("images", goods))
    ]
    if isinstance(parts[0], TokenEmbeddings):
        # Every word is compared with every place; a map from 64 numbers needs fewer examples.
        pool, parts = pool[::3], [parts[0][::3], parts[1]]
    images = joined(parts)
    asked = _asked(data, rows)
    texts = [text for text, _ in asked]
    queries = cached(cache, encoder, "pool-texts", texts, lambda: encoder.encode_texts(texts))
    level = _levels(asked, pool, shop)
    reached, counts = _reached(queries, images, unrelated, level, [length(text) for text in texts])
    return replace(
        unrelated,
        expect_text=_map(direction(queries).astype(np.float64), reached, counts),
        expect_image=_of_pictures(parts[0], pool, unrelated),
    )


def _asked(data: Path, rows: Sequence[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """Words in their forms, two-word phrases and captions, with their content stems."""
    pairs: Counter[str] = Counter()
    for r in rows:
        for text in r["texts"]["en"]:
            plain = re.findall("[a-z]+", text.lower())
            pairs.update(sorted({f"{a} {b}" for a, b in pairwise(plain) if len(content(f"{a} {b}")) == 2}))
    single = [(form, content(w)) for w in all_words(data, 20) for form in forms(w)]
    single += [("person", ["person"]), ("a person", ["person"]), ("people", ["person"])]
    phrases = [(p, content(p)) for p, _ in pairs.most_common(400)]
    captions = [(r["texts"]["en"][0], sorted(set(content(r["texts"]["en"][0])))) for r in rows[::20]]
    return [(text, stems) for text, stems in [*single, *phrases, *captions] if stems]


def _levels(
    asked: Sequence[tuple[str, list[str]]], pool: Sequence[dict[str, Any]], shop: Sequence[dict[str, Any]]
) -> np.ndarray:
    """(asked, pictures) 2 right, 1 unclear, 0 wrong: by two captions for one word, by half of what a caption says."""
    counts, column = _counted([r["texts"]["en"] for r in pool])
    types = [r["attributes"]["articleType"] for r in shop]
    names = [set(words(PRODUCT_NAMES.get(t, t))) for t in types]
    known: dict[str, np.ndarray] = {}
    for s in {s for _, stems in asked for s in stems}:
        called = {"person", *names_of("man"), *names_of("woman"), *names_of("child")} if s == "person" else names_of(s)
        found = [column[n] for n in called if n in column]
        known[s] = np.concatenate(
            [np.minimum(2, counts[:, found].sum(axis=1)), [0 if n.isdisjoint(called) else 2 for n in names]]
        )
    level = np.zeros((len(asked), len(pool) + len(shop)), np.int8)
    for row, (_, stems) in enumerate(asked):
        each = np.array([known[s] for s in stems])
        right = each.min(axis=0) >= (2 if len(stems) == 1 else 1)
        some = (each > 0).mean(axis=0)
        level[row] = np.where(right, 2, np.where(some == 1 if len(stems) <= 2 else some > 0.5, 1, 0))
    return level


def _reached(
    queries: Embeddings, images: Embeddings, unrelated: Background, level: np.ndarray, lengths: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """(n, 6) what right and the best wrong pictures reach for each query, and (n,) how many right ones there are."""
    short, long = (Usual.of(leveled(unrelated.beside(n), images).T) for n in (1, WORDS + 1))
    alone_of, every = heard(queries, images, unrelated), np.arange(len(images))
    reached = []
    for start in range(0, len(queries), _ROWS):
        rows = queries[start : start + _ROWS]
        scores = leveled(rows, images)
        above = stands(scores, leveled(rows, unrelated.images))
        for at, score, stand in zip(range(start, start + len(rows)), scores, above, strict=True):
            known, count = level[at], lengths[at]
            named, right = (short if count <= WORDS else long).named(score), known == 2
            alone = alone_of(at, every, count)
            wrong = np.flatnonzero(known == 0)
            best = wrong[np.argsort(-score[wrong], kind="stable")][: max(5, len(wrong) // 100)]
            seen = np.array([stand, named, alone])
            own = np.median(seen[:, right], axis=1) if right.any() else np.zeros(3)
            # By itself the part has wrong ones of its own.
            most = np.sort(alone[wrong])[-len(best) :].mean()
            reached.append((*own, *seen[:2, best].mean(axis=1), most))
    return np.array(reached), (level == 2).sum(axis=1)


def _map(read: np.ndarray, reached: np.ndarray, counts: np.ndarray) -> Floats:
    """(6, d + 1) weighted ridge regression."""
    found = []
    for column in range(reached.shape[1]):
        weight = counts / (counts + _HALF) if column < reached.shape[1] // 2 else np.ones(len(counts))
        middle = (weight @ reached[:, column]) / weight.sum()
        # The smaller of two equal systems: term weights are many more numbers than there are examples.
        root = np.sqrt(weight)[:, None] * read
        goal = np.sqrt(weight) * (reached[:, column] - middle)
        if read.shape[1] <= len(read):
            slope = np.linalg.solve(root.T @ root + _RIDGE * np.eye(read.shape[1]), root.T @ goal)
        else:
            slope = root.T @ np.linalg.solve(root @ root.T + _RIDGE * np.eye(len(read)), goal)
        found.append([*slope, middle])
    return np.array(found, np.float32)


def _of_pictures(images: Embeddings, pool: Sequence[dict[str, Any]], unrelated: Background) -> Floats:
    """The map for pictures as queries: right where captions share 60 % of what both say, wrong up to a third."""
    counts, column = _counted([r["texts"]["en"] for r in pool])
    telling = (counts > 0)[:, [bool(content(w)) for w in column]].astype(np.float32)
    both = telling @ telling.T / np.maximum(1, telling.sum(axis=1, keepdims=True))
    shared = np.minimum(both, both.T)
    level = np.where(shared >= 0.6, 2, np.where(shared > 0.34, 1, 0))
    np.fill_diagonal(level, 1)
    reached, right = _reached(images, images, unrelated, level, [0] * len(pool))
    return _map(direction(images).astype(np.float64), reached, right)
