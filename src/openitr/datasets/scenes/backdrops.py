"""Backgrounds: gradients and a few soft forms, drawn once per size."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

BACKGROUNDS: tuple[str, ...] = ("plain", "meadow", "sea", "night", "room", "snow")

GROUND: dict[str, float] = {"plain": 0.0, "meadow": 0.42, "sea": 0.62, "night": 0.6, "room": 0.6, "snow": 0.45}
"""Height at which the ground begins: what stands has its foot below."""

CLASHES: dict[str, frozenset[str]] = {
    "plain": frozenset({"white"}),
    "meadow": frozenset({"green"}),
    "sea": frozenset({"blue"}),
    "night": frozenset({"black"}),
    "room": frozenset({"brown"}),
    "snow": frozenset({"white"}),
}
"""Colours that would be hard to see; the sampler leaves them out."""

_TOP_BOTTOM: dict[str, tuple[tuple[int, int, int], ...]] = {
    # sky from top to horizon, then ground from horizon to the bottom
    "plain": ((238, 238, 236), (238, 238, 236), (238, 238, 236), (238, 238, 236)),
    "meadow": ((150, 208, 246), (220, 240, 252), (164, 214, 110), (128, 190, 84)),
    "sea": ((188, 228, 250), (242, 248, 250), (110, 186, 222), (78, 156, 206)),
    "night": ((50, 56, 108), (98, 98, 152), (74, 92, 104), (62, 78, 92)),
    "room": ((250, 236, 208), (246, 228, 196), (212, 174, 128), (196, 154, 108)),
    "snow": ((178, 202, 226), (214, 226, 240), (244, 248, 252), (232, 240, 248)),
}


def _gradient(name: str, side: int) -> Image.Image:
    stops = np.array(_TOP_BOTTOM[name], dtype=np.float64)
    horizon = GROUND[name]
    rows = np.empty((side, 3))
    for y in range(side):
        at = (y + 0.5) / side
        sky = at < horizon
        t = at / horizon if sky else (at - horizon) / (1 - horizon)
        rows[y] = stops[0] * (1 - t) + stops[1] * t if sky else stops[2] * (1 - t) + stops[3] * t
    picture = np.repeat(np.rint(rows).astype(np.uint8)[:, None, :], side, axis=1)
    return Image.fromarray(np.ascontiguousarray(picture))


def _decorate(name: str, draw: ImageDraw.ImageDraw, s: int) -> None:
    def ellipse(x0: float, y0: float, x1: float, y1: float, fill: tuple[int, int, int]) -> None:
        draw.ellipse((x0 * s, y0 * s, x1 * s, y1 * s), fill=fill)

    if name in ("meadow", "sea"):
        for x, y, w in ((0.14, 0.1, 0.16), (0.72, 0.07, 0.2)):
            ellipse(x - w / 2, y - 0.03, x + w / 2, y + 0.03, (250, 252, 254))
            ellipse(x - w / 4, y - 0.055, x + w / 5, y + 0.025, (250, 252, 254))
    if name == "meadow":
        ellipse(-0.2, 0.36, 0.6, 0.6, (164, 214, 110))
        ellipse(0.45, 0.38, 1.2, 0.62, (158, 210, 104))
    if name == "sea":
        for x, y in ((0.12, 0.7), (0.55, 0.67), (0.82, 0.78), (0.3, 0.84), (0.65, 0.92), (0.1, 0.95)):
            draw.arc((x * s, y * s, (x + 0.1) * s, (y + 0.05) * s), 200, 340, (176, 220, 242), max(1, s // 100))
    if name == "night":
        for i in range(16):
            x, y = (0.07 + 0.618 * i) % 1, (0.05 + 0.37 * i) % 0.5
            r = 0.004 + 0.002 * (i % 3)
            ellipse(x - r, y - r, x + r, y + r, (250, 246, 200))
    if name == "room":
        draw.rectangle((0, 0.585 * s, s, 0.605 * s), fill=(236, 220, 190))
        draw.rectangle((0.66 * s, 0.08 * s, 0.92 * s, 0.36 * s), fill=(226, 208, 174))
        draw.rectangle((0.68 * s, 0.1 * s, 0.9 * s, 0.34 * s), fill=(206, 230, 244))
        draw.line((0.79 * s, 0.1 * s, 0.79 * s, 0.34 * s), fill=(226, 208, 174), width=max(1, s // 64))
    if name == "snow":
        ellipse(-0.3, 0.4, 0.55, 0.7, (240, 246, 251))
        ellipse(0.4, 0.42, 1.3, 0.7, (244, 248, 252))
        for i in range(18):
            x, y = (0.05 + 0.618 * i) % 1, (0.03 + 0.29 * i) % 0.42
            ellipse(x - 0.008, y - 0.008, x + 0.008, y + 0.008, (250, 252, 255))


@lru_cache(maxsize=64)
def backdrop(name: str, size: int) -> Image.Image:
    """The empty background, a size x size RGB picture; callers copy it before they draw on it."""
    side = size * 2
    picture = _gradient(name, side)
    _decorate(name, ImageDraw.Draw(picture), side)
    return picture.reduce(2)
