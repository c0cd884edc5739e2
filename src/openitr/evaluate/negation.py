"""Queries that say what must not be there, made from captions: "a dog but no people", and who answers them best.

A picture answers "X but no Y" where a caption of it mentions X and none mentions Y. Captions leave things out, so some
pictures that count as answers show Y all the same; that is so for every method alike. X and Y are everyday things, each
known by the words people use for it, and a query is asked only where pictures of X are split about Y: then the negation
decides, and ignoring it has a price.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from openitr.datasets.pairs import PairDataset
from openitr.embeddings import Embeddings, Ints
from openitr.encoders.base import Encoder
from openitr.errors import InputError
from openitr.evaluate.bootstrap import Resampling, interval

Search: TypeAlias = Callable[[str], Ints]
Marks: TypeAlias = npt.NDArray[np.bool_]
WORDINGS = ("{x} but no {y}", "{x} without {y}", "{x} with no {y}", "{x} and no {y}")

# What is said -> words that mention it. Ours; nouns that are frequent in captions of photographs.
THINGS: Mapping[str, str] = {
    "people": "people person man men woman women boy boys girl girls child children kid kids lady guy guys baby "
    "toddler player players crowd couple someone rider surfer skier climber biker cyclist skateboarder "
    "snowboarder group male female adult adults teenager teenagers hiker swimmer runner racer football soccer "
    "basketball",
    "a man": "man men guy guys male gentleman",
    "a woman": "woman women lady ladies female",
    "children": "child children kid kids boy boys girl girls baby toddler infant",
    "a dog": "dog dogs puppy puppies greyhound greyhounds poodle terrier collie retriever",
    "a ball": "ball balls football basketball soccer tennis baseball volleyball",
    "water": "water ocean sea lake river pool wave waves pond stream surf puddle beach",
    "grass": "grass grassy lawn field meadow",
    "snow": "snow snowy",
    "sand": "sand sandy beach",
    "trees": "tree trees forest wood woods wooded",
    "a bicycle": "bike bikes bicycle bicycles biker cyclist bicyclist biking",
    "a street": "street road sidewalk city",
    "a building": "building buildings house houses",
    "a hat": "hat hats cap helmet helmets",
    "rocks": "rock rocks rocky boulder cliff mountain mountains",
    "a car": "car cars vehicle truck",
    "a stick": "stick sticks branch",
    "a fence": "fence fenced",
}


@dataclass(frozen=True, eq=False)
class Denied:
    """One query, and which pictures answer it.

    Args:
        text: As people type it.
        wanted, denied: Its two halves.
        answers: (n,) which pictures mention the one and not the other.
        shows: (n,) which mention what is denied.
    """

    text: str
    wanted: str
    denied: str
    answers: Marks
    shows: Marks


@dataclass(frozen=True)
class Precision:
    """How good the first ``k`` hits are, in percent, with 95% intervals over queries.

    Args:
        k: How many hits.
        answers: Share of them that answer.
        shows: Share that mention what was denied.
        low, high: Interval of ``answers``.
        by_query: ``answers`` of each query, for differences.
    """

    k: int
    answers: float
    shows: float
    low: float
    high: float
    by_query: Sequence[float]


def negation_queries(
    texts: Sequence[str],
    owners: Ints,
    *,
    things: Mapping[str, str] = THINGS,
    least: int = 10,
    split: float = 0.2,
) -> list[Denied]:
    """Every query "X but no Y" that the captions can judge.

    Args:
        texts: The captions.
        owners: Row of the picture that each belongs to; pictures are numbered from 0.
        things: What is said, and the words that mention it, with blanks between them.
        least: Pictures that must answer, and as many that must show X and Y.
        split: Share of the pictures of X that must have Y, and that must not.

    Raises:
        InputError: Not one query: too few captions.

    >>> texts = ["a dog and a man"] * 3 + ["a dog on grass"] * 3
    >>> queries = negation_queries(texts, np.arange(6), least=3)
    >>> [query.text for query in queries if query.wanted == "a dog"]
    ['a dog but no people', 'a dog without a man', 'a dog with no grass']
    """
    many = int(owners.max()) + 1 if len(owners) else 0
    said = {name: np.zeros(many, bool) for name in things}
    for name, words in things.items():
        known = re.compile(rf"\b(?:{'|'.join(words.split())})\b", re.IGNORECASE)
        for text, owner in zip(texts, owners.tolist(), strict=True):
            said[name][owner] |= known.search(text) is not None
    found: list[Denied] = []
    for x, has in said.items():
        for y, shows in said.items():
            answers, both = has & ~shows, has & shows
            # "A man but no people" is nonsense: the words of one are among those of the other.
            if set(things[x].split()) & set(things[y].split()) or min(answers.sum(), both.sum()) < least:
                continue
            if split <= both.sum() / has.sum() <= 1 - split:
                wording = WORDINGS[len(found) % len(WORDINGS)]
                # "No hat", but "without a hat".
                denied = y.removeprefix("a ") if " no " in wording else y
                found.append(Denied(wording.format(x=x, y=denied), x, y, answers, shows))
    if not found:
        raise InputError("the captions are split about nothing", "give more pictures, with several captions each")
    return found


def precision(queries: Sequence[Denied], search: Search, k: int = 10, *, seed: int = 0) -> Precision:
    """Ask every query, and count answers among the first ``k`` pictures.

    Args:
        queries: To ask.
        search: Text to rows of pictures, best first, ``k`` at least.
        k: How many hits are looked at.
        seed: Of the bootstrap over queries.
    """
    hits = [np.asarray(search(query.text), np.int64)[:k] for query in queries]
    right = np.array([query.answers[rows].sum() / k for query, rows in zip(queries, hits, strict=True)]) * 100
    wrong = np.array([query.shows[rows].sum() / k for query, rows in zip(queries, hits, strict=True)]) * 100
    draws = Resampling(len(queries), seed=seed).mean(right, np.arange(len(queries)))
    low, high = interval(draws)
    return Precision(k, float(right.mean()), float(wrong.mean()), low, high, right.tolist())


def gain(better: Precision, worse: Precision, *, seed: int = 0) -> tuple[float, float, float]:
    """Mean difference over queries, in points, and its 95% interval: the same queries are drawn for both."""
    apart = np.array(better.by_query) - np.array(worse.by_query)
    low, high = interval(Resampling(len(apart), seed=seed).mean(apart, np.arange(len(apart))))
    return float(apart.mean()), low, high


@dataclass(frozen=True)
class NegationReport:
    """How three ways of asking "X but no Y" did, on the same queries.

    Args:
        plain: The whole text is encoded.
        wanted: What is denied is left out of the text, and that is all.
        typed: As a search takes typed words: what is denied is avoided.
        queries: How many.
        pictures: How many.
    """

    plain: Precision
    wanted: Precision
    typed: Precision
    queries: int
    pictures: int

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Columns and rows."""
        named = {"plain encoder": self.plain, "what is denied left out": self.wanted, "search, as typed": self.typed}
        columns = ["asked", f"precision@{self.plain.k}", "95% interval", f"shows Y, first {self.plain.k}"]
        return columns, [
            [name, f"{one.answers:.1f}", f"{one.low:.1f} to {one.high:.1f}", f"{one.shows:.1f}"]
            for name, one in named.items()
        ]

    def to_json(self) -> dict[str, Any]:
        """As plain data, with the gains of the search over the other two."""
        ways = {"plain": self.plain, "wanted": self.wanted, "typed": self.typed}
        numbers: dict[str, Any] = {}
        for name, one in ways.items():
            parts = {"precision": one.answers, "low": one.low, "high": one.high, "shows": one.shows}
            numbers[name] = {part: round(value, 2) for part, value in parts.items()}
        gains = {name: [round(value, 2) for value in gain(self.typed, ways[name])] for name in ("plain", "wanted")}
        return {"k": self.plain.k, **numbers, "gain": gains, "queries": self.queries, "pictures": self.pictures}


def compare(queries: Sequence[Denied], encoder: Encoder, pictures: Embeddings, *, k: int = 10) -> NegationReport:
    """Ask the queries all three ways, through the stages that a search has.

    Args:
        queries: Their pictures are the rows of ``pictures``.
        encoder: Of the pictures.
        pictures: (n,) embeddings of its kind.
        k: How many hits are looked at.
    """
    from openitr.index import MemoryIndex
    from openitr.search import Avoid, Candidates, Retrieve, calibration_of
    from openitr.search.parts import understood
    from openitr.types import Part, Query

    index = MemoryIndex(encoder.kind, encoder.dim)
    index.add(np.arange(len(pictures)), pictures)
    fitted = calibration_of(encoder)
    background = None if fitted is None else fitted.background
    stages = Retrieve(index, encoder, background=background, pool=len(pictures)) >> Avoid(index, background=background)
    nothing = Candidates(np.empty(0, np.int64), np.empty(0, np.float32))

    def asked(parts: Sequence[Part], negatives: Sequence[Part] = ()) -> Ints:
        found = nothing
        for stage in stages.stages:
            found = stage(Query(parts, negatives), found)
        return found.ids

    return NegationReport(
        precision(queries, lambda text: asked([Part(text)]), k),
        precision(queries, lambda text: asked(understood(text)[0]), k),
        precision(queries, lambda text: asked(*understood(text)), k),
        len(queries),
        len(pictures),
    )


def evaluate_negation(
    data: PairDataset, encoder: Encoder, *, k: int = 10, progress: Callable[[str], None] = lambda line: None
) -> NegationReport:
    """Make queries of a dataset's English captions, and measure.

    Args:
        data: Pictures with captions; a few hundred at least.
        encoder: Of any kind.
        k: How many hits are looked at.
        progress: Told what is going on.

    Raises:
        InputError: Too few captions, or no picture that can be read.
    """
    from openitr.evaluate.encode import encode_dataset_images

    part = data.language("en")
    found = encode_dataset_images(part, encoder, progress)
    if found.embeddings is None:
        raise InputError(f"no picture of {data.name} can be decoded", "check the files")
    view = PairDataset([part[int(row)] for row in found.rows], part.name)
    texts, owners = view.texts("en")
    return compare(negation_queries(list(texts), owners), encoder, found.embeddings, k=k)
