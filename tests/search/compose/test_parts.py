"""The composed query as weighted parts, and what was shown left out of the answer."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from openitr.errors import QueryError
from openitr.search.compose.parts import digests, edit_parts, edited, with_room, without
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
    query = with_room(Query([picture(1, 2, 3)], k=2), 1)
    assert query.k == 3 and with_room(Query([picture(1, 2, 3)], k=10_000), 5).k == 10_000
    found = [Hit(item(1, sha256=digest), 3.0, 1, "likely"), *(Hit(item(i), 1.0, 1, "rest") for i in (2, 3))]
    assert [hit.id for hit in without(Hits(query, found), {digest}, 2)] == [2, 3]
    assert [hit.id for hit in without(Hits(query, found), set(), 2)] == [1, 2]
    assert without(Hits(query, found), set(), 2).query.k == 2
