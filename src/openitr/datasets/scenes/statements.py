"""Statements about scenes, and whether they hold: what captions, distractors and answers are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from openitr.datasets.scenes.scene import Scene, Thing, related


@dataclass(frozen=True, slots=True)
class What:
    """A description that things fit or do not; None leaves an attribute open.

    >>> What("cat", "black").fits(Thing("cat", "black", "small", "plain", 0.5, 0.5))
    True
    """

    kind: str | None = None
    colour: str | None = None
    size: str | None = None
    pattern: str | None = None
    trim: str | None = None

    def fits(self, thing: Thing) -> bool:
        """Whether a thing has every attribute that is named."""
        return (
            self.kind in (None, thing.kind)
            and self.colour in (None, thing.colour)
            and self.size in (None, thing.size)
            and self.pattern in (None, thing.pattern)
            and self.trim in (None, thing.trim)
        )

    def among(self, scene: Scene) -> list[int]:
        """Numbers of the things of a scene that fit."""
        return [i for i, thing in enumerate(scene.things) if self.fits(thing)]


@dataclass(frozen=True, slots=True)
class Count:
    """Exactly ``n`` things fit."""

    what: What
    n: int


@dataclass(frozen=True, slots=True)
class Exists:
    """At least one thing fits."""

    what: What


@dataclass(frozen=True, slots=True)
class Related:
    """Something that fits ``a`` stands in the relation to another thing, which fits ``b``."""

    name: str
    a: What
    b: What


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What the background is."""

    name: str


@dataclass(frozen=True, slots=True)
class Not:
    """The statement does not hold.

    Worded for ``Exists`` always, and for ``Related`` where both descriptions fit one thing ("the cat is not ...").
    """

    statement: Exists | Related


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds.

    With ``listed``, parts that exist or are counted, worded as one list ("a cat and two cars"): such a count says that
    there are as many at least, as a list does.
    """

    parts: tuple[Exists | Count | Related | Backdrop | Not, ...]
    listed: bool = False


Statement: TypeAlias = Exists | Count | Related | Backdrop | Not | All


def holds(scene: Scene, statement: Statement) -> bool:
    """Whether a statement is true of a scene.

    >>> cat = Thing("cat", "black", "small", "plain", 0.2, 0.6)
    >>> scene = Scene((cat, Thing("car", "red", "large", "plain", 0.7, 0.6)))
    >>> holds(scene, Related("left", What("cat"), What("car"))), holds(scene, Count(What("cat"), 2))
    (True, False)
    """
    match statement:
        case Exists(what):
            return any(what.fits(t) for t in scene.things)
        case Count(what, n):
            return len(what.among(scene)) == n
        case Related(name, a, b):
            return any(related(scene, name, i, j) for i in a.among(scene) for j in b.among(scene))
        case Backdrop(name):
            return scene.background == name
        case Not(inner):
            return not holds(scene, inner)
        case All(parts, listed=True):
            return all(len(p.what.among(scene)) >= p.n if isinstance(p, Count) else holds(scene, p) for p in parts)
        case All(parts):
            return all(holds(scene, part) for part in parts)
