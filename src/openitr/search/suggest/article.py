"""An article illustrated from a collection, by its own pictures and what is written of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from openitr.embeddings import DenseEmbeddings
from openitr.encoders.base import Encoder
from openitr.search.forms import singular, words_of
from openitr.search.suggest.collected import LocalLibrary, dense_run, written
from openitr.search.suggest.illustrator import Illustrated, Illustrator
from openitr.search.suggest.keyphrases import (
    Document,
    Ranker,
    caption_likelihood,
    position,
    shown,
    text_rank,
    tf_idf,
    title_likeness,
)
from openitr.search.suggest.vocabulary import known_words

_SAMPLE = 5000
_PICTURES = 50_000


@dataclass(frozen=True)
class Article:
    """An illustrated article.

    Args:
        title: Its title, or "".
        phrases: The key phrases of the whole, best first.
        paragraphs: Each with its pictures.
        notes: What a reader should know.
    """

    title: str
    phrases: tuple[str, ...]
    paragraphs: tuple[Illustrated, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain data, as ``openitr illustrate --json`` prints it."""
        return {
            "title": self.title,
            "phrases": list(self.phrases),
            "paragraphs": [one.to_json() for one in self.paragraphs],
            "notes": list(self.notes),
        }


def rankers_for(encoder: Encoder, pictures: Any, captions: Sequence[str]) -> dict[str, Ranker]:
    """The rankers that an article is read by: all of :mod:`openitr.search.suggest.keyphrases`.

    Args:
        encoder: A dense one.
        pictures: (n, d) unit vectors.
        captions: What is written of pictures like these; the words of the shipped lexicon model where there are none.
    """
    known = list(captions) or list(known_words())
    background = Counter(word for text in known for word in {singular(word) for word in words_of(text)})
    return {
        "tf-idf": tf_idf(background, len(known)),
        "TextRank": text_rank,
        "position": position,
        "captions": caption_likelihood(known),
        "title": title_likeness(encoder),
        "shown": shown(encoder, pictures),
    }


def illustrate(
    library: LocalLibrary, text: str | Document, *, each: int = 3, feedback_rounds: int = 0, run: str | None = None
) -> Article:
    """Pictures of a collection for every paragraph of an article.

    Args:
        library: Whose pictures they are; they need dense vectors.
        text: The article: paragraphs divided by blank lines, perhaps a title first.
        each: Pictures for a paragraph, at most.
        feedback_rounds: Of Rocchio's pseudo-relevance feedback.
        run: A dense run by name; the active one, or any dense one, if None.

    Raises:
        InputError: The article has no words, or ``each`` is below 1, or the run is not dense.
        CollectionError: The collection has no dense vectors.

    >>> with openitr.open("photos") as library:                                          # doctest: +SKIP
    ...     illustrate(library, "The old harbour\\n\\nBoats lie at the quay.").paragraphs[0].phrases
    ('boats', 'quay')
    """
    document = Document.read(text) if isinstance(text, str) else text
    collection = library.collection
    chosen = dense_run(collection, run)
    ids, notes = chosen.index.ids(), list[str]()
    if len(ids) > _PICTURES:
        # Feedback compares every phrase with every picture, several times.
        notes.append(f"{_PICTURES:,} of {len(ids):,} pictures, spread over the collection, were looked at")
        ids = ids[np.linspace(0, len(ids) - 1, _PICTURES).astype(np.int64)]
    vectors = chosen.index.vectors(ids)
    assert isinstance(vectors, DenseEmbeddings)
    some = ids[np.linspace(0, len(ids) - 1, min(len(ids), _SAMPLE)).astype(np.int64)] if len(ids) else ids
    captions = [caption for item in collection.items(some) for caption in written(item)]
    encoder = library.encoder(chosen)
    maker = Illustrator(
        encoder, ids, vectors.values, rankers_for(encoder, vectors.values, captions), rounds=feedback_rounds
    )
    paragraphs = maker.illustrate(document, each=each)
    return Article(document.title, tuple(maker.phrases(document)[:10]), tuple(paragraphs), tuple(notes))
