"""Queries refuse what cannot be answered; hits turn into the contract's JSON."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.errors import QueryError
from openitr.types import Hit, Hits, Item, Part, Query, Reason

PICTURE = np.zeros((2, 2, 3), np.uint8)
ITEM = Item(7, 1, "a/b.jpg", "00", 1, 2, 3, 4, "jpeg")


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Part(),
        lambda: Part("  "),
        lambda: Part("a", PICTURE),
        lambda: Part("a", weight=0),
        lambda: Part("a", weight=float("nan")),
        lambda: Query([]),
        lambda: Query([Part("a")], k=0),
        lambda: Query([Part("a")], k=10_001),
        lambda: Query([Part("a")], offset=-1),
        lambda: Query([Part("a")], sort="colour"),  # type: ignore[arg-type]
    ],
)
def test_senseless_queries_are_refused_with_a_remedy(bad) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(QueryError) as caught:
        bad()
    assert caught.value.remedy


def test_json_of_an_answer() -> None:
    query = Query([Part("dog", weight=2), Part(image=PICTURE, label="cat.jpg")], negatives=[Part("indoors")], k=3)
    hit = Hit(ITEM, 0.123456789, 0.987654, "likely", [Reason("retrieve", 0.5, "cosine")])
    answer = Hits(query, [hit], took_ms=1.234, total=9).to_json()
    assert answer["hits"] == [
        {
            "id": 7,
            "root": 1,
            "path": "a/b.jpg",
            "score": 0.123457,
            "probability": 0.9877,
            "bucket": "likely",
            "why": [{"stage": "retrieve", "score": 0.5, "text": "cosine"}],
        }
    ]
    assert answer["query"]["parts"][1] == {"kind": "image", "value": "cat.jpg", "weight": 1.0}
    assert answer["query"]["not"] == ["indoors"]
    assert answer["took_ms"] == 1.23


def test_likely_is_the_honest_answer() -> None:
    hits = Hits(Query([Part("x")]), [Hit(ITEM, 1, 0.2, "maybe"), Hit(ITEM, 0.5, 0.1, "rest")])
    assert hits.likely() == []
    assert [h.bucket for h in hits] == ["maybe", "rest"]
    assert hits[0].explain() == ""
