"""How much faster, how much smaller, what is lost: a dot per setting, as one SVG picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 420, 64, 56, 210, 48
BLUE, ORANGE = "#0072b2", "#d55e00"


def svg(points: Sequence[tuple[str, float, float, float]]) -> str:
    """The picture, as text.

    Args:
        points: Name, times faster, times smaller, points of R@10 lost.

    The horizontal axis is speed-up on a logarithmic scale; an area of a dot is the bytes that are left.
    """
    fastest = max(faster for _, faster, _, _ in points)
    most = max(1.0, *(lost for *_, lost in points)) * 1.15
    least = min(0.0, *(lost for *_, lost in points)) * 1.15
    decades = max(2, math.ceil(math.log10(max(fastest, 10))))

    def x(faster: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log10(max(faster, 1.0)) / decades

    def y(lost: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (lost - least) / (most - least)

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#222">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        '<text x="16" y="24" font-size="15" font-weight="600">Weighted words against dense vectors</text>',
        '<text x="16" y="42" fill="#666">Speed-up over faiss Flat at 200,000 pictures; points of R@10 lost on Flickr8k '
        "val; beside each dot, how many times smaller</text>",
    ]
    for power in range(decades + 1):
        at = x(10**power)
        drawn.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#e6e6e6"/>')
        drawn.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{10**power}x</text>')
    step = 1 if most - least < 8 else 5
    for lost in range(math.ceil(least), math.floor(most) + 1, step):
        drawn.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(lost):.1f}" y2="{y(lost):.1f}" stroke="#e6e6e6"/>')
        drawn.append(f'<text x="{LEFT - 8}" y="{y(lost) + 4:.1f}" text-anchor="end">{lost}</text>')
    for name, faster, smaller, lost in points:
        colour = ORANGE if name.startswith("Seismic") else BLUE
        radius = max(3.0, 60 / smaller**0.5 / 2)
        drawn.append(
            f'<circle cx="{x(faster):.1f}" cy="{y(lost):.1f}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.7"/>'
        )
        words = f"{name}: 1/{smaller:.0f}"
        drawn.append(f'<text x="{x(faster) + radius + 4:.1f}" y="{y(lost) + 4:.1f}">{escape(words)}</text>')
    drawn.append("</svg>")
    return "\n".join(drawn) + "\n"
