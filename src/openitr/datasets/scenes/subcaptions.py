"""Short captions of parts of a scene, each with a near miss: what subFlickr and subCOCO ask, with exact truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openitr.datasets.scenes.captions import distractors, facts
from openitr.datasets.scenes.scene import Scene
from openitr.datasets.scenes.statements import All, Exists, Statement, What
from openitr.datasets.scenes.words import Texts, say

_COMPOSED = ("swap attributes", "swap roles", "relation")


@dataclass(frozen=True, slots=True)
class SubCaption:
    """A caption of a part of a scene and one that a change of composition made false.

    Args:
        statement: True of the scene.
        texts: It in words, by language.
        change: What was done to it: "swap attributes", "swap roles" or "relation"; the words are nearly the same.
        wrong: The false one in words.
    """

    statement: Statement
    texts: Texts
    change: str
    wrong: Texts


def make_sub_captions(scene: Scene, seed: int | np.random.Generator = 0, most: int | None = None) -> list[SubCaption]:
    """Every pair of things and every relation, told with a near miss where there is one.

    Pairs are told by colour and kind ("a red car and a blue tree") and missed by swapping what they have; so a bag of
    words cannot tell the two. (After the sub-benchmarks of "Vision-Free Retrieval", 2025, which an LLM wrote for
    photos.)

    Args:
        scene: With any number of things.
        seed: For the choice among misses.
        most: Only so many, drawn at random; None for all, in order.

    >>> from openitr.datasets.scenes.scene import Thing
    >>> cat = Thing("cat", "black", "small", "plain", 0.2, 0.6)
    >>> told = make_sub_captions(Scene((cat, Thing("car", "red", "large", "plain", 0.7, 0.6))))
    >>> told[0].texts["en"], told[0].wrong["en"]
    ('A black cat and a red car', 'A red cat and a black car')
    """
    rng = np.random.default_rng(seed)
    statements: list[Statement] = [
        All((Exists(_brief(scene, i)), Exists(_brief(scene, j))), listed=True)
        for i in range(len(scene.things))
        for j in range(i + 1, len(scene.things))
        if _brief(scene, i) != _brief(scene, j)
    ]
    statements += facts(scene)
    found: list[SubCaption] = []
    statements = list(dict.fromkeys(statements))
    for row in range(len(statements)) if most is None else rng.permutation(len(statements)):
        statement = statements[int(row)]
        if most is not None and len(found) >= most:
            break
        for miss in distractors(scene, statement, rng):
            if miss.change in _COMPOSED:
                found.append(SubCaption(statement, say(statement), miss.change, miss.texts))
                break
    return found


def _brief(scene: Scene, index: int) -> What:
    thing = scene.things[index]
    return What(thing.kind, thing.colour)
