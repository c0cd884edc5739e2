"""Key phrases of an article, ranked in several ways that are put together (Borda, reciprocal ranks, Kemeny).

A ranker is a callable ``(document, phrases) -> scores``, higher is better: yours stands beside these.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats
from openitr.encoders.base import Encoder
from openitr.errors import InputError
from openitr.search.forms import STOP, singular, words_of
from openitr.search.suggest.vocabulary import dense

T = TypeVar("T", bound=Hashable)
Scores = npt.NDArray[np.float64]
Rule = Literal["borda", "rrf", "kemeny"]

_RRF = 60
_LONGEST = 3
_AT_ONCE = 256


@dataclass(frozen=True)
class Document:
    """An article.

    Args:
        title: Its title, or "".
        paragraphs: Its text.

    Raises:
        InputError: No text at all.
    """

    title: str
    paragraphs: tuple[str, ...]

    def __post_init__(self) -> None:
        if not any(words_of(text) for text in (self.title, *self.paragraphs)):
            raise InputError("the article has no words", "give a text with paragraphs, divided by blank lines")

    @classmethod
    def read(cls, text: str) -> Document:
        """A text whose paragraphs are divided by blank lines; a short first one without a full stop is the title.

        >>> Document.read("# Dogs at sea\\n\\nA dog swims.\\nIt is wet.\\n\\nA boat.").paragraphs
        ('A dog swims. It is wet.', 'A boat.')
        """
        parts = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n"))]
        parts = [part for part in parts if part]
        first = parts[0].lstrip("# ") if parts else ""
        titled = len(parts) > 1 and len(first) <= 120 and not first.endswith((".", "!", "?", ":"))
        return cls(first if titled else "", tuple(parts[1:] if titled else parts))

    @cached_property
    def words(self) -> list[str]:
        """All words in order, the title's first."""
        return [word for text in (self.title, *self.paragraphs) for word in words_of(text)]


def phrases_in(texts: Sequence[str], longest: int = _LONGEST) -> list[str]:
    """Candidates: runs of words within a clause that begin and end with one that says something.

    A noun phrase is such a run; without a tagger, so are some others, which the rankers send back.

    >>> phrases_in(["The dog of the harbour, asleep."])
    ['dog', 'dog of the harbour', 'harbour', 'asleep']
    """
    found: dict[str, None] = {}
    for text in texts:
        for clause in re.split(r"[.,;:!?()\n\"“”]+", text):
            words = words_of(clause)
            for at, word in enumerate(words):
                if _empty(word):
                    continue
                said, taken = 0, list[str]()
                for other in words[at : at + 2 * longest]:
                    # "dog of the harbour" is one phrase of two words; "dog the harbour" is none.
                    joins = other == "of" or (taken[-1:] == ["of"] and other in ("the", "a", "an"))
                    taken.append(other)
                    if not _empty(other):
                        said += 1
                        found[" ".join(taken)] = None
                    elif not joins:
                        break
                    if said == longest:
                        break
    return list(found)


def _empty(word: str) -> bool:
    return word in STOP or len(word) < 2 or word.isdigit()


Ranker = Callable[[Document, Sequence[str]], Scores]


def tf_idf(background: Mapping[str, int], total: int) -> Ranker:
    """Words that the article has often and texts of pictures seldom; a phrase is the sum of its words.

    A word that is written of no picture counts nothing: it finds none.

    Args:
        background: Stem to the number of texts that have it.
        total: Number of those texts.
    """

    def rank(document: Document, phrases: Sequence[str]) -> Scores:
        counts = Counter(singular(word) for word in document.words)

        def weight(word: str) -> float:
            many = background.get(singular(word), 0)
            return counts[singular(word)] * math.log((1 + total) / (1 + many)) if many else 0.0

        return _over_words(phrases, weight)

    return rank


def text_rank(document: Document, phrases: Sequence[str], *, window: int = 3, damping: float = 0.85) -> Scores:
    """TextRank: words that stand near words that count, by PageRank; a phrase is the sum of its words.

    Source: Mihalcea and Tarau 2004.
    """
    words = [singular(word) for word in document.words if not _empty(word)]
    place = {word: at for at, word in enumerate(dict.fromkeys(words))}
    if not place:
        return np.zeros(len(phrases))
    links = np.zeros((len(place), len(place)))
    for at, word in enumerate(words):
        for other in words[at + 1 : at + window]:
            if other != word:
                links[place[word], place[other]] += 1
                links[place[other], place[word]] += 1
    out = links.sum(0)
    steps = np.divide(links, out, out=np.full_like(links, 1 / len(place)), where=out > 0)
    scores = np.full(len(place), 1 / len(place))
    for _ in range(50):
        scores = (1 - damping) / len(place) + damping * steps @ scores
    said = [{singular(word) for word in words_of(phrase) if not _empty(word)} for phrase in phrases]
    return np.array([sum(scores[place[word]] for word in one if word in place) for one in said], np.float64)


def position(document: Document, phrases: Sequence[str]) -> Scores:
    """What comes first counts more: minus the place of a phrase's first word run."""
    text = " " + " ".join(document.words) + " "
    places = [text.find(f" {' '.join(words_of(phrase))} ") for phrase in phrases]
    return np.array([-(place if place >= 0 else len(text)) for place in places], np.float64)


def caption_likelihood(captions: Sequence[str], *, smooth: float = 0.5) -> Ranker:
    """Phrases that captions are made of: log odds of a phrase's words under a unigram model of captions.

    A word that captions have oftener than their average word speaks for a phrase, any other against it. It stands for
    the thesis' topic-probability caption model (ours).
    """
    counts = Counter(singular(word) for caption in captions for word in words_of(caption) if not _empty(word))
    usual = (sum(counts.values()) + smooth) / (len(counts) + 1)

    def rank(document: Document, phrases: Sequence[str]) -> Scores:
        return _over_words(phrases, lambda word: math.log((counts[singular(word)] + smooth) / usual))

    return rank


def title_likeness(encoder: Encoder) -> Ranker:
    """Cosine of a phrase with the title, or with the first paragraph where there is none."""

    def rank(document: Document, phrases: Sequence[str]) -> Scores:
        head = document.title or next(text for text in document.paragraphs if words_of(text))
        vectors = dense(encoder, [head, *phrases])
        found: Scores = (vectors[1:] @ vectors[0]).astype(np.float64)
        return found

    return rank


def shown(encoder: Encoder, pictures: Floats, most: int = 10) -> Ranker:
    """Phrases of which there are pictures: mean of the best ``most`` cosines above the mean of all (ours)."""

    def rank(document: Document, phrases: Sequence[str]) -> Scores:
        if not len(pictures):
            return np.zeros(len(phrases))
        vectors, found = dense(encoder, phrases), np.zeros(len(phrases))
        # A long article has thousands of phrases: all of them by all pictures would not fit into memory.
        for at in range(0, len(phrases), _AT_ONCE):
            scores = vectors[at : at + _AT_ONCE] @ pictures.T
            scores.partition(max(0, len(pictures) - most), axis=1)
            found[at : at + _AT_ONCE] = scores[:, -most:].mean(1) - scores.mean(1)
        return found

    return rank


def ordered(phrases: Sequence[str], scores: Scores) -> list[str]:
    """Phrases by score, best first; ties keep their order."""
    return [phrases[int(at)] for at in np.argsort(-np.asarray(scores), kind="stable")]


def aggregate_ranks(lists: Sequence[Sequence[T]], rule: Rule = "borda") -> list[T]:
    """One ranking of several.

    Args:
        lists: Each best first, without repetition; what a list leaves out stands behind all it has.
        rule: "borda": sum of n - rank; "rrf": sum of 1 / (60 + rank), Cormack et al. 2009; "kemeny": from Borda's,
            neighbours swap while that pleases more lists than it displeases.

    Returns:
        Everything that stands in any list, best first; ties in the order of first appearance.

    Raises:
        InputError: A list that has something twice, or an unknown rule.

    >>> aggregate_ranks([["a", "b", "c"], ["b", "a", "c"], ["b", "c", "a"]])
    ['b', 'a', 'c']
    """
    for one in lists:
        if len(set(one)) != len(one):
            raise InputError("a ranking has something twice", "name each once")
    names = list(dict.fromkeys(name for one in lists for name in one))
    places_of = [{name: rank for rank, name in enumerate(one, 1)} for one in lists]
    ranks = np.array([[of.get(name, 0) for name in names] for of in places_of]).reshape(len(lists), len(names))
    if rule == "rrf":
        totals = np.where(ranks > 0, 1 / (_RRF + np.maximum(ranks, 1)), 0.0).sum(0)
    elif rule in ("borda", "kemeny"):
        totals = np.where(ranks > 0, len(names) - ranks, 0).sum(0).astype(np.float64)
    else:
        raise InputError(f"there is no rule {rule!r}", "use borda, rrf or kemeny")
    order = [int(at) for at in np.argsort(-totals, kind="stable")]
    if rule == "kemeny":
        places = np.where(ranks > 0, ranks, len(names) + 1)
        swapped = True
        # Every swap of neighbours lowers the number of disagreements, so this ends.
        while swapped:
            swapped = False
            for at in range(len(order) - 1):
                first, second = places[:, order[at]], places[:, order[at + 1]]
                if int((second < first).sum()) > int((first < second).sum()):
                    order[at], order[at + 1], swapped = order[at + 1], order[at], True
    return [names[at] for at in order]


def _over_words(phrases: Sequence[str], weight: Callable[[str], float]) -> Scores:
    """Sum of the weights of the words that say something."""
    said = [[word for word in words_of(phrase) if not _empty(word)] for phrase in phrases]
    return np.array([sum(map(weight, one)) for one in said], np.float64)
