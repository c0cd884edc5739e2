"""Suggestions for a collection: its own search, its own words, and what is configured of language models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from openitr.embeddings import DenseEmbeddings
from openitr.encoders.lmm import GAIN, LMM
from openitr.errors import QueryError
from openitr.search.compose.captions import lmm_captioner
from openitr.search.forms import STOP, singular, words_of
from openitr.search.suggest.base import Suggestion
from openitr.search.suggest.cluster import Clusterer
from openitr.search.suggest.group_cap import GroupCap, lmm_merger
from openitr.search.suggest.languages import tongue
from openitr.search.suggest.naming import Discriminative
from openitr.search.suggest.readers import Foreign, foreign
from openitr.search.suggest.spelling import did_you_mean
from openitr.search.suggest.suggester import Namer, QuerySuggester
from openitr.search.suggest.vocabulary import known_words

if TYPE_CHECKING:
    from openitr.collection import Collection, Run
    from openitr.encoders.base import Encoder
    from openitr.types import Hits, Item

RESULTS = 80
_SAMPLE = 5000


class LocalLibrary(Protocol):
    """What is needed of a library: :class:`openitr.Library` is one."""

    collection: Collection

    def search(self, query: str, *, k: int, where: Any = (), run: str | None = None) -> Hits:
        """The pictures that a query finds."""
        ...

    def encoder(self, run: Run | None = None) -> Encoder:
        """The model of a run."""
        ...


@dataclass(frozen=True)
class Suggested(Sequence[Suggestion]):
    """What can be suggested for a query; a sequence of its suggestions.

    Args:
        query: As it was asked.
        suggestions: One per group of its results, the largest group first.
        results: How many pictures were grouped.
        did_you_mean: The query with misspelt words put right, or None.
        language: The language that the query seems to be in, where the model was not made for it; else None.
        advice: A sentence on it: what the model reads, and which model reads more; else None.
        notes: What a reader should know.
    """

    query: str
    suggestions: tuple[Suggestion, ...]
    results: int = 0
    did_you_mean: str | None = None
    language: str | None = None
    notes: tuple[str, ...] = ()
    advice: str | None = None

    def __len__(self) -> int:
        return len(self.suggestions)

    def __getitem__(self, place: Any) -> Any:
        return self.suggestions[place]

    def __iter__(self) -> Iterator[Suggestion]:
        return iter(self.suggestions)

    def to_json(self) -> dict[str, Any]:
        """As plain data, as ``openitr suggest --json`` prints it."""
        return {
            "query": self.query,
            "suggestions": [one.to_json() for one in self.suggestions],
            "results": self.results,
            "did_you_mean": self.did_you_mean,
            "language": self.language,
            "advice": self.advice,
            "notes": list(self.notes),
        }


def for_library(
    library: LocalLibrary,
    query: str,
    *,
    k: int = RESULTS,
    groups: int | None = None,
    where: Any = (),
    run: str | None = None,
    lmm: LMM | None = None,
) -> Suggested:
    """Search, group what is found, and suggest a changed query for each group.

    Args:
        library: To be asked; its pictures need dense vectors.
        query: In words.
        k: How many of the best are grouped; those that are surely wrong are left out where enough are not.
        groups: How many; counted if None.
        where: Filter of the search.
        run: A dense run by name; the active one, or any dense one, if None.
        lmm: A language model that captions and merges (GroupCap); phrases that tell the groups apart if None.

    Raises:
        QueryError: A blank query, k out of range, or a run that is not dense.
        CollectionError: The collection has no dense vectors.

    >>> import openitr                                                                   # doctest: +SKIP
    >>> with openitr.open("photos") as library:                                          # doctest: +SKIP
    ...     print(for_library(library, "a dog").suggestions[0].query)
    a dog in the snow
    """
    if not query.strip():
        raise QueryError("the query is empty", "say what to look for")
    collection = library.collection
    chosen = dense_run(collection, run)
    hits = list(library.search(query, k=k, where=where, run=chosen.name))
    likely = [hit for hit in hits if hit.bucket != "rest"]
    kept = likely if len(likely) >= k // 2 else hits[: max(len(likely), k // 2)]
    ids = np.array([hit.id for hit in kept], np.int64)
    encoder = library.encoder(chosen)
    spelt, strange = hints(collection, query, encoder)
    notes = [] if lmm is not None else [f"names are single phrases, without a language model; {GAIN}"]
    found: list[Suggestion] = []
    if len(ids):
        vectors = chosen.index.vectors(ids)
        assert isinstance(vectors, DenseEmbeddings)
        texts = [written(hit.item) for hit in kept]
        namer: Namer = Discriminative(encoder)
        if lmm is not None:
            namer = GroupCap(_captioner(collection, [hit.item for hit in kept], lmm), lmm_merger(lmm), fallback=namer)
        suggester = QuerySuggester(encoder, clusterer=Clusterer(groups), namer=namer)
        found = suggester.suggest(query, ids, vectors.values, texts=texts)
    if not found:
        notes = [f"{len(ids)} results are too few to be narrowed down"]
    if hits and not any(hit.bucket == "likely" for hit in hits):
        notes.append("nothing here is likely to be what was asked for; these are the nearest")
    language, advice = (strange.language, strange.sentence) if strange else (None, None)
    return Suggested(query, tuple(found), len(ids), spelt, language, tuple(notes), advice)


def dense_run(collection: Collection, run: str | None) -> Run:
    """The run of a name; without one the active run, or where that is of another kind, the dense one.

    Raises:
        QueryError: The run of that name is not dense.
        CollectionError: There is no such run.
    """
    chosen = collection.run(run)
    if run is None and chosen.kind != "dense":
        chosen = collection.run(kind="dense")
    if chosen.kind != "dense":
        raise QueryError(f"the run {run!r} is a {chosen.kind} one", "name a dense run, or leave --run out")
    return chosen


def hints(collection: Collection, query: str, encoder: Encoder) -> tuple[str | None, Foreign | None]:
    """The query with misspelt words put right, and its language where the model was not made for it; None for neither.

    A word is known that the shipped lexicon model knows, or that is written of any picture. Words to choose from are
    those, and what is written of at most 5,000 pictures spread over the collection.
    """
    strange = foreign(query, encoder.spec)
    index = collection.words()
    listed = frozenset(known_words())

    def known(word: str) -> bool:
        return word in listed or singular(word) in listed or (index is not None and len(index.every([word])[0]) > 0)

    def words() -> Counter[str]:
        ids = collection.ids()
        some = ids[np.linspace(0, len(ids) - 1, min(len(ids), _SAMPLE)).astype(np.int64)] if len(ids) else ids
        counts = Counter(dict.fromkeys(listed, 1))
        for item in collection.items(some):
            counts.update({word for text in written(item) for word in words_of(text) if word not in STOP})
        return counts

    # Words of another language are not misspelt English, whichever the model reads.
    return (None if tongue(query) else did_you_mean(query, words, known)), strange


def written(item: Item) -> list[str]:
    """What is written of a picture: captions, texts of its metadata, the words of its file name.

    >>> from openitr.types import Item
    >>> written(Item(1, 1, "trips/lisbonTram 12.jpg", "", 0, 0, 1, 1, "jpeg", captions=["a tram"]))
    ['a tram', 'lisbon Tram']
    """
    from openitr.collection.spacing import spaced

    texts = list(item.captions)
    for value in item.metadata.values():
        texts += [value] if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []
    stem_of = PurePosixPath(item.name).stem
    # A name that is mostly digits is a number or a hash: letters in it are no words.
    if sum(letter.isalpha() for letter in stem_of) * 3 >= 2 * sum(letter.isalnum() for letter in stem_of) > 0:
        words = [word for word in spaced(stem_of).replace("_", " ").split() if word.isalpha()]
        texts += [" ".join(words)] if words else []
    return texts


def _captioner(collection: Collection, items: Sequence[Item], lmm: LMM) -> Callable[[int], str]:
    """What a picture shows: its own first caption, or the language model's."""
    from openitr.media.images import decode

    known = {item.id: item.captions[0] for item in items if item.captions}
    look = lmm_captioner(lmm)
    return lambda id: known[id] if id in known else look(decode(collection.thumbnail(id)).array)
