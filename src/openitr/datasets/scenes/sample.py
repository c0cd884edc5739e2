"""Random scenes from a vocabulary: readable, without accidental overlaps, the same for the same seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from openitr.datasets.scenes.artwork import (
    COLOURS,
    CONTAINERS,
    FLAT_TOPPED,
    KINDS,
    PATTERNS,
    SIZES,
    STANDING,
    TRIMMED,
    extent,
)
from openitr.datasets.scenes.backdrops import BACKGROUNDS, CLASHES, GROUND
from openitr.datasets.scenes.draw import visibility
from openitr.datasets.scenes.scene import Box, Scene, Thing
from openitr.errors import InputError

T = TypeVar("T")
MAX_THINGS = 8
GAP = 0.03
LEAST_VISIBLE = 0.45


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """One of the choices; from ``random()`` alone, the part of NumPy's generators that keeps its stream."""
    return choices[int(rng.random() * len(choices))]


def _clear(box: Box, others: Sequence[Box]) -> bool:
    if min(box) < 0.01 or max(box) > 0.99:
        return False
    return all(box[2] + GAP < b[0] or b[2] + GAP < box[0] or box[3] + GAP < b[1] or b[3] + GAP < box[1] for b in others)


@dataclass(frozen=True)
class World:
    """The vocabulary that scenes are drawn from.

    Args:
        kinds, colours, patterns, sizes, backgrounds: The words in use.
        things: Fewest and most things in a scene, 1 to 8.
        arranged: Share of scenes of two things or more with one pair on, inside or in front of each other.
        palette: Colours allowed for a kind, for worlds where they go together ("every cat is black").

    Raises:
        InputError: A word outside the vocabulary, no word at all, a number of things out of range.

    >>> world = World(kinds=("circle", "square"), colours=("red", "blue"), things=(2, 2))
    >>> sorted({t.colour for seed in range(9) for t in world.sample(seed).things})
    ['blue', 'red']
    """

    kinds: tuple[str, ...] = KINDS
    colours: tuple[str, ...] = COLOURS
    patterns: tuple[str, ...] = PATTERNS
    sizes: tuple[str, ...] = tuple(SIZES)
    backgrounds: tuple[str, ...] = BACKGROUNDS
    things: tuple[int, int] = (2, 4)
    arranged: float = 0.3
    palette: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for words, known in (
            (self.kinds, KINDS),
            (self.colours, COLOURS),
            (self.patterns, PATTERNS),
            (self.sizes, tuple(SIZES)),
            (self.backgrounds, BACKGROUNDS),
            *((tuple(words), COLOURS) for words in self.palette.values()),
        ):
            if not words or not set(words) <= set(known):
                raise InputError(f"{words!r} is no part of the vocabulary", "use some of " + ", ".join(known))
        if not 1 <= self.things[0] <= self.things[1] <= MAX_THINGS:
            raise InputError(f"{self.things} things cannot be placed", f"use 1 to {MAX_THINGS}, fewest first")

    def sample(self, seed: int | np.random.Generator) -> Scene:
        """A scene; the same seed gives the same one."""
        rng = np.random.default_rng(seed)
        background = pick(rng, self.backgrounds)
        count = self.things[0] + int(rng.random() * (self.things[1] - self.things[0] + 1))
        looks = [self.look(rng, background) for _ in range(count)]
        arranged = count > 1 and rng.random() < self.arranged
        for _ in range(12):
            if arranged and (scene := self._arranged(rng, looks, background)):
                return scene
            if not arranged and (scene := _scattered(rng, looks, background, ())):
                return scene
        return _on_grid(rng, looks, background)

    def look(self, rng: np.random.Generator, background: str) -> Thing:
        """A thing without its place: it lies in the middle."""
        kind = pick(rng, self.kinds)
        allowed = self.palette.get(kind, self.colours)
        colour = pick(rng, [c for c in allowed if c not in CLASHES[background]] or allowed)
        trim = None
        if kind in TRIMMED:
            trim = pick(rng, [c for c in self.colours if c != colour and c not in CLASHES[background]] or self.colours)
        return Thing(kind, colour, pick(rng, self.sizes), pick(rng, self.patterns), 0.5, 0.5, trim)

    def _arranged(self, rng: np.random.Generator, looks: Sequence[Thing], background: str) -> Scene | None:
        first, second, *rest = looks
        styles = ["front"]
        if second.kind in FLAT_TOPPED:
            styles.append("on")
        if second.kind in CONTAINERS and second.size == "large" and first.size == "small":
            styles += ["inside", "inside"]
        style = pick(rng, styles)
        base = place(rng, second, background, ())
        if base is None:
            return None
        if style == "on":
            top, foot = base.box[1], extent(first.kind)[3] * first.radius
            upper = replace(first, x=base.x, y=round(top - foot, 4))
        elif style == "inside":
            upper = replace(first, x=base.x, y=base.y)
        else:
            reach = 0.75 * (base.radius + first.radius)
            side = 1 if rng.random() < 0.5 else -1
            upper = replace(first, x=round(base.x + side * reach, 4), y=round(base.y + 0.3 * base.radius, 4))
        if min(upper.box) < 0.01 or max(upper.box) > 0.99:
            return None
        pair = Scene((base, upper), background)
        seen = visibility(pair, 64)
        if seen.min() < LEAST_VISIBLE or (style == "front" and seen[0] > 0.97):
            return None
        return _scattered(rng, rest, background, pair.things)


def place(
    rng: np.random.Generator, thing: Thing, background: str, others: Sequence[Thing], tries: int = 40
) -> Thing | None:
    """The thing moved to a free place, None where none was found; what stands gets its foot on the ground."""
    boxes = [t.box for t in others]
    x0, y0, x1, y1 = (v * thing.radius for v in extent(thing.kind))
    top = max(0.015 - y0, GROUND[background] - y1) if thing.kind in STANDING else 0.015 - y0
    for _ in range(tries):
        x = 0.015 - x0 + rng.random() * (0.97 - (x1 - x0))
        y = top + rng.random() * (0.985 - y1 - top)
        moved = replace(thing, x=round(x, 4), y=round(y, 4))
        if _clear(moved.box, boxes):
            return moved
    return None


def _scattered(
    rng: np.random.Generator, looks: Sequence[Thing], background: str, placed: tuple[Thing, ...]
) -> Scene | None:
    # Big ones first: they are the hard ones to place.
    for look in sorted(looks, key=lambda t: -t.radius):
        thing = place(rng, look, background, placed)
        if thing is None:
            return None
        placed = (*placed, thing)
    return Scene(placed, background)


def _on_grid(rng: np.random.Generator, looks: Sequence[Thing], background: str) -> Scene:
    cells = [(x, y) for y in (0.84, 0.5, 0.16) for x in (0.18, 0.5, 0.82)]
    things = []
    for look in looks:
        x, y = cells.pop(int(rng.random() * len(cells)))
        size = "small" if len(looks) > 1 else look.size
        things.append(replace(look, x=x, y=y, size=size))
    return Scene(tuple(things), background)
