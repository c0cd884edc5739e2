"""Curves over powers of ten as one SVG picture: how something grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from openitr.errors import InputError
from openitr.evaluate.plot import COLOURS

_LEFT, _RIGHT, _TOP, _WIDTH, _HEIGHT = 72, 24, 64, 640, 300


@dataclass(frozen=True, eq=False)
class Curve:
    """One line.

    Args:
        name: In the legend.
        points: (x, y), both above zero, ascending x.
    """

    name: str
    points: Sequence[tuple[float, float]]


def svg(title: str, across: str, up: str, curves: Sequence[Curve]) -> str:
    """The picture, as text; both axes logarithmic, so that n^p is a line of slope p.

    Raises:
        InputError: No point, or one that is not above zero.

    >>> svg("t", "n", "ms", [Curve("a", [(1, 1), (100, 10)])]).count("<circle")
    3
    """
    points = [point for curve in curves for point in curve.points]
    if not points or min(min(point) for point in points) <= 0:
        raise InputError("a logarithmic plot of nothing, or of values that are not above zero", "check the measurement")
    xs, ys = _decades([x for x, _ in points]), _decades([y for _, y in points])
    head = _TOP + 16 * len(curves)

    def place(x: float, y: float) -> tuple[float, float]:
        right = (math.log10(x) - xs[0]) / (xs[-1] - xs[0]) * (_WIDTH - _LEFT - _RIGHT)
        above = (math.log10(y) - ys[0]) / (ys[-1] - ys[0]) * _HEIGHT
        return _LEFT + right, head + _HEIGHT - above

    tall = head + _HEIGHT + 56
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {tall}" width="{_WIDTH}" height="{tall}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#222">',
        f'<rect width="{_WIDTH}" height="{tall}" fill="#fff"/>',
        f'<text x="16" y="26" font-size="15" font-weight="600">{escape(title)}</text>',
        f'<text x="16" y="44" fill="#666">{escape(up)}</text>',
    ]
    for power in xs:
        x, _ = place(10.0**power, 10.0 ** ys[0])
        drawn.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{head}" y2="{head + _HEIGHT}" stroke="#e6e6e6"/>')
        drawn.append(
            f'<text x="{x:.1f}" y="{head + _HEIGHT + 18}" text-anchor="middle" fill="#666">{_tick(power)}</text>'
        )
    for power in ys:
        _, y = place(10.0 ** xs[0], 10.0**power)
        drawn.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e6e6e6"/>')
        drawn.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#666">{_tick(power)}</text>')
    drawn.append(
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2:.0f}" y="{head + _HEIGHT + 40}" text-anchor="middle" '
        f'fill="#666">{escape(across)}</text>'
    )
    for at, curve in enumerate(curves):
        colour, line = COLOURS[at % len(COLOURS)], _TOP + 16 * at
        drawn.append(f'<circle cx="22" cy="{line}" r="4" fill="{colour}"/>')
        drawn.append(f'<text x="34" y="{line + 4}">{escape(curve.name)}</text>')
        spots = [place(x, y) for x, y in curve.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), (_, value) in zip(spots, curve.points, strict=True):
            beside = 'text-anchor="end" ' if x > _WIDTH - 80 else ""
            shift = -8 if beside else 8
            drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
            drawn.append(
                f'<text x="{x + shift:.1f}" y="{y - 8:.1f}" {beside}font-size="11" fill="#444">{value:.3g}</text>'
            )
    drawn.append("</svg>")
    return "\n".join(drawn) + "\n"


def _decades(values: Sequence[float]) -> list[int]:
    """Powers of ten that hold the values, at least two."""
    low, high = math.floor(math.log10(min(values)) + 1e-9), math.ceil(math.log10(max(values)) - 1e-9)
    return list(range(low, max(high, low + 1) + 1))


def _tick(power: int) -> str:
    return f"{10**power:,}" if power >= 0 else f"{10.0**power:g}"
