"""Asking every question of collections that hold the answer and of collections that do not."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openitr.embeddings import DenseEmbeddings, Embeddings, joined, load_embeddings
from openitr.encoders.base import Encoder
from openitr.media import decode
from openitr.search.background import Background, leveled
from openitr.search.evidence import Evidence, Usual, company_of, measure
from recipes.calibration.questions import Domain

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
        hidden: How many of its pictures are expected to answer although nothing that is written of them says so.
        text: What was asked.
        evidence: Of the t <= 20 best hits.
        labels: (t,) 1 relevant, 0 not, -1 unclear.
    """

    domain: str
    kind: str
    answerable: bool
    many: bool
    known: bool
    hidden: float
    text: str
    evidence: Evidence
    labels: np.ndarray


@dataclass(frozen=True)
class Embedded:
    """A domain with its vectors: pictures as a collection stores them, and one row per question."""

    domain: Domain
    images: Embeddings
    queries: Embeddings


def embed(domain: Domain, encoder: Encoder, cache: Path) -> Embedded:
    """Vectors of a domain, from ``cache`` where they are there."""
    files = [str(f) for f in domain.files]
    images = stored(cached(cache, encoder, "images", files, lambda: pictures(domain.files, encoder)))
    texts = sorted({q.text for q in domain.questions if q.text})
    rows = cached(cache, encoder, "texts", texts, lambda: encoder.encode_texts(texts))
    place = {text: row for row, text in enumerate(texts)}
    asked = [rows[[place[q.text]]] if q.text else images[[q.picture]] for q in domain.questions]
    return Embedded(domain, images, joined(asked))


def cached(
    cache: Path, encoder: Encoder, what: str, names: Sequence[str], make: Callable[[], Embeddings]
) -> Embeddings:
    """What ``make`` gives, kept under the model and the names of what was encoded."""
    key = hashlib.sha256("\n".join([encoder.fingerprint, what, *names]).encode()).hexdigest()[:16]
    path = cache / f"{what}-{key}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        make().save(path)
    return load_embeddings(path)


def pictures(files: Sequence[Path], encoder: Encoder) -> Embeddings:
    """Embeddings of picture files."""
    made = []
    for start in range(0, len(files), _BATCH):
        batch = [decode(file, shrink_to=encoder.preparation.size).array for file in files[start : start + _BATCH]]
        made.append(encoder.encode_images(batch))
    return joined(made)


def stored(images: Embeddings) -> Embeddings:
    """As the index of their kind keeps them: rounded and cut."""
    if isinstance(images, DenseEmbeddings):
        return images
    from openitr.collection.kept import _opened

    ids = np.arange(len(images))
    with tempfile.TemporaryDirectory() as folder:
        index = _opened(Path(folder), images.kind, images.dim, images)
        index.add(ids, images)
        index.flush()
        kept = index.vectors(ids)
        index.close()
    return kept


def trials(embedded: Embedded, background: Background) -> Iterator[Trial]:
    """Each question with its answers in place, and with the relevant and unclear pictures removed.

    Both are asked of the whole domain, and again of a random part of it (20 pictures up), since people have
    collections of every size.
    """
    domain, images = embedded.domain, embedded.images
    scores = leveled(embedded.queries, images)
    others = Usual.of(leveled(background.texts, images).T)
    reference = leveled(embedded.queries, background.images)
    size = len(images)
    rng = np.random.default_rng(size)

    def trial(at: int, name: str, there: np.ndarray, labels: np.ndarray, many: bool) -> Trial:
        question = domain.questions[at]
        rows = np.flatnonzero(there)
        best = rows[np.argsort(-scores[at, rows], kind="stable")[:TOP]]
        usual = Usual(others.middle[best], others.unit[best])
        by_image = question.picture >= 0
        expected = background.expected(embedded.queries[[at]], by_image=by_image)
        words = 0 if by_image else len(question.text.split())
        company = np.arange(min(len(best), company_of(len(rows))))
        evidence = measure(scores[at, best], usual, company, reference[at], expected, words, len(rows))
        answerable, known = bool((labels[rows] == 1).any()), len(question.relevant) > 0
        hidden = question.hidden * len(rows) / size
        return Trial(
            name, question.kind, answerable, many, known, hidden, question.text, evidence, labels[best]
        )  # fmt: skip

    for at, question in enumerate(domain.questions):
        labels = np.zeros(size, np.int64)
        labels[question.relevant], labels[question.unclear] = 1, -1
        there = np.ones(size, bool)
        if question.picture >= 0:
            there[question.picture] = False
        many = len(question.relevant) * 50 >= size
        if len(question.relevant):
            yield trial(at, domain.name, there, labels, many)
            part = _part(there, rng, always=int(rng.choice(question.relevant)))
            yield trial(
                at, f"{domain.name}, part", part, labels, int((labels[part] == 1).sum()) * 50 >= int(part.sum())
            )
        rest = there & (labels == 0)
        if rest.sum() >= 20:
            yield trial(at, domain.name, rest, labels, many)
            yield trial(at, f"{domain.name}, part", _part(rest, rng), labels, many)


def _part(there: np.ndarray, rng: np.random.Generator, always: int | None = None) -> np.ndarray:
    """Some of the pictures that are there, as a mask; their number is drawn evenly on a logarithmic scale."""
    rows = np.nonzero(there)[0]
    size = int(np.exp(rng.uniform(np.log(min(20, len(rows))), np.log(len(rows)))))
    part = np.zeros(len(there), bool)
    part[rng.choice(rows, size, replace=False)] = True
    if always is not None and there[always]:
        part[always] = True
    return part
