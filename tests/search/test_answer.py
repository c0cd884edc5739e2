"""Buckets, pages and dates against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from openitr.search.answer import BUCKETS, Answer, taken_at
from openitr.search.pipeline import Candidates
from openitr.types import Hit, Item, Part, Query
from tests.search.fakes import item

ITEMS = {i: item(i, facts={"taken_at": f"20{10 + i * 7 % 13:02d}-01-01T00:00:00"} if i % 3 else {}) for i in range(40)}


def answer(query: Query, probabilities: list[float]) -> list[Hit]:
    n = len(probabilities)
    made = Candidates(np.arange(n), np.linspace(1, 0, n), total=n, probabilities=np.array(probabilities, np.float64))
    stage = Answer(lambda ids: [ITEMS[int(i)] for i in ids if int(i) in ITEMS], likely=0.6, maybe=0.3)
    return list(stage(query, made))


def oracle(query: Query, probabilities: list[float]) -> list[tuple[int, str]]:
    groups: dict[str, list[int]] = {name: [] for name in BUCKETS}
    for id, p in enumerate(probabilities):
        groups["likely" if p >= 0.6 else "maybe" if p >= 0.3 else "rest"].append(id)
    out: list[tuple[int, str]] = []
    for name in BUCKETS:
        members = groups[name]
        if query.sort == "date":
            newest: list[int] = []
            for id in members:
                at = 0
                while at < len(newest) and taken_at(ITEMS[newest[at]]) >= taken_at(ITEMS[id]):
                    at += 1
                newest.insert(at, id)
            members = newest
        out += [(id, name) for id in members]
    return out[query.offset : query.offset + query.k]


@given(
    st.lists(st.floats(0, 1), max_size=40),
    st.integers(1, 45),
    st.integers(0, 45),
    st.sampled_from(["relevance", "date"]),
)
def test_against_plain_loops(probabilities: list[float], k: int, offset: int, sort: str) -> None:
    query = Query([Part(text="x")], k=k, offset=offset, sort=sort)  # type: ignore[arg-type]
    assert [(h.id, h.bucket) for h in answer(query, probabilities)] == oracle(query, probabilities)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 7))
def test_pages_put_together_are_the_whole(probabilities: list[float], size: int) -> None:
    whole = [h.id for h in answer(Query([Part(text="x")], k=100), probabilities)]
    pages: list[int] = []
    for offset in range(0, len(probabilities), size):
        pages += [h.id for h in answer(Query([Part(text="x")], k=size, offset=offset), probabilities)]
    assert pages == whole


def test_items_that_are_gone_are_left_out() -> None:
    made = Candidates(np.array([1, 99]), np.array([1.0, 0.5]), total=2, probabilities=np.array([0.9, 0.8]))
    stage = Answer(lambda ids: [ITEMS[int(i)] for i in ids if int(i) in ITEMS], likely=0.6, maybe=0.3)
    for sort in ("relevance", "date"):
        assert [h.id for h in stage(Query([Part(text="x")], sort=sort), made)] == [1]  # type: ignore[arg-type]


def test_the_date_is_the_file_s_own_where_it_has_one() -> None:
    stated: Item = item(1, facts={"taken_at": "2001-02-03T04:05:06"})
    assert taken_at(stated) == "2001-02-03T04:05:06"
    assert taken_at(item(1)) == "1970-01-01T00:00:01"
