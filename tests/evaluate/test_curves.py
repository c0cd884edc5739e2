"""The plot of growth: places in closed form, and what cannot be drawn."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from openitr.errors import InputError
from openitr.evaluate.curves import Curve, svg


def spots(drawn: str) -> list[list[tuple[float, float]]]:
    lines = re.findall(r'<polyline points="([^"]*)"', drawn)
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in line.split())] for line in lines]


def test_a_power_law_is_a_straight_line_of_its_slope() -> None:
    sizes = (10.0, 1000.0, 100_000.0)
    drawn = svg(
        "t", "n", "ms", [Curve("square root", [(n, n**0.5) for n in sizes]), Curve("all", [(n, n) for n in sizes])]
    )
    ElementTree.fromstring(drawn)
    root, whole = spots(drawn)
    for line, power in ((root, 0.5), (whole, 1.0)):
        slopes = [(a[1] - b[1]) / (b[0] - a[0]) for a, b in pairwise(line)]
        # Coordinates are written to a tenth of a pixel.
        assert slopes[0] == pytest.approx(slopes[1], abs=0.002)
        assert slopes[0] / (whole[0][1] - whole[-1][1]) * (whole[-1][0] - whole[0][0]) == pytest.approx(power, abs=0.01)


def test_names_are_escaped_and_ticks_are_numbers_for_people() -> None:
    drawn = svg("a < b", "n", "ms", [Curve("<x>", [(100_000, 0.02), (1_000_000, 0.3)])])
    texts = [element.text for element in ElementTree.fromstring(drawn).iter() if element.tag.endswith("text")]
    assert {"a < b", "<x>", "100,000", "1,000,000", "0.01", "0.1", "1", "0.02", "0.3"} <= set(texts)


@pytest.mark.parametrize("points", [[], [(0.0, 1.0)], [(1.0, -2.0)]])
def test_what_has_no_logarithm_is_refused(points: list[tuple[float, float]]) -> None:
    with pytest.raises(InputError, match="logarithmic"):
        svg("t", "n", "ms", [Curve("a", points)])
