"""mAP@k over names, against a plain loop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import InputError
from openitr.evaluate.component_precision import mean_average_precision, singular

NAMES = st.lists(st.sampled_from("abcdef"), max_size=6)


@given(st.lists(st.tuples(NAMES, NAMES.filter(bool)), min_size=1, max_size=4), st.integers(1, 6))
def test_against_a_loop(pairs: list[tuple[list[str], list[str]]], k: int) -> None:
    total = 0.0
    for found, true in pairs:
        seen: list[str] = []
        summed = 0.0
        for place in range(min(k, len(found))):
            if found[place] in true and found[place] not in seen:
                seen.append(found[place])
                summed += len(seen) / (place + 1)
        total += summed / len(set(true))
    assert mean_average_precision([p for p, _ in pairs], [g for _, g in pairs], k) == pytest.approx(
        100 * total / len(pairs)
    )


def test_plurals_are_forgiven_and_nothing_else() -> None:
    for one, many in (
        ("egg", "Eggs"),
        ("tomato", "tomatoes"),
        ("berry", "berries"),
        ("red box", "red boxes"),
        ("dish", "dishes"),
    ):
        assert singular(one) == singular(many)
    assert singular("glass") == "glass" and singular("pie") == "pie"
    assert mean_average_precision([["egg yolk"]], [["egg"]], 1) == 0


def test_wrong_calls() -> None:
    for pred, gt, k in (([], [], 1), ([["a"]], [[]], 1), ([["a"]], [["a"], ["b"]], 1), ([["a"]], [["a"]], 0)):
        with pytest.raises(InputError, match="as many"):
            mean_average_precision(pred, gt, k)
