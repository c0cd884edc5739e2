"""One task of a benchmark: what is asked, what is ranked, what is right."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from openitr.datasets.sources import ImageSource
from openitr.errors import DatasetError
from openitr.evaluate.qrels import Qrels

Box = tuple[float, float, float, float]
"""(left, top, width, height) in pixels, as COCO has it."""


@dataclass(frozen=True, slots=True)
class QueryItem:
    """What is asked: words, a picture, both of them, or the turns of a dialogue.

    Args:
        id: Unique among the queries of a task.
        text: Words.
        image: A picture; together with a text it is a composed query.
        turns: A dialogue so far, oldest first; instead of a text.
        box: The part of the picture that is meant; None for all of it.
        also: Further pictures of an interleaved query.

    Raises:
        DatasetError: Nothing is asked.

    >>> QueryItem("1", "two dogs").kind, QueryItem("2", turns=("a dog", "is it brown? yes")).kind
    ('text', 'turns')
    """

    id: str
    text: str = ""
    image: ImageSource | None = None
    turns: tuple[str, ...] = ()
    box: Box | None = None
    also: tuple[ImageSource, ...] = ()

    def __post_init__(self) -> None:
        if not self.text.strip() and self.image is None and not any(turn.strip() for turn in self.turns):
            raise DatasetError(f"query {self.id!r} asks nothing", "it needs a text, a picture or turns")

    @property
    def kind(self) -> Literal["text", "image", "both", "turns"]:
        """Which of the four it is."""
        if self.turns:
            return "turns"
        if self.image is None:
            return "text"
        return "both" if self.also or self.text.strip() else "image"


@dataclass(frozen=True, slots=True)
class GalleryItem:
    """What is ranked: a picture, a part of one, texts, or a document with both.

    Args:
        id: Unique in the gallery.
        image: A picture.
        texts: Words; several are wordings of one thing (prompts of a class), and their mean stands for it.
        box: The part of the picture that is meant; None for all of it.
        also: Further pictures of an interleaved document.

    Raises:
        DatasetError: There is nothing to rank.
    """

    id: str
    image: ImageSource | None = None
    texts: tuple[str, ...] = ()
    box: Box | None = None
    also: tuple[ImageSource, ...] = ()

    def __post_init__(self) -> None:
        if self.image is None and not any(text.strip() for text in self.texts):
            raise DatasetError(f"gallery item {self.id!r} is empty", "it needs a picture or a text")

    @property
    def kind(self) -> Literal["text", "image", "box", "both"]:
        """Which of the four it is."""
        if self.image is None:
            return "text"
        if self.also or any(text.strip() for text in self.texts):
            return "both"
        return "image" if self.box is None else "box"


@dataclass(frozen=True)
class Combined:
    """A number over sets of queries that only count together (a Winoground example, the rounds of a dialogue).

    Args:
        metric: Which number of each query, one that is 0 or 1 for it ("R@1", "R@10").
        rule: "all": a set is right when every query is; "any": when one is.
        sets: Query ids that belong together.
    """

    metric: str
    rule: Literal["all", "any"]
    sets: Sequence[Sequence[str]]


@dataclass(frozen=True, eq=False)
class Task:
    """Queries against one gallery.

    Args:
        name: Unique in its benchmark ("t2i/de").
        queries: What is asked.
        gallery: What is ranked.
        qrels: What is right.
        metrics: Names that :func:`openitr.evaluate.evaluate_run` knows.
        family: Tasks of one family are averaged, each counting the same ("t2i" over languages or folds).
        groups: Query id to the name of its group, or names of its groups; numbers are given for each.
        candidates: Query id to the ids that are ranked for it, where that is not the whole gallery.
        exclude: Query id to ids that are left out of its ranking (the reference picture of a composed query).
        combined: Numbers over sets of queries, by name.

    Raises:
        DatasetError: An id that stands twice, or that is judged or named and is not there.
    """

    name: str
    queries: Sequence[QueryItem]
    gallery: Sequence[GalleryItem]
    qrels: Qrels
    metrics: Sequence[str]
    family: str = ""
    groups: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    candidates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    exclude: Mapping[str, Sequence[str]] = field(default_factory=dict)
    combined: Mapping[str, Combined] = field(default_factory=dict)

    def __post_init__(self) -> None:
        queries = self._distinct([query.id for query in self.queries], "query")
        gallery = self._distinct([item.id for item in self.gallery], "gallery")
        self._known(self.qrels, queries, "judged query")
        for query, grades in self.qrels.items():
            self._known(grades, gallery, f"answer of query {query!r}")
        for what, named in (("candidate", self.candidates), ("excluded item", self.exclude)):
            self._known(named, queries, f"query with a {what}")
            for query, ids in named.items():
                self._known(ids, gallery, f"{what} of query {query!r}")
        for name, combined in self.combined.items():
            for members in combined.sets:
                self._known(members, queries, f"member of {name!r}")

    def digest(self) -> str:
        """SHA-256 (hex) over ids, texts, boxes, judgements and restrictions; pictures by their place in the gallery."""
        made = hashlib.sha256()
        for piece in self._pieces():
            data = piece.encode("utf-8", "surrogatepass")
            made.update(len(data).to_bytes(8, "big") + data)
        return made.hexdigest()

    def _pieces(self) -> Iterable[str]:
        yield self.name
        for query in self.queries:
            yield from ("q", query.id, query.text, *query.turns, repr(query.box), str(query.image is not None))
        for item in self.gallery:
            yield from ("g", item.id, *item.texts, repr(item.box), str(item.image is not None))
        for name, grades in self.qrels.items():
            yield from ("r", name, *(f"{document}={grade:g}" for document, grade in grades.items()))
        for ids in (self.candidates, self.exclude):
            for name, named in ids.items():
                yield from ("c", name, *named)

    def _distinct(self, ids: list[str], what: str) -> set[str]:
        found = set(ids)
        if not found:
            raise DatasetError(f"task {self.name!r} has no {what}", "check that the files are whole")
        if len(found) != len(ids):
            seen: set[str] = set()
            twice = next(one for one in ids if one in seen or seen.add(one))  # type: ignore[func-returns-value]
            raise DatasetError(f"task {self.name!r}: {what} id {twice!r} stands twice", "ids must be distinct")
        return found

    def _known(self, ids: Iterable[str], there: set[str], what: str) -> None:
        for one in ids:
            if one not in there:
                raise DatasetError(f"task {self.name!r}: {what}: {one!r} is not there", "the files do not fit together")
