"""From a scene to pixels: the picture, the masks, and how much of each thing can be seen.

Every thing is a sprite, drawn large and shrunk once, then pasted back to front. No fonts and no random numbers, so one
scene gives one picture.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from openitr.datasets.scenes.artwork import ARTWORK, FIXED, RGB, STROKE
from openitr.datasets.scenes.backdrops import backdrop
from openitr.datasets.scenes.scene import Scene, Thing
from openitr.errors import InputError
from openitr.types import ImageArray

Colour = tuple[int, int, int]
MAX_SIZE = 2048


def _mix(colour: Colour, towards: Colour, share: float) -> Colour:
    a, b, c = (round(p * (1 - share) + q * share) for p, q in zip(colour, towards, strict=True))
    return a, b, c


def _bright(colour: Colour) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def _outline(colour: Colour) -> Colour:
    # A black thing gets a lighter rim: a darker one would not show.
    return (120, 120, 126) if _bright(colour) < 60 else _mix(colour, (24, 20, 30), 0.62)


def _patterned(colour: Colour, pattern: str, side: int, radius: float) -> Image.Image:
    other = _mix(colour, (30, 24, 40), 0.62) if _bright(colour) > 165 else (250, 248, 240)
    picture = Image.new("RGB", (side, side), colour)
    draw, middle = ImageDraw.Draw(picture), side / 2
    if pattern == "striped":
        step = 0.4 * radius
        for i in range(-4, 5):
            x = middle + i * step - step / 4
            draw.rectangle((x, 0, x + step / 2 - 1, side), fill=other)
    else:
        step, r = 0.46 * radius, 0.13 * radius
        for i in range(-4, 5):
            for j in range(-4, 5):
                x, y = middle + (i + 0.5 * (j % 2)) * step, middle + j * step
                draw.ellipse((x - r, y - r, x + r, y + r), fill=other)
    return picture


class _Pen:
    """Draws one primitive, widened by ``grow`` pixels, on a square whose middle is the thing's centre."""

    def __init__(self, picture: Image.Image, radius: float) -> None:
        self.draw, self.radius, self.middle = ImageDraw.Draw(picture), radius, picture.width / 2

    def __call__(self, shape: str, numbers: tuple[float, ...], fill: Colour | int, grow: float) -> None:
        at = [v * self.radius + self.middle for v in numbers]
        if shape == "e":
            # Pillow's ellipse includes its last row and column, hence the pixel less; a speck keeps one pixel.
            x0, y0 = at[0] - grow, at[1] - grow
            self.draw.ellipse((x0, y0, max(x0, at[2] + grow - 1), max(y0, at[3] + grow - 1)), fill=fill)
            return
        if shape == "l":
            x0, y0, x1, y1 = at[:4]
            half, length = numbers[4] * self.radius / 2, math.hypot(x1 - x0, y1 - y0)
            nx, ny = (y1 - y0) / length * half, (x0 - x1) / length * half
            at = [x0 + nx, y0 + ny, x1 + nx, y1 + ny, x1 - nx, y1 - ny, x0 - nx, y0 - ny]
        corners = list(zip(at[0::2], at[1::2], strict=True))
        self.draw.polygon([(x - 0.5, y - 0.5) for x, y in corners], fill=fill)
        if grow > 0:
            for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
                length = math.hypot(x1 - x0, y1 - y0) or 1.0
                nx, ny = (y1 - y0) / length * grow, (x0 - x1) / length * grow
                edge = [(x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)]
                self.draw.polygon([(x - 0.5, y - 0.5) for x, y in edge], fill=fill)
                if grow >= 0.5:
                    self.draw.ellipse((x0 - grow, y0 - grow, x0 + grow - 1, y0 + grow - 1), fill=fill)


@lru_cache(maxsize=8192)
def _sprite(kind: str, colour: str, pattern: str, trim: str | None, radius: float) -> tuple[Image.Image, Image.Image]:
    """(RGB, alpha) of one thing, its centre in the middle; radius in pixels."""
    over = 4 if radius <= 64 else 2
    half = math.ceil(radius * 1.12) + 1
    side, r = 2 * half * over, radius * over
    body = RGB[colour]
    tones = dict(FIXED) | {"body": body, "trim": RGB[trim] if trim else body}
    tones |= {"dark": _mix(body, (20, 16, 28), 0.3), "shine": _mix(body, (255, 255, 255), 0.6)}
    stroke = STROKE * r
    picture, alpha = Image.new("RGB", (side, side), _outline(body)), Image.new("L", (side, side), 0)
    paint, cover = _Pen(picture, r), _Pen(alpha, r)
    filling = None if pattern == "plain" else _patterned(body, pattern, side, r)
    for shape, numbers, role in ARTWORK[kind]:
        cover(shape, numbers, 0 if role == "hole" else 255, -stroke if role == "hole" else stroke)
    for shape, numbers, role in ARTWORK[kind]:
        if role == "hole":
            paint(shape, numbers, _outline(body), 0)
            continue
        # Parts of another tone get a rim of their own, so that they read as parts.
        if role in ("trim", "dark", "metal", "skin", "wood"):
            paint(shape, numbers, _outline(tones[role]), stroke * 0.6)
        if role == "body" and filling is not None:
            part = Image.new("L", (side, side), 0)
            _Pen(part, r)(shape, numbers, 255, 0)
            picture.paste(filling, (0, 0), part)
        else:
            paint(shape, numbers, tones[role], 0)
    return picture.reduce(over), alpha.reduce(over)


def _placed(thing: Thing, size: int) -> tuple[Image.Image, Image.Image, int, int]:
    radius = round(thing.radius * size * 8) / 8
    picture, alpha = _sprite(thing.kind, thing.colour, thing.pattern, thing.trim, max(radius, 1.0))
    half = picture.width // 2
    return picture, alpha, round(thing.x * size) - half, round(thing.y * size) - half


def _checked(size: int) -> int:
    if not 8 <= size <= MAX_SIZE:
        raise InputError(f"a picture of {size} pixels a side is of no use", f"use 8 to {MAX_SIZE}")
    return size


def render(scene: Scene, size: int = 128) -> ImageArray:
    """The picture, (size, size, 3) uint8 RGB.

    Raises:
        InputError: A size outside 8 to 2048.

    >>> render(Scene((Thing("car", "red", "large", "plain", 0.5, 0.6),), "meadow"), 64)[40, 32].tolist()
    [222, 44, 48]
    """
    picture = backdrop(scene.background, _checked(size)).copy()
    for thing in scene.things:
        sprite, alpha, left, top = _placed(thing, size)
        picture.paste(sprite, (left, top), alpha)
    return np.asarray(picture)


def masks(scene: Scene, size: int = 128, *, hidden: bool = False) -> npt.NDArray[np.bool_]:
    """Which pixels belong to which thing: (things, size, size) bool; a pixel belongs where at least half is covered.

    Args:
        scene: The scene.
        size: Side of the picture, pixels.
        hidden: Also the part that nearer things cover (amodal masks).
    """
    found = np.zeros((len(scene.things), _checked(size), size), dtype=bool)
    for i, thing in enumerate(scene.things):
        _, alpha, left, top = _placed(thing, size)
        plane = Image.new("L", (size, size), 0)
        plane.paste(alpha, (left, top))
        found[i] = np.asarray(plane) >= 128
        if not hidden:
            found[:i] &= ~found[i]
    return found


def visibility(scene: Scene, size: int = 128) -> npt.NDArray[np.float64]:
    """Share of each thing that nearer things leave visible inside the picture: (things,), 0 to 1."""
    whole = masks(scene, size, hidden=True).sum(axis=(1, 2))
    seen = masks(scene, size).sum(axis=(1, 2))
    return np.asarray(seen / np.maximum(whole, 1), dtype=np.float64)


def boxes(scene: Scene, size: int = 128) -> npt.NDArray[np.float64]:
    """(things, 4) boxes x0, y0, x1, y1 in pixels, clipped to the picture, of each thing as if nothing covered it."""
    found = np.array([t.box for t in scene.things], dtype=np.float64).reshape(-1, 4) * _checked(size)
    return np.asarray(found.clip(0, size), dtype=np.float64)
