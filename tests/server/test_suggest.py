"""``POST /v1/suggest``: the answer of the library's own suggestions, and what makes no sense."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openitr.client.reading import suggested_of
from openitr.search.suggest import for_library
from tests.server.conftest import Place


def test_it_is_what_the_library_would_suggest(place: Place) -> None:
    got = place.client.post("/v1/suggest", json={"text": "red", "groups": 3})
    assert got.status_code == 200, got.text
    theirs = for_library(place.library, "red", groups=3)
    assert got.json() == json.loads(json.dumps(theirs.to_json()))
    assert len(theirs) > 1 and sum(one.share for one in theirs) == pytest.approx(1)
    read = suggested_of(got.json())
    assert [one.query for one in read] == [one.query for one in theirs] and read.results == theirs.results
    assert [one.ids for one in read] == [one.ids for one in theirs]


def test_a_filter_narrows_what_is_grouped(place: Place) -> None:
    got = place.client.post("/v1/suggest", json={"text": "red", "where": ["folder=day"]}).json()
    assert got["suggestions"] == [] and got["results"] == 3
    assert "too few" in got["notes"][0]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"text": ""}, 422),
        ({"text": "   "}, 422),
        ({"text": "x" * 501}, 422),
        ({"text": "red", "groups": 1}, 422),
        ({"text": "red", "groups": 21}, 422),
        ({"text": "red", "run": "nope"}, 422),
        ({"text": "red", "where": ["nope=1"]}, 422),
        ({"text": "red", "collection": "nope"}, 404),
        ({"text": "red", "lmm": True}, 422),
    ],
)
def test_what_makes_no_sense_is_refused(place: Place, body: Any, status: int) -> None:
    got = place.client.post("/v1/suggest", json=body)
    assert got.status_code == status and got.json()["detail"], got.text
