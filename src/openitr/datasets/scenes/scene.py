"""Scenes and the things in them: plain data, with boxes and relations that follow from it.

Coordinates are shares of the picture's side, x to the right and y downwards, so a scene has no resolution of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from openitr.datasets.scenes.artwork import COLOURS, CONTAINERS, KINDS, PATTERNS, SIZES, TRIMMED, extent
from openitr.datasets.scenes.backdrops import BACKGROUNDS
from openitr.errors import InputError

Box: TypeAlias = tuple[float, float, float, float]

MARGIN = 0.1
"""How far two centres must be apart, as a share of the side, for one to be left of or above the other."""
CONTACT = 0.012
"""How far the foot of a thing may be from the top of what it stands on."""


@lru_cache(maxsize=65536)
def _box(kind: str, r: float, x: float, y: float) -> Box:
    x0, y0, x1, y1 = extent(kind)
    return round(x + r * x0, 4), round(y + r * y0, 4), round(x + r * x1, 4), round(y + r * y1, 4)


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing in a scene.

    Args:
        kind: One of ``KINDS``.
        colour: One of ``COLOURS``.
        size: "small" or "large".
        pattern: "plain", "striped" or "dotted".
        x, y: Centre of the thing's square, shares of the picture's side.
        trim: Colour of the roof, sail or hat, for the kinds that have one.
        scale: Factor on the size, for things that grow and shrink in movies.

    Raises:
        InputError: A word outside the vocabulary, a trim that is missing or too many.

    >>> Thing("cat", "black", "small", "plain", 0.5, 0.5).box
    (0.3961, 0.3929, 0.6039, 0.5966)
    """

    kind: str
    colour: str
    size: str
    pattern: str
    x: float
    y: float
    trim: str | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        words = [(self.kind, KINDS), (self.colour, COLOURS), (self.size, tuple(SIZES)), (self.pattern, PATTERNS)]
        words += [(self.trim, COLOURS)] if self.trim is not None else []
        for word, known in words:
            if word not in known:
                raise InputError(f"{word!r} is not in the vocabulary of scenes", "use one of " + ", ".join(known))
        if (self.kind in TRIMMED) != (self.trim is not None):
            needs = "needs" if self.kind in TRIMMED else "has no place for"
            raise InputError(f"a {self.kind} {needs} a trim colour", "only " + ", ".join(sorted(TRIMMED)) + " have one")

    @property
    def radius(self) -> float:
        """Half the side of the thing's square."""
        return SIZES[self.size] * self.scale

    @property
    def box(self) -> Box:
        """(x0, y0, x1, y1) of what it covers, outline included; also where it is hidden or outside the picture."""
        return _box(self.kind, self.radius, self.x, self.y)

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box, which relations are about."""
        x0, y0, x1, y1 = self.box
        return (x0 + x1) / 2, (y0 + y1) / 2


@dataclass(frozen=True, slots=True)
class Scene:
    """Things on a background, ordered from back to front: a thing covers those before it.

    Raises:
        InputError: An unknown background.
    """

    things: tuple[Thing, ...]
    background: str = "plain"

    def __post_init__(self) -> None:
        if self.background not in BACKGROUNDS:
            raise InputError(f"there is no background {self.background!r}", "use one of " + ", ".join(BACKGROUNDS))

    def without(self, thing: Thing) -> Scene:
        """The scene with that very thing taken out.

        Raises:
            InputError: It is not in the scene.
        """
        if thing not in self.things:
            raise InputError(f"no such {thing.kind} in the scene")
        at = self.things.index(thing)
        return Scene(self.things[:at] + self.things[at + 1 :], self.background)

    def to_json(self) -> dict[str, Any]:
        """As plain data; :func:`scene_from_json` reads it back."""
        return {"background": self.background, "things": [asdict(t) for t in self.things]}


def scene_from_json(data: Mapping[str, Any]) -> Scene:
    """The scene that :meth:`Scene.to_json` wrote.

    Raises:
        InputError: A field that is missing or unknown, a word outside the vocabulary.

    >>> scene = Scene((Thing("car", "red", "large", "striped", 0.5, 0.6),), "meadow")
    >>> scene_from_json(scene.to_json()) == scene
    True
    """
    try:
        return Scene(tuple(Thing(**t) for t in data["things"]), str(data["background"]))
    except (KeyError, TypeError) as error:
        raise InputError(f"not a scene: {error}", "give what Scene.to_json() returned") from error


def overlap(a: Box, b: Box) -> bool:
    """Whether two boxes share more than an edge."""
    return min(a[2], b[2]) - max(a[0], b[0]) > CONTACT and min(a[3], b[3]) - max(a[1], b[1]) > CONTACT


def _left(scene: Scene, a: int, b: int) -> bool:
    return scene.things[a].centre[0] + MARGIN <= scene.things[b].centre[0]


def _above(scene: Scene, a: int, b: int) -> bool:
    return scene.things[a].centre[1] + MARGIN <= scene.things[b].centre[1]


def _on(scene: Scene, a: int, b: int) -> bool:
    upper, lower = scene.things[a].box, scene.things[b].box
    return abs(upper[3] - lower[1]) <= CONTACT and lower[0] < (upper[0] + upper[2]) / 2 < lower[2]


def _inside(scene: Scene, a: int, b: int) -> bool:
    inner, outer = scene.things[a].box, scene.things[b].box
    if a < b or scene.things[b].kind not in CONTAINERS:
        return False
    return inner[0] > outer[0] and inner[1] > outer[1] and inner[2] < outer[2] and inner[3] < outer[3]


def _front(scene: Scene, a: int, b: int) -> bool:
    return a > b and overlap(scene.things[a].box, scene.things[b].box) and not _inside(scene, a, b)


def _bigger(scene: Scene, a: int, b: int) -> bool:
    return scene.things[a].size == "large" and scene.things[b].size == "small"


def _nearest(scene: Scene, a: int, b: int) -> bool:
    (xb, yb) = scene.things[b].centre
    away = [
        ((t.centre[0] - xb) ** 2 + (t.centre[1] - yb) ** 2) ** 0.5 if i != b else float("inf")
        for i, t in enumerate(scene.things)
    ]
    return all(away[a] + 0.02 <= d for i, d in enumerate(away) if i != a)


_RELATIONS: dict[str, Callable[[Scene, int, int], bool]] = {
    "left": _left,
    "right": lambda scene, a, b: _left(scene, b, a),
    "above": _above,
    "below": lambda scene, a, b: _above(scene, b, a),
    "on": _on,
    "inside": _inside,
    "front": _front,
    "behind": lambda scene, a, b: _front(scene, b, a),
    "bigger": _bigger,
    "smaller": lambda scene, a, b: _bigger(scene, b, a),
    "nearest": _nearest,
}
RELATIONS: tuple[str, ...] = tuple(_RELATIONS)
CONVERSE: dict[str, str] = {
    "left": "right",
    "right": "left",
    "above": "below",
    "below": "above",
    "front": "behind",
    "behind": "front",
    "bigger": "smaller",
    "smaller": "bigger",
}


def related(scene: Scene, name: str, a: int, b: int) -> bool:
    """Whether thing number a stands in a relation to thing number b.

    ``left``, ``right``, ``above``, ``below``: the middles of the boxes are at least ``MARGIN`` apart that way.
    ``on``: a's foot touches b's top. ``inside``: a is drawn over a circle or square b whose box holds a's.
    ``front``, ``behind``: the boxes overlap, and which one is nearer. ``bigger``, ``smaller``: large against small.
    ``nearest``: no other thing is nearer to b than a, with no tie. All but the last are antisymmetric.

    Raises:
        InputError: An unknown relation.
    """
    if name not in _RELATIONS:
        raise InputError(f"there is no relation {name!r}", "use one of " + ", ".join(RELATIONS))
    return a != b and _RELATIONS[name](scene, a, b)
