"""Groups of texts: every text once, none too large, and never dearer than any other way to cut the sorted row."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from openitr.encoders.alike import alike


def cost(groups: list[list[int]], lengths: list[int], start: int) -> int:
    """Padded tokens of all calls, and what each call costs beside."""
    return sum(start + max(lengths[i] for i in group) * len(group) for group in groups)


def cheapest(lengths: list[int], start: int, most: int) -> int:
    """The best of all ways to cut, one by one."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    found = []
    for cuts in itertools.product([False, True], repeat=len(order) - 1):
        groups = [[order[0]]]
        for position, cut in zip(order[1:], cuts, strict=True):
            groups.append([position]) if cut else groups[-1].append(position)
        if max(map(len, groups)) <= most:
            found.append(cost(groups, lengths, start))
    return min(found)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=9), st.integers(0, 60), st.integers(1, 9))
def test_nothing_is_cheaper(lengths: list[int], start: int, most: int) -> None:
    groups = alike(lengths, start=start, most=most)
    assert sorted(itertools.chain(*groups)) == list(range(len(lengths)))
    assert max(map(len, groups)) <= most
    assert cost(groups, lengths, start) == cheapest(lengths, start, most)


def test_a_long_row_is_cut_into_calls_of_bounded_size() -> None:
    groups = alike([14] * 100)
    assert sum(map(len, groups)) == 100 and len(groups) == 4
    assert alike([]) == []
