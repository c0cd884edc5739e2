"""A library on a server is asked by kind as a local one is, and says what it leaves to the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from openitr.errors import InputError, QueryError, ServerError
from tests.client.conftest import Pair


def test_one_word_there_as_here(pair: Pair) -> None:
    for kind in ("dense", "hybrid"):
        here, there = (library.search("red", kind=kind, k=4) for library in (pair.local, pair.remote))
        assert [hit.path for hit in here] == [hit.path for hit in there]
        assert [r.stage for r in here[0].why] == [r.stage for r in there[0].why]
    here, there = (library.search("red", diverse=0.9, k=4) for library in (pair.local, pair.remote))
    assert [hit.path for hit in here] == [hit.path for hit in there]
    with pytest.raises((QueryError, InputError, ServerError), match="no late run"):
        pair.remote.search("red", kind="late")


def test_what_is_left_to_the_server(pair: Pair) -> None:
    with pytest.raises(InputError, match="workers of its own"):
        pair.remote.index(Path("pictures"), kind="late", workers=2)
    with pytest.raises(QueryError, match="no kind 'sparse'"):
        pair.remote.index(Path("pictures"), kind="sparse")
    with pytest.raises(InputError, match="one model builds one run"):
        pair.remote.reindex(kind="hybrid")
