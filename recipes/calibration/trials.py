"""Asking every question of collections that hold the answer and of collections that do not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openitr.encoders.base import Encoder
from openitr.media import decode
from openitr.search.background import Background
from openitr.search.evidence import Evidence, company_of, gather
from recipes.calibration.questions import Domain, Question

TOP = 20
_BATCH = 64


@dataclass(frozen=True)
class Trial:
    """One question asked of one collection.

    Args:
        domain, kind: Of the question; kind is word, phrase, caption or image.
        answerable: Whether the collection holds a picture that answers it.
        many: Whether at least 1 in 50 of its pictures do (before they were removed).
        known: Whether the domain holds an answer at all, so that the question is asked both ways.
        text: What was asked.
        evidence: Of the t <= 20 best hits.
        labels: (t,) 1 relevant, 0 not, -1 unclear.
    """

    domain: str
    kind: str
    answerable: bool
    many: bool
    known: bool
    text: str
    evidence: Evidence
    labels: np.ndarray


@dataclass(frozen=True)
class Embedded:
    """A domain with its vectors: (n, d) pictures, and one row per question."""

    domain: Domain
    images: np.ndarray
    queries: np.ndarray


def embed(domain: Domain, encoder: Encoder, cache: Path) -> Embedded:
    """Vectors of a domain, from ``cache`` where they are there."""
    images = _cached(cache, encoder, "images", [str(f) for f in domain.files], lambda: _pictures(domain, encoder))
    texts = sorted({q.text for q in domain.questions if q.text})
    rows = _cached(cache, encoder, "texts", texts, lambda: encoder.encode_texts(texts).values)
    place = {text: row for row, text in enumerate(texts)}
    queries = np.stack([rows[place[q.text]] if q.text else images[q.picture] for q in domain.questions])
    return Embedded(domain, images, queries)


def _cached(cache: Path, encoder: Encoder, what: str, names: Sequence[str], make) -> np.ndarray:
    key = hashlib.sha256("\n".join([encoder.fingerprint, what, *names]).encode()).hexdigest()[:16]
    path = cache / f"{what}-{key}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path, make())
    return np.load(path)


def _pictures(domain: Domain, encoder: Encoder) -> np.ndarray:
    rows = []
    for start in range(0, len(domain.files), _BATCH):
        batch = [
            decode(file, shrink_to=encoder.preparation.size).array for file in domain.files[start : start + _BATCH]
        ]
        rows.append(encoder.encode_images(batch).values)
    return np.concatenate(rows)


def trials(embedded: Embedded, background: Background) -> Iterator[Trial]:
    """Each question with its answers in place, and with the relevant and unclear pictures removed.

    Both are asked of the whole domain, and again of a random part of it (20 pictures up), since people have
    collections of every size.
    """
    domain, images = embedded.domain, embedded.images
    rng = np.random.default_rng(len(images))
    for question, query in zip(domain.questions, embedded.queries, strict=True):
        labels = np.zeros(len(images), np.int64)
        labels[question.relevant], labels[question.unclear] = 1, -1
        there = np.ones(len(images), bool)
        if question.picture >= 0:
            there[question.picture] = False
        many = len(question.relevant) * 50 >= len(images)
        if len(question.relevant):
            yield _trial(domain.name, question, many, query, images[there], labels[there], background)
            part = _part(there, rng, always=int(rng.choice(question.relevant)))
            share = int((labels[part] == 1).sum()) * 50 >= int(part.sum())
            yield _trial(f"{domain.name}, part", question, share, query, images[part], labels[part], background)
        rest = there & (labels == 0)
        if rest.sum() >= 20:
            yield _trial(domain.name, question, many, query, images[rest], labels[rest], background)
            part = _part(rest, rng)
            yield _trial(f"{domain.name}, part", question, many, query, images[part], labels[part], background)


def _part(there: np.ndarray, rng: np.random.Generator, always: int | None = None) -> np.ndarray:
    """Some of the pictures that are there, as a mask; their number is drawn evenly on a logarithmic scale."""
    rows = np.nonzero(there)[0]
    size = int(np.exp(rng.uniform(np.log(min(20, len(rows))), np.log(len(rows)))))
    part = np.zeros(len(there), bool)
    part[rng.choice(rows, size, replace=False)] = True
    if always is not None and there[always]:
        part[always] = True
    return part


def _trial(
    name: str,
    question: Question,
    many: bool,
    query: np.ndarray,
    images: np.ndarray,
    labels: np.ndarray,
    background: Background,
) -> Trial:
    best = np.argsort(-(images @ query), kind="stable")[:TOP]
    words = len(question.text.split())
    company = images[best[: company_of(len(images))]]
    evidence = gather(query, images[best], company, background, words=words, size=len(images))
    answerable = bool((labels == 1).any())
    return Trial(
        name, question.kind, answerable, many, len(question.relevant) > 0, question.text, evidence, labels[best]
    )
