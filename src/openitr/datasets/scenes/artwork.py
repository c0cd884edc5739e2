"""What each kind of thing looks like: a few primitives in a square from -1 to 1, y downwards.

A primitive is (shape, numbers, role): ``"e"`` an ellipse's box, ``"p"`` a polygon's x, y pairs, ``"l"`` a line's
x0, y0, x1, y1 and width. The role says how it is coloured: ``body`` takes colour and pattern of the thing, ``trim`` its
second colour, ``hole`` cuts through, ``detail`` is drawn inside and never widens the outline, others are fixed colours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Literal, TypeAlias

Primitive: TypeAlias = tuple[Literal["e", "p", "l"], tuple[float, ...], str]

STROKE = 0.07
"""Width of the dark outline, in units of the radius of a thing."""


def _star() -> tuple[float, ...]:
    points: list[float] = []
    for i in range(10):
        r, angle = (1.0 if i % 2 == 0 else 0.45), math.pi * i / 5
        points += [round(r * math.sin(angle), 3), round(-r * math.cos(angle) + 0.05, 3)]
    return tuple(points)


def _heart() -> tuple[float, ...]:
    points: list[float] = []
    for i in range(48):
        t = 2 * math.pi * i / 48
        x = math.sin(t) ** 3
        y = -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16
        points += [round(x, 3), round(y - 0.03, 3)]
    return tuple(points)


def _moon() -> tuple[float, ...]:
    outer = [(math.sin(a), -math.cos(a)) for a in (math.pi * (0.12 - i / 24) for i in range(31))]
    (x0, y0), (x1, y1) = outer[-1], outer[0]
    inner = []
    for i in range(1, 20):
        t = i / 20
        bulge = 0.62 * math.sin(math.pi * t)
        inner.append((x0 + (x1 - x0) * t - bulge, y0 + (y1 - y0) * t + 0.1 * math.sin(math.pi * t)))
    return tuple(round(v, 3) for x, y in outer + inner for v in (x + 0.2, y))


def _arc(x: float, y: float, rx: float, ry: float, start: int, stop: int) -> tuple[float, ...]:
    points: list[float] = []
    for degrees in range(start, stop + 1, 10):
        angle = math.radians(degrees)
        points += [round(x + rx * math.cos(angle), 3), round(y + ry * math.sin(angle), 3)]
    return tuple(points)


def _mirrored(*right: tuple[float, float]) -> tuple[float, ...]:
    corners = [*right, *((-x, y) for x, y in reversed(right))]
    return tuple(v for corner in corners for v in corner)


def _petals() -> list[Primitive]:
    found: list[Primitive] = []
    for i in range(5):
        angle = 2 * math.pi * i / 5
        x, y = 0.4 * math.sin(angle), -0.4 * math.cos(angle) - 0.28
        found.append(("e", (x - 0.32, y - 0.32, x + 0.32, y + 0.32), "body"))
    return found


def _face(y: float, apart: float, r: float) -> list[Primitive]:
    return [
        ("e", (-apart - r, y - r, -apart + r, y + r), "ink"),
        ("e", (apart - r, y - r, apart + r, y + r), "ink"),
    ]


ARTWORK: dict[str, list[Primitive]] = {
    "circle": [("e", (-0.95, -0.95, 0.95, 0.95), "body")],
    "square": [("p", (-0.85, -0.85, 0.85, -0.85, 0.85, 0.85, -0.85, 0.85), "body")],
    "triangle": [("p", (0, -0.9, 0.98, 0.8, -0.98, 0.8), "body")],
    "star": [("p", _star(), "body")],
    "heart": [("p", _heart(), "body")],
    "ring": [("e", (-0.95, -0.95, 0.95, 0.95), "body"), ("e", (-0.48, -0.48, 0.48, 0.48), "hole")],
    "diamond": [("p", (0, -1, 0.72, 0, 0, 1, -0.72, 0), "body")],
    "house": [
        ("p", (-0.75, -0.2, 0.75, -0.2, 0.75, 0.95, -0.75, 0.95), "body"),
        ("p", (-1, -0.15, 0, -0.98, 1, -0.15), "trim"),
        ("p", (-0.18, 0.35, 0.22, 0.35, 0.22, 0.95, -0.18, 0.95), "wood"),
        ("p", (-0.6, 0.1, -0.28, 0.1, -0.28, 0.42, -0.6, 0.42), "glass"),
        ("p", (0.34, 0.1, 0.64, 0.1, 0.64, 0.42, 0.34, 0.42), "glass"),
    ],
    "tree": [
        ("p", (-0.15, 0.2, 0.15, 0.2, 0.22, 0.98, -0.22, 0.98), "wood"),
        ("e", (-0.85, -0.5, 0.1, 0.4), "body"),
        ("e", (-0.1, -0.5, 0.85, 0.4), "body"),
        ("e", (-0.55, -0.98, 0.55, 0.1), "body"),
    ],
    "fish": [
        ("p", (0.5, 0, 1, -0.55, 0.88, 0, 1, 0.55), "body"),
        ("p", (-0.25, -0.4, 0.15, -0.78, 0.35, -0.3), "dark"),
        ("e", (-1, -0.52, 0.68, 0.52), "body"),
        ("e", (-0.75, -0.25, -0.47, 0.03), "white"),
        ("e", (-0.69, -0.18, -0.53, -0.02), "ink"),
    ],
    "car": [
        ("p", (-0.5, -0.05, -0.3, -0.5, 0.35, -0.5, 0.6, -0.05), "body"),
        ("p", (-0.95, -0.08, 0.9, -0.08, 1, 0.12, 1, 0.38, -0.98, 0.38, -0.98, 0.05), "body"),
        ("p", (-0.34, -0.06, -0.2, -0.38, -0.02, -0.38, -0.02, -0.06), "glass"),
        ("p", (0.08, -0.06, 0.08, -0.38, 0.28, -0.38, 0.45, -0.06), "glass"),
        ("e", (-0.76, 0.1, -0.24, 0.62), "ink"),
        ("e", (0.26, 0.1, 0.78, 0.62), "ink"),
        ("e", (-0.62, 0.24, -0.38, 0.48), "metal"),
        ("e", (0.4, 0.24, 0.64, 0.48), "metal"),
    ],
    "cup": [
        ("e", (0.3, -0.35, 0.98, 0.4), "body"),
        ("e", (0.5, -0.15, 0.78, 0.2), "hole"),
        ("p", (-0.85, -0.6, 0.6, -0.6, 0.45, 0.7, -0.7, 0.7), "body"),
        ("e", (-0.85, -0.78, 0.6, -0.42), "dark"),
    ],
    "flower": [
        ("l", (0, -0.2, 0, 0.92, 0.12), "leaf"),
        ("e", (0.02, 0.35, 0.55, 0.65), "leaf"),
        *_petals(),
        ("e", (-0.23, -0.51, 0.23, -0.05), "gold"),
    ],
    "boat": [
        ("l", (0, -0.95, 0, 0.4, 0.1), "wood"),
        ("p", (0.1, -0.85, 0.8, 0.2, 0.1, 0.2), "trim"),
        ("p", (-0.1, -0.65, -0.1, 0.2, -0.65, 0.2), "trim"),
        ("p", (-1, 0.35, 1, 0.35, 0.6, 0.88, -0.6, 0.88), "body"),
    ],
    "cat": [
        ("p", (-0.85, -0.95, -0.2, -0.6, -0.8, -0.05), "body"),
        ("p", (0.85, -0.95, 0.2, -0.6, 0.8, -0.05), "body"),
        ("e", (-0.92, -0.7, 0.92, 0.85), "body"),
        *_face(-0.05, 0.38, 0.17),
        ("e", (-0.42, -0.17, -0.32, -0.07), "white"),
        ("e", (0.34, -0.17, 0.44, -0.07), "white"),
        ("e", (-0.4, 0.2, 0.4, 0.68), "white"),
        ("p", (-0.15, 0.22, 0.15, 0.22, 0, 0.4), "ink"),
    ],
    "bird": [
        ("p", (0.4, 0.05, 1, -0.3, 0.95, 0.25), "dark"),
        ("l", (-0.1, 0.5, -0.1, 0.92, 0.09), "gold"),
        ("l", (0.15, 0.5, 0.15, 0.92, 0.09), "gold"),
        ("e", (-0.6, -0.3, 0.7, 0.65), "body"),
        ("e", (-0.82, -0.82, -0.02, -0.02), "body"),
        ("p", (-0.76, -0.55, -1, -0.36, -0.72, -0.24), "gold"),
        ("e", (-0.62, -0.58, -0.4, -0.36), "ink"),
        ("p", (-0.15, 0.05, 0.55, -0.05, 0.15, 0.42), "dark"),
    ],
    "umbrella": [
        ("l", (0, -0.2, 0, 0.75, 0.1), "wood"),
        ("l", (0, 0.8, 0.3, 0.8, 0.1), "wood"),
        ("p", _arc(0, 0.05, 0.98, 0.98, 180, 360), "body"),
        ("e", (-0.98, -0.05, -0.33, 0.15), "dark"),
        ("e", (-0.33, -0.05, 0.33, 0.15), "dark"),
        ("e", (0.33, -0.05, 0.98, 0.15), "dark"),
    ],
    "apple": [
        ("l", (0, -0.55, 0.12, -0.92, 0.12), "wood"),
        ("e", (0.1, -0.95, 0.6, -0.65), "leaf"),
        ("e", (-0.88, -0.62, 0.22, 0.75), "body"),
        ("e", (-0.22, -0.62, 0.88, 0.75), "body"),
        ("e", (-0.55, 0.0, 0.55, 0.86), "body"),
    ],
    "balloon": [
        ("l", (0, 0.5, 0, 0.97, 0.05), "ink"),
        ("p", (0, 0.38, 0.16, 0.62, -0.16, 0.62), "dark"),
        ("e", (-0.68, -0.97, 0.68, 0.48), "body"),
        ("e", (-0.42, -0.76, -0.16, -0.3), "shine"),
    ],
    "butterfly": [
        ("e", (-0.97, -0.85, -0.02, 0.15), "body"),
        ("e", (0.02, -0.85, 0.97, 0.15), "body"),
        ("e", (-0.78, -0.05, -0.04, 0.8), "dark"),
        ("e", (0.04, -0.05, 0.78, 0.8), "dark"),
        ("e", (-0.12, -0.65, 0.12, 0.7), "ink"),
        ("l", (-0.02, -0.6, -0.26, -0.92, 0.06), "ink"),
        ("l", (0.02, -0.6, 0.26, -0.92, 0.06), "ink"),
    ],
    "key": [
        ("p", (-0.2, -0.13, 0.98, -0.13, 0.98, 0.45, 0.76, 0.45, 0.76, 0.13, 0.56, 0.13, 0.56, 0.36), "body"),
        ("p", (-0.2, -0.13, 0.9, -0.13, 0.9, 0.13, -0.2, 0.13), "body"),
        ("e", (-0.98, -0.5, 0.02, 0.5), "body"),
        ("e", (-0.7, -0.22, -0.26, 0.22), "hole"),
    ],
    "bell": [
        ("e", (-0.2, 0.45, 0.2, 0.9), "gold"),
        ("e", (-0.18, -0.98, 0.18, -0.62), "body"),
        ("p", (*_arc(0, -0.2, 0.58, 0.6, 180, 360), 0.62, 0.3, 0.92, 0.62, -0.92, 0.62, -0.62, 0.3), "body"),
    ],
    "doll": [
        ("l", (-0.2, 0.6, -0.2, 0.92, 0.16), "skin"),
        ("l", (0.2, 0.6, 0.2, 0.92, 0.16), "skin"),
        ("l", (-0.25, 0.1, -0.7, 0.38, 0.15), "skin"),
        ("l", (0.25, 0.1, 0.7, 0.38, 0.15), "skin"),
        ("p", (-0.2, -0.08, 0.2, -0.08, 0.62, 0.75, -0.62, 0.75), "body"),
        ("e", (-0.42, -0.78, 0.42, 0.06), "skin"),
        *_face(-0.28, 0.16, 0.08),
        ("p", (*_arc(0, -0.5, 0.42, 0.48, 180, 360), 0.7, -0.46, -0.7, -0.46), "trim"),
    ],
    "robot": [
        ("l", (0, -0.95, 0, -0.6, 0.08), "ink"),
        ("e", (-0.12, -0.98, 0.12, -0.74), "gold"),
        ("p", (-0.95, 0.08, -0.6, 0.08, -0.6, 0.55, -0.95, 0.55), "metal"),
        ("p", (0.6, 0.08, 0.95, 0.08, 0.95, 0.55, 0.6, 0.55), "metal"),
        ("p", (-0.42, 0.65, -0.1, 0.65, -0.1, 0.95, -0.42, 0.95), "metal"),
        ("p", (0.1, 0.65, 0.42, 0.65, 0.42, 0.95, 0.1, 0.95), "metal"),
        ("p", (-0.58, 0.02, 0.58, 0.02, 0.58, 0.7, -0.58, 0.7), "body"),
        ("p", (-0.5, -0.62, 0.5, -0.62, 0.5, -0.02, -0.5, -0.02), "metal"),
        *_face(-0.38, 0.22, 0.11),
        ("l", (-0.2, -0.15, 0.2, -0.15, 0.07), "ink"),
    ],
    "shirt": [
        ("p", _mirrored((0.3, -0.75), (0.97, -0.35), (0.75, 0.12), (0.52, 0.0), (0.52, 0.85)), "body"),
        ("e", (-0.24, -0.88, 0.24, -0.5), "dark"),
    ],
    "bag": [
        ("e", (-0.5, -0.95, 0.5, 0.35), "dark"),
        ("e", (-0.32, -0.75, 0.32, 0.1), "hole"),
        ("p", (-0.75, -0.25, 0.75, -0.25, 0.92, 0.88, -0.92, 0.88), "body"),
        ("p", (-0.16, -0.2, 0.16, -0.2, 0.16, 0.12, -0.16, 0.12), "gold"),
    ],
    "chair": [
        ("p", (-0.7, -0.98, -0.46, -0.98, -0.46, 0.98, -0.7, 0.98), "body"),
        ("p", (0.46, 0.1, 0.68, 0.1, 0.68, 0.98, 0.46, 0.98), "body"),
        ("p", (-0.7, -0.05, 0.75, -0.05, 0.75, 0.25, -0.7, 0.25), "body"),
    ],
    "moon": [("p", _moon(), "body")],
}

KINDS: tuple[str, ...] = tuple(ARTWORK)
SHAPES: tuple[str, ...] = ("circle", "square", "triangle", "star", "heart", "ring", "diamond")
TRIMMED: frozenset[str] = frozenset({"house", "boat", "doll"})
"""Kinds with a second colour: roof, sail, hat."""
STANDING: frozenset[str] = frozenset({"house", "tree", "car", "cup", "flower", "cat", "doll", "robot", "bag", "chair"})
"""Kinds that the sampler puts on the ground where there is one."""
FLAT_TOPPED: frozenset[str] = frozenset({"square", "car", "robot"})
"""Kinds that another thing may stand on."""
CONTAINERS: frozenset[str] = frozenset({"square", "circle"})
"""Kinds that another thing may lie inside."""

RGB: dict[str, tuple[int, int, int]] = {
    "red": (222, 44, 48),
    "orange": (250, 140, 24),
    "yellow": (252, 216, 44),
    "green": (44, 158, 72),
    "blue": (40, 96, 212),
    "purple": (132, 66, 178),
    "pink": (250, 150, 196),
    "brown": (134, 84, 46),
    "black": (44, 44, 50),
    "white": (248, 248, 246),
}
COLOURS: tuple[str, ...] = tuple(RGB)
PATTERNS: tuple[str, ...] = ("plain", "striped", "dotted")
SIZES: dict[str, float] = {"small": 0.105, "large": 0.185}
"""Radius of a thing as a share of the picture's side."""

FIXED: dict[str, tuple[int, int, int]] = {
    "ink": (36, 32, 38),
    "white": (252, 252, 252),
    "wood": (122, 78, 44),
    "leaf": (66, 150, 62),
    "glass": (186, 226, 246),
    "metal": (182, 188, 198),
    "gold": (246, 190, 60),
    "skin": (246, 206, 170),
}


def bounds(primitives: Iterable[Primitive]) -> tuple[float, float, float, float]:
    """The box (x0, y0, x1, y1) of what the primitives cover, outline included.

    >>> bounds(ARTWORK["circle"])
    (-1.02, -1.02, 1.02, 1.02)
    """
    xs: list[float] = []
    ys: list[float] = []
    for shape, numbers, role in primitives:
        if role == "hole":
            continue
        if shape == "l":
            x0, y0, x1, y1, width = numbers
            # A line is a rectangle around its axis; the one end that is not axis-parallel is covered all the same.
            length = math.hypot(x1 - x0, y1 - y0)
            dx, dy = (abs(y1 - y0) / length * width / 2, abs(x1 - x0) / length * width / 2)
            xs += [x0 - dx, x1 - dx, x0 + dx, x1 + dx]
            ys += [y0 - dy, y1 - dy, y0 + dy, y1 + dy]
        else:
            xs += numbers[0::2]
            ys += numbers[1::2]
    found = min(xs) - STROKE, min(ys) - STROKE, max(xs) + STROKE, max(ys) + STROKE
    return tuple(round(v, 4) for v in found)  # type: ignore[return-value]


@cache
def extent(kind: str) -> tuple[float, float, float, float]:
    """Box of a kind in units of its radius, around its centre."""
    return bounds(ARTWORK[kind])
