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
from openitr.search.evidence import WORDS, Evidence, Usual, measure
from openitr.search.forms import length
from recipes.calibration.plain import EVERYDAY, bare
from recipes.calibration.questions import Domain

TOP = 20
_BATCH = 64
# Pictures in a folder as people have them.
_SMALLEST, _LARGEST = 30, 2000


@dataclass(frozen=True)
class Trial:
    """One question asked of one collection.

    Args:
        domain, kind: Of the question; kind is word, phrase, caption or image.
        answers: How many pictures of the collection answer it.
        many: Whether at least 1 in 50 of its pictures do (before they were removed).
        known: Whether the domain holds an answer at all, so that the question is asked both ways.
        hidden: How many of its pictures are expected to answer although nothing that is written of them says so.
        text: What was asked.
        evidence: Of the t <= 20 best hits.
        labels: (t,) 1 relevant, 0 not, -1 unclear.
    """

    domain: str
    kind: str
    answers: int
    many: bool
    known: bool
    hidden: float
    text: str
    evidence: Evidence
    labels: np.ndarray

    @property
    def words(self) -> int:
        """How many words are asked; 0 for a picture."""
        return length(self.text)

    @property
    def everyday(self) -> bool:
        """Whether a word is asked that everybody uses."""
        return bare(self.text) in EVERYDAY

    @property
    def answerable(self) -> bool:
        """Whether the collection holds a picture that answers it."""
        return self.answers > 0


@dataclass(frozen=True)
class Embedded:
    """A domain with its vectors: pictures as a collection stores them, and one row per question."""

    domain: Domain
    images: Embeddings
    queries: Embeddings


def embed(domain: Domain, encoder: Encoder, cache: Path) -> Embedded:
    """Vectors of a domain, from ``cache`` where they are there."""
    images = joined([_block(list(files), encoder, cache) for files in _blocks(domain)])
    texts = sorted({q.text for q in domain.questions if q.text})
    rows = cached(cache, encoder, "texts", texts, lambda: encoder.encode_texts(texts))
    place = {text: row for row, text in enumerate(texts)}
    asked = [rows[[place[q.text]]] if q.text else images[[q.picture]] for q in domain.questions]
    return Embedded(domain, images, joined(asked))


def _blocks(domain: Domain) -> Iterator[Sequence[Path]]:
    start = 0
    for count in domain.blocks or (len(domain.files),):
        yield domain.files[start : start + count]
        start += count


def _block(files: Sequence[Path], encoder: Encoder, cache: Path) -> Embeddings:
    return stored(cached(cache, encoder, "images", [str(f) for f in files], lambda: pictures(files, encoder)))


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


@dataclass(frozen=True)
class Draw:
    """A collection that is asked a question.

    Args:
        at: Which question of the domain.
        name: Of the family of collections.
        there: (n,) which pictures of the domain it holds.
        labels: (n,) 1 relevant, 0 not, -1 unclear.
        many: As in :class:`Trial`.
    """

    at: int
    name: str
    there: np.ndarray
    labels: np.ndarray
    many: bool


def trials(embedded: Embedded, background: Background) -> Iterator[Trial]:
    """Each question with its answers in place, and with the relevant and unclear pictures removed."""
    domain, images = embedded.domain, embedded.images
    scores = leveled(embedded.queries, images)
    short, long = (Usual.of(leveled(background.beside(n), images).T) for n in (1, WORDS + 1))
    reference = leveled(embedded.queries, background.images)
    alone = heard(embedded.queries, images, background)
    size = len(images)
    for draw in draws(domain):
        question, query = domain.questions[draw.at], embedded.queries[[draw.at]]
        rows = np.flatnonzero(draw.there)
        best = rows[np.argsort(-scores[draw.at, rows], kind="stable")[:TOP]]
        by_image = question.picture >= 0
        expected = background.expected(query, by_image=by_image)
        words = 0 if by_image else length(question.text)
        evidence = measure(
            scores[draw.at, best],
            (short if words <= WORDS else long)[best],
            reference[draw.at],
            expected,
            words,
            len(rows),
            alone(draw.at, best, words),
        )
        answers = int((draw.labels[rows] == 1).sum())
        hidden = question.hidden * len(rows) / size
        yield Trial(
            draw.name, question.kind, answers, draw.many, len(question.relevant) > 0, hidden, question.text, evidence,
            draw.labels[best],
        )  # fmt: skip


def heard(
    queries: Embeddings, images: Embeddings, background: Background
) -> Callable[[int, np.ndarray, int], np.ndarray]:
    """What :meth:`openitr.search.rivals.KeptRivals.alone` says of a query's row, rows of pictures and so many words."""
    if not background.alone:
        return lambda at, rows, words: np.zeros(len(rows))
    seen, asked = background.apart(images), background.apart(queries)
    short, long = (Usual.of(seen @ background.apart(background.beside(n)).T) for n in (1, WORDS + 1))
    return lambda at, rows, words: (short if words <= WORDS else long)[rows].rivals(seen[rows] @ asked[at])


def draws(domain: Domain) -> Iterator[Draw]:
    """Both are asked of the whole domain, and again of a random part of it (20 pictures up), since people have
    collections of every size; of a domain of several sources, of two random mixtures of them.
    """
    size = len(domain.files)
    rng = np.random.default_rng(size)
    for at, question in enumerate(domain.questions):
        labels = np.zeros(size, np.int64)
        labels[question.relevant], labels[question.unclear] = 1, -1
        there = np.ones(size, bool)
        if question.picture >= 0:
            there[question.picture] = False
        if domain.blocks:
            yield from _mixtures(domain, at, labels, rng)
            continue
        many = len(question.relevant) * 50 >= size
        if len(question.relevant):
            yield Draw(at, domain.name, there, labels, many)
            part = _part(there, rng, always=int(rng.choice(question.relevant)))
            yield Draw(at, f"{domain.name}, part", part, labels, int((labels[part] == 1).sum()) * 50 >= int(part.sum()))
        rest = there & (labels == 0)
        if rest.sum() >= 20:
            yield Draw(at, domain.name, rest, labels, many)
            yield Draw(at, f"{domain.name}, part", _part(rest, rng), labels, many)


def _mixtures(domain: Domain, at: int, labels: np.ndarray, rng: np.random.Generator) -> Iterator[Draw]:
    """Two folders of 30 to 2,000 pictures, of all shares of the sources; half of them with fewer answers than usual."""
    block = np.repeat(np.arange(len(domain.blocks)), domain.blocks)
    for _ in range(2):
        share = rng.dirichlet(np.full(len(domain.blocks), 0.7))
        chance = share[block] / np.array(domain.blocks)[block]
        most = min(_LARGEST, int(1 / chance.max()))
        count = int(np.exp(rng.uniform(np.log(_SMALLEST), np.log(max(_SMALLEST, most)))))
        part = np.zeros(len(labels), bool)
        part[rng.choice(len(labels), count, replace=False, p=chance / chance.sum())] = True
        relevant = np.flatnonzero(labels == 1)
        if len(relevant):
            held = part.copy()
            held[int(rng.choice(relevant))] = True
            own = np.flatnonzero(held & (labels == 1))
            if rng.random() < 0.5:
                keep = int(np.exp(rng.uniform(0, np.log(len(own)))))
                held[rng.permutation(own)[keep:]] = False
            many = int((labels[held] == 1).sum()) * 50 >= int(held.sum())
            yield Draw(at, domain.name, held, labels, many)
        rest = part & (labels == 0)
        if rest.sum() >= 20:
            yield Draw(at, domain.name, rest, labels, bool(len(relevant)) and many)


def _part(there: np.ndarray, rng: np.random.Generator, always: int | None = None) -> np.ndarray:
    """Some of the pictures that are there, as a mask; their number is drawn evenly on a logarithmic scale."""
    rows = np.nonzero(there)[0]
    size = int(np.exp(rng.uniform(np.log(min(20, len(rows))), np.log(len(rows)))))
    part = np.zeros(len(there), bool)
    part[rng.choice(rows, size, replace=False)] = True
    if always is not None and there[always]:
        part[always] = True
    return part
