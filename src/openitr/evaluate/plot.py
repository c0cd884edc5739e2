"""A comparison as one SVG picture: for every recall a dot and a 95% interval per model."""

from __future__ import annotations

from xml.sax.saxutils import escape

from openitr.evaluate.comparison import NUMBERS, Comparison

# Okabe & Ito 2008: told apart with any kind of colour vision.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
_LEFT, _RIGHT, _TOP, _LINE, _GAP = 96, 24, 64, 14, 16
_WIDTH = 640


def svg(comparison: Comparison) -> str:
    """The picture, as text.

    The horizontal axis is recall in percent, from 0 to the next ten above the largest interval; RSUM stands in the
    legend, with its interval.
    """
    rows = [number for number in NUMBERS if number != "RSUM"]
    standings = comparison.standings
    top = max(standing.intervals[number][1] for standing in standings for number in rows)
    reach = min(100, max(10, 10 * -int(-top // 10)))
    band = _LINE * len(standings) + _GAP
    head = _TOP + 16 * len(standings)
    bottom = head + band * len(rows)
    height = bottom + 40

    def x(value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(max(value, 0), reach) / reach

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#222">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="16" y="26" font-size="15" font-weight="600">{escape(title(comparison))}</text>',
        '<text x="16" y="44" fill="#666">Recall in percent, 95% intervals over pictures; t2i: text to image, '
        "i2t: image to text</text>",
    ]
    for at, standing in enumerate(standings):
        line = _TOP + 16 * at
        low, high = standing.intervals["RSUM"]
        words = f"{standing.name}   RSUM {standing.mean('RSUM'):.1f} [{low:.1f}, {high:.1f}]"
        drawn.append(f'<circle cx="22" cy="{line}" r="4" fill="{COLOURS[at % len(COLOURS)]}"/>')
        drawn.append(f'<text x="34" y="{line + 4}" xml:space="preserve">{escape(words)}</text>')
    for tick in range(0, reach + 1, 10):
        drawn.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{head}" y2="{bottom}" stroke="#e6e6e6"/>')
        drawn.append(f'<text x="{x(tick):.1f}" y="{bottom + 18}" text-anchor="middle" fill="#666">{tick}</text>')
    for place, number in enumerate(rows):
        start = head + band * place
        middle = start + band / 2
        drawn.append(f'<text x="{_LEFT - 12}" y="{middle + 4:.1f}" text-anchor="end">{number}</text>')
        if place:
            strong = "#999" if place == len(rows) // 2 else "#e6e6e6"
            drawn.append(f'<line x1="16" x2="{_WIDTH - _RIGHT}" y1="{start}" y2="{start}" stroke="{strong}"/>')
        for at, standing in enumerate(standings):
            y = start + _GAP / 2 + _LINE * (at + 0.5)
            low, high = standing.intervals[number]
            colour = COLOURS[at % len(COLOURS)]
            drawn.append(
                f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" '
                'stroke-width="2" stroke-linecap="round"/>'
            )
            drawn.append(f'<circle cx="{x(standing.mean(number)):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
            beside = x(high) < _WIDTH - _RIGHT - 34
            place_at = f'x="{x(high) + 6:.1f}"' if beside else f'x="{x(low) - 6:.1f}" text-anchor="end"'
            value = f"{standing.mean(number):.1f}"
            drawn.append(f'<text {place_at} y="{y + 4:.1f}" font-size="11" fill="#444">{value}</text>')
    drawn.append("</svg>")
    return "\n".join(drawn) + "\n"


def title(comparison: Comparison) -> str:
    """What was compared on what, in one line."""
    about = comparison.protocol
    where = f"{about.get('dataset', '')}, {about.get('split', '')}, {about.get('lang', '')}"
    return f"{where}: {about.get('images', 0):,} pictures, {about.get('texts', 0):,} texts"
