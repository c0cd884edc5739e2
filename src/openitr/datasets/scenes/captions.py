"""Captions that are true, and distractors that a small change made false."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from openitr.datasets.scenes.artwork import COLOURS, KINDS, PATTERNS, SIZES, TRIMMED
from openitr.datasets.scenes.backdrops import BACKGROUNDS
from openitr.datasets.scenes.sample import pick
from openitr.datasets.scenes.scene import CONVERSE, RELATIONS, Scene, Thing, related
from openitr.datasets.scenes.statements import All, Backdrop, Count, Exists, Not, Related, Statement, What, holds
from openitr.datasets.scenes.words import Texts, say
from openitr.errors import InputError

Length = Literal["short", "sentence", "long"]
LENGTHS: tuple[Length, ...] = ("short", "sentence", "long")
CHANGES: tuple[str, ...] = (
    "attribute",
    "object",
    "swap attributes",
    "swap roles",
    "relation",
    "count",
    "negation",
    "background",
)


@dataclass(frozen=True, slots=True)
class Caption:
    """A true statement of a scene, in words by language."""

    length: Length
    statement: Statement
    texts: Texts


@dataclass(frozen=True, slots=True)
class Distractor:
    """A false statement, one ``change`` (of ``CHANGES``) away from a true one."""

    change: str
    statement: Statement
    texts: Texts


def describe(thing: Thing) -> What:
    """All that can be said of a thing; that it is plain goes without saying."""
    pattern = None if thing.pattern == "plain" else thing.pattern
    return What(thing.kind, thing.colour, thing.size, pattern, thing.trim)


def _groups(scene: Scene, *, brief: bool) -> list[Exists | Count]:
    whats = [What(t.kind, t.colour) if brief else describe(t) for t in scene.things]
    found: list[Exists | Count] = []
    for what in dict.fromkeys(whats):
        n = len(what.among(scene))
        found.append(Exists(what) if n == 1 else Count(what, n))
    return found


def facts(scene: Scene, *, brief: bool = True) -> list[Related]:
    """Every relation that holds between two things, told by kind and colour, or by all their attributes."""
    whats = [What(t.kind, t.colour) if brief else describe(t) for t in scene.things]
    n = len(whats)
    found = [
        Related(name, whats[i], whats[j])
        for name in RELATIONS
        for i in range(n)
        for j in range(n)
        if whats[i] != whats[j] and (name != "nearest" or n > 2) and related(scene, name, i, j)
    ]
    return list(dict.fromkeys(found))


def caption(scene: Scene, length: Length, seed: int | np.random.Generator = 0) -> Caption:
    """One caption.

    Args:
        scene: With at least one thing.
        length: "short" lists the things; "sentence" relates two of them (or says that the one is there); "long" tells
            the background, every thing with all attributes, and up to three relations.
        seed: For the choice of relations.

    Raises:
        InputError: An empty scene, an unknown length.

    >>> cat = Thing("cat", "black", "small", "plain", 0.2, 0.6)
    >>> scene = Scene((cat, Thing("car", "red", "large", "plain", 0.7, 0.6)))
    >>> caption(scene, "short").texts["en"]
    'A black cat and a red car'
    """
    if not scene.things or length not in LENGTHS:
        raise InputError(f"no {length!r} caption for {len(scene.things)} things", "use short, sentence or long")
    rng = np.random.default_rng(seed)
    statement: Statement
    if length == "short":
        statement = All(tuple(_groups(scene, brief=True)), listed=True)
    elif length == "sentence":
        pairs = facts(scene, brief=False)
        statement = pick(rng, pairs) if pairs else Exists(describe(scene.things[0]))
    else:
        told: list[Exists | Count | Related | Backdrop | Not] = [Backdrop(scene.background)]
        told += _groups(scene, brief=False)
        pairs = facts(scene)
        for _ in range(min(3, len(pairs))):
            fact = pick(rng, pairs)
            told.append(fact)
            pairs = [p for p in pairs if {p.a, p.b} != {fact.a, fact.b}] or [p for p in pairs if p != fact]
            if not pairs:
                break
        statement = All(tuple(told))
    return Caption(length, statement, say(statement))


def captions(scene: Scene, seed: int | np.random.Generator = 0) -> list[Caption]:
    """A caption of every length."""
    rng = np.random.default_rng(seed)
    return [caption(scene, length, rng) for length in LENGTHS]


_VALUES = {"colour": COLOURS, "size": tuple(SIZES), "pattern": PATTERNS[1:], "trim": COLOURS}


def _whats(what: What) -> Iterator[tuple[str, What]]:
    for attribute, values in _VALUES.items():
        if getattr(what, attribute) is not None:
            for value in values:
                yield "attribute", replace(what, **{attribute: value})
    for kind in KINDS if what.kind else ():
        if kind not in TRIMMED or what.trim:
            yield "object", replace(what, kind=kind, trim=what.trim if kind in TRIMMED else None)


def _swapped(a: What, b: What) -> Iterator[tuple[What, What]]:
    for attribute in _VALUES:
        one, two = getattr(a, attribute), getattr(b, attribute)
        if one != two and one is not None and two is not None:
            yield replace(a, **{attribute: two}), replace(b, **{attribute: one})


def _changed(scene: Scene, statement: Statement) -> Iterator[tuple[str, Statement]]:
    match statement:
        case Exists(what):
            yield from ((change, Exists(other)) for change, other in _whats(what))
            yield "negation", Not(statement)
        case Count(what, n):
            yield from ((change, Count(other, n)) for change, other in _whats(what))
            yield from (("count", Count(what, m)) for m in (n - 1, n + 1) if 0 < m <= 8)
        case Related(name, a, b):
            yield from ((change, Related(name, other, b)) for change, other in _whats(a))
            yield from ((change, Related(name, a, other)) for change, other in _whats(b))
            yield from (("swap attributes", Related(name, x, y)) for x, y in _swapped(a, b))
            yield "swap roles", Related(name, b, a)
            others = [CONVERSE[name]] if name in CONVERSE else [r for r in CONVERSE if r not in ("bigger", "smaller")]
            yield from (("relation", Related(other, a, b)) for other in others)
            if len(a.among(scene)) == len(b.among(scene)) == 1:
                yield "negation", Not(statement)
        case Backdrop():
            yield from (("background", Backdrop(other)) for other in BACKGROUNDS)
        case Not(inner):
            yield "negation", inner
        case All(parts, listed):
            for i, part in enumerate(parts):
                for change, other in _changed(scene, part):
                    # "No cat" is no part of a list.
                    if not isinstance(other, All) and not (listed and change == "negation"):
                        yield change, All((*parts[:i], other, *parts[i + 1 :]), listed)
                for j in range(i + 1, len(parts)):
                    one, two = part, parts[j]
                    if isinstance(one, Exists) and isinstance(two, Exists):
                        for x, y in _swapped(one.what, two.what):
                            new = (*parts[:i], Exists(x), *parts[i + 1 : j], Exists(y), *parts[j + 1 :])
                            yield "swap attributes", All(new, listed)


def distractors(
    scene: Scene, statement: Statement, seed: int | np.random.Generator = 0, per_change: int = 1
) -> list[Distractor]:
    """False statements, each one change away from a true one: hard negatives with their kind.

    Args:
        scene: The scene.
        statement: True of it.
        seed: For the choice among many.
        per_change: How many of each kind of change, at most.

    Raises:
        InputError: The statement does not hold to begin with.

    >>> cat = Thing("cat", "black", "small", "plain", 0.2, 0.6)
    >>> scene = Scene((cat, Thing("car", "red", "large", "plain", 0.7, 0.6)))
    >>> true = Related("left", What("cat", "black"), What("car", "red"))
    >>> {d.change: d.texts["en"] for d in distractors(scene, true)}["swap attributes"]
    'A red cat is to the left of a black car.'
    """
    if not holds(scene, statement):
        raise InputError("the statement is not true of the scene", "give a caption's statement")
    rng = np.random.default_rng(seed)
    by_change: dict[str, dict[Statement, None]] = {change: {} for change in CHANGES}
    for change, other in _changed(scene, statement):
        if other != statement and not holds(scene, other):
            by_change[change][other] = None
    found = []
    for change, others in by_change.items():
        left = list(others)
        for _ in range(min(per_change, len(left))):
            other = left.pop(int(rng.random() * len(left)))
            found.append(Distractor(change, other, say(other)))
    return found
