"""Concept association bias: with two things in the picture and one named, is the other one's attribute the answer?

Yamada et al. 2022, "When are Lemons Purple? The Concept Association Bias of CLIP" (arXiv:2212.12043). The score here is
ours, (swap - hit + 1) / 2: 0 for a model that binds attributes to things, 0.5 for no preference, 1 for one that always
names the other thing's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from openitr.datasets.scenes import COLOURS, Scene, Thing, render
from openitr.encoders.base import Encoder
from openitr.errors import InputError
from openitr.types import ImageArray

TEMPLATE = "In this picture, the colour of the {thing} is {colour}."
TYPICAL: Mapping[str, str] = {
    "apple": "red",
    "tree": "green",
    "moon": "yellow",
    "heart": "red",
    "bell": "yellow",
    "flower": "pink",
    "fish": "orange",
    "chair": "brown",
}
"""Colours that the things of the scenes mostly have in the world, or in drawings of it."""

Condition = Literal["natural", "unnatural", "single"]


@dataclass(frozen=True, eq=False)
class Subject:
    """One picture with a question: what colour has ``thing``?

    Args:
        picture: (h, w, 3) uint8 RGB.
        thing: The thing that is named.
        right: Its colour in the picture.
        other: The colour of the thing that is not named; "" when there is none.
    """

    picture: ImageArray
    thing: str
    right: str
    other: str = ""


@dataclass(frozen=True)
class CABReport:
    """What the probe found.

    Args:
        hit: Share of answers that are the named thing's colour.
        swap: Share that are the other thing's.
        questions: How many were asked.
        by_strength: Per named thing with an association strength: (strength, score).
    """

    hit: float
    swap: float
    questions: int
    by_strength: Sequence[tuple[float, float]] = ()

    @property
    def score(self) -> float:
        """0 binds, 0.5 no preference, 1 always the other thing's attribute."""
        return (self.swap - self.hit + 1) / 2

    @property
    def slope(self) -> float:
        """How much the score grows with one unit of association strength (least squares); NaN below three things."""
        if len(self.by_strength) < 3:
            return float("nan")
        x, y = np.array(self.by_strength).T
        return float(np.polyfit(x, y, 1)[0]) if np.ptp(x) > 0 else float("nan")


class CABProbe:
    """Ask an encoder for the colour of one thing in pictures of two.

    Args:
        colours: The answers to choose from.
        template: With ``{thing}`` and ``{colour}``.
        strength: How strongly each thing goes with its colour, on any scale (the paper takes ConceptNet's weights).

    Raises:
        InputError: Fewer than two colours, or a template without its places.
    """

    def __init__(
        self,
        colours: Sequence[str] = COLOURS,
        template: str = TEMPLATE,
        strength: Mapping[str, float] | None = None,
    ) -> None:
        if len(set(colours)) < 2 or "{thing}" not in template or "{colour}" not in template:
            raise InputError("a probe needs two colours and a template", "see openitr.diagnose.association.TEMPLATE")
        self.colours, self.template, self.strength = tuple(colours), template, dict(strength or {})

    def run(self, encoder: Encoder, subjects: Sequence[Subject]) -> CABReport:
        """Ask about every subject.

        Raises:
            InputError: No subject.
        """
        if not subjects:
            raise InputError("no picture to ask about", "make some with make_two_object_images")
        things = sorted({subject.thing for subject in subjects})
        asked = [self.template.format(thing=thing, colour=colour) for thing in things for colour in self.colours]
        scores = np.asarray(
            encoder.encode_texts(asked).score(encoder.encode_images([s.picture for s in subjects])),  # type: ignore[arg-type]
            np.float64,
        ).reshape(len(things), len(self.colours), len(subjects))
        answers = [
            self.colours[int(scores[things.index(subject.thing), :, row].argmax())]
            for row, subject in enumerate(subjects)
        ]
        return self.tally(subjects, answers)

    def tally(self, subjects: Sequence[Subject], answers: Sequence[str]) -> CABReport:
        """Count given answers, one per subject: from a model that is no dual encoder, say."""
        hits = np.array([answer == s.right for s, answer in zip(subjects, answers, strict=True)])
        swaps = np.array([answer == s.other for s, answer in zip(subjects, answers, strict=True)])
        of = np.array([s.thing for s in subjects])
        strengths = [
            (self.strength[thing], float((swaps[of == thing].mean() - hits[of == thing].mean() + 1) / 2))
            for thing in sorted(set(of.tolist()))
            if thing in self.strength
        ]
        return CABReport(float(hits.mean()), float(swaps.mean()), len(subjects), strengths)


def make_two_object_images(
    objects: Mapping[str, str] = TYPICAL,
    condition: Condition = "natural",
    *,
    per_pair: int = 2,
    size: int = 224,
    seed: int = 0,
) -> list[Subject]:
    """Scenes of two things side by side, and each in turn the one that is asked about.

    Args:
        objects: Things of the scenes with the colour each goes with.
        condition: "natural": every thing in its colour. "unnatural": every thing in a colour that is neither its own
            nor the other's, drawn at random. "single": one thing alone in its colour.
        per_pair: Pictures of each pair of things whose colours differ, sides changed about.
        size: Side of the pictures, pixels.
        seed: Of places and colours.

    Raises:
        InputError: No two things with different colours.

    >>> subjects = make_two_object_images({"apple": "red", "tree": "green"}, per_pair=1, size=64)
    >>> [(s.thing, s.right, s.other) for s in subjects]
    [('apple', 'red', 'green'), ('tree', 'green', 'red')]
    """
    rng = np.random.default_rng(seed)
    names = sorted(objects)
    couples = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if objects[a] != objects[b]]
    if not couples:
        raise InputError("no two things with different colours", "give things that differ in colour")
    if condition == "single":
        alone = [_thing(name, objects[name], *_places(rng)[0]) for name in names for _ in range(per_pair)]
        return [Subject(render(Scene((thing,)), size), thing.kind, thing.colour) for thing in alone]
    found = []
    for a, b in couples:
        for _ in range(per_pair):
            first, second = objects[a], objects[b]
            if condition == "unnatural":
                free = [c for c in COLOURS if c not in (first, second, "white")]
                first, second = (free[i] for i in rng.permutation(len(free))[:2])
            (xa, ya), (xb, yb) = _places(rng)
            picture = render(Scene((_thing(a, first, xa, ya), _thing(b, second, xb, yb))), size)
            found += [Subject(picture, a, first, second), Subject(picture, b, second, first)]
    return found


def _places(rng: np.random.Generator) -> list[tuple[float, float]]:
    """Two places side by side, in random order."""
    heights = 0.35 + 0.3 * rng.random(2)
    sides = [0.27, 0.73] if rng.random() < 0.5 else [0.73, 0.27]
    return [(sides[0], float(heights[0])), (sides[1], float(heights[1]))]


def _thing(kind: str, colour: str, x: float, y: float) -> Thing:
    from openitr.datasets.scenes.artwork import TRIMMED

    trim = next(c for c in ("black", "brown") if c != colour) if kind in TRIMMED else None
    return Thing(kind, colour, "large", "plain", x, y, trim)
