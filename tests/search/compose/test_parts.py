"""The composed query as weighted parts, and what was shown left out of the answer."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from openitr.errors import QueryError
from openitr.search.compose.parts import digests, edit_parts, edited, leaving_out
from openitr.search.retrieve import combine, encode_parts
from openitr.types import Hit, Hits, Part, Query
from tests.search.fakes import ColourEncoder, item


def picture(*colour: int) -> Part:
    return Part(image=np.full((4, 4, 3), colour, np.uint8), label="picture")


def test_the_parts_add_up_to_the_direction():
    encoder, spreads = ColourEncoder(gap=0.3), [0.2, 0.05, 0.04]
    query = edited(Query([picture(10, 200, 10)]), "red", 1.5)
    v, after, before = (row.values[0] for row in encode_parts(query.parts, encoder))
    made = combine(np.stack([v, after, before]), [p.weight for p in query.parts], spreads)[0]
    expected = v / 0.2 + 0.75 * (after / 0.05 - before / 0.04)
    assert np.allclose(made, expected / np.linalg.norm(expected), atol=1e-6)


def test_strength_nothing_adds_nothing():
    query = Query([picture(1, 2, 3)])
    assert edit_parts("red", 0.0) == [] and len(edited(query, "red", 0).parts) == 1


def test_senseless_calls():
    with pytest.raises(QueryError, match="there is none"):
        edited(Query([Part("a dog")]), "in red")
    for wrong in (-1.0, 4.5, float("nan")):
        with pytest.raises(QueryError, match="out of range"):
            edit_parts("in red", wrong)
    with pytest.raises(QueryError, match="nothing should be different"):
        edit_parts(" ")


def test_what_was_shown_is_left_out_and_the_rest_fills_up(tmp_path):
    shown = tmp_path / "2:00.jpg"
    shown.write_bytes(b"picture")
    digest = hashlib.sha256(b"picture").hexdigest()
    assert digests([str(shown), f"0.5:{shown}", str(tmp_path / "gone.jpg")]) == {digest}


def test_pages_without_what_was_shown_meet_without_a_gap():
    digest = hashlib.sha256(b"picture").hexdigest()
    ranked = [Hit(item(i, sha256=digest if i in (1, 4) else ""), -1.0 * i, 1, "rest") for i in range(1, 9)]

    def ask(query: Query) -> Hits:
        return Hits(query, ranked[query.offset : query.offset + query.k])

    pages = [leaving_out(Query([picture(1, 2, 3)], k=2, offset=n), {digest}, ask) for n in (0, 2, 4, 6)]
    assert [[hit.id for hit in page] for page in pages] == [[2, 3], [5, 6], [7, 8], []]
    assert [(page.query.offset, page.query.k) for page in pages] == [(0, 2), (2, 2), (4, 2), (6, 2)]
    assert [hit.id for hit in leaving_out(Query([picture(1, 2, 3)], k=2, offset=2), (), ask)] == [3, 4]
    assert [hit.id for hit in leaving_out(Query([picture(1, 2, 3)], k=10_000), {digest}, ask)] == [2, 3, 5, 6, 7, 8]
    with pytest.raises(QueryError, match=r"smaller offset or k"):
        leaving_out(Query([picture(1, 2, 3)], k=2, offset=9_999), {digest}, ask)
