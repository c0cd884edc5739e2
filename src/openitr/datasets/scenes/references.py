"""Referring expressions: the shortest description that fits one thing of a scene and no other."""

from __future__ import annotations

from dataclasses import dataclass

from openitr.datasets.scenes.captions import describe
from openitr.datasets.scenes.languages.grammar import Phrase, fill, finish
from openitr.datasets.scenes.scene import RELATIONS, Box, Scene, related
from openitr.datasets.scenes.statements import What
from openitr.datasets.scenes.words import Texts, everywhere, relation
from openitr.errors import InputError

_ORDERS = (
    (),
    ("colour",),
    ("size",),
    ("pattern",),
    ("trim",),
    ("colour", "size"),
    ("colour", "pattern"),
    ("size", "pattern"),
    ("colour", "trim"),
    ("colour", "size", "pattern"),
    ("colour", "size", "pattern", "trim"),
)


@dataclass(frozen=True, slots=True)
class Reference:
    """An expression for one thing.

    Args:
        index: Number of the thing.
        what: Its description; it fits this thing alone, unless there is a relation.
        texts: "the red car", "the car to the left of the house".
        box: Of the thing, shares of the side.
        relation, anchor: Where the description alone fits several: how it stands to a thing that is unique.
    """

    index: int
    what: What
    texts: Texts
    box: Box
    relation: str | None = None
    anchor: What | None = None


def unique(scene: Scene, index: int) -> What | None:
    """The shortest description by attributes that fits this thing alone; None where there is none.

    >>> from openitr.datasets.scenes.scene import Thing
    >>> a, b = Thing("cat", "black", "small", "plain", 0.2, 0.6), Thing("cat", "red", "small", "plain", 0.7, 0.6)
    >>> unique(Scene((a, b)), 0)
    What(kind='cat', colour='black', size=None, pattern=None, trim=None)
    """
    full = describe(scene.things[index])
    for names in _ORDERS:
        what = What(full.kind, **{name: getattr(full, name) for name in names})
        if what.among(scene) == [index]:
            return what
    return None


def refer(scene: Scene, index: int) -> Reference | None:
    """An expression for thing number ``index``, by its attributes or by a relation; None where no such one is unique.

    Raises:
        InputError: There is no such thing.
    """
    if not 0 <= index < len(scene.things):
        raise InputError(f"there is no thing {index}", f"the scene has {len(scene.things)}")
    box, what = scene.things[index].box, unique(scene, index)
    if what is not None:
        phrase = Phrase(what, article="def")
        return Reference(
            index, what, everywhere(lambda language: finish(language, fill(language, "{x}", x=phrase))), box
        )
    return refer_by_relation(scene, index)


def refer_by_relation(scene: Scene, index: int) -> Reference | None:
    """An expression that needs a relation to be understood: kind and colour, and how it stands to another thing."""
    thing = scene.things[index]
    what = What(thing.kind, thing.colour)
    for name in RELATIONS:
        if name in ("bigger", "smaller"):
            continue
        for j in range(len(scene.things)):
            anchor = unique(scene, j)
            if j == index or anchor is None or not related(scene, name, index, j):
                continue
            if any(related(scene, name, i, j) for i in what.among(scene) if i != index):
                continue
            texts = everywhere(
                lambda language, name=name, anchor=anchor: finish(  # type: ignore[misc]
                    language,
                    fill(
                        language,
                        language.sentences["refer"],
                        a=Phrase(what, article="def"),
                        rel=relation(language, name, anchor, "def", what),
                    ),
                )
            )
            return Reference(index, what, texts, thing.box, name, anchor)
    return None
