"""A picture, but different: what a request says of it, and an answer that leaves the picture out, page by page."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from openitr.errors import QueryError
from openitr.search.compose.change import Change
from openitr.server.schemas import SearchRequest
from openitr.types import MAX_K, Hits, Query

# A picture may lie in a collection several times.
_COPIES = 8


def change_of(asked: SearchRequest, pictures: int) -> Change | None:
    """What should be different about the picture of a request, as the command line asks it.

    Args:
        asked: The request.
        pictures: How many pictures it brings.

    Raises:
        QueryError: There is no picture to change, or more than a composer takes.
    """
    if asked.but is None:
        if asked.composer is not None:
            raise QueryError("a composer needs to be told what should be different", "say it as `but`")
        return None
    if not pictures:
        raise QueryError(f"“{asked.but}” changes a picture, and there is none", "give one as `image`")
    if asked.composer is not None and pictures > 1:
        raise QueryError(f"{asked.composer} changes one picture, and there are {pictures}", "leave `composer` out")
    return Change(asked.but, asked.strength, asked.composer)


def without_shown(query: Query, shown: Collection[str], ask: Callable[[Query], Hits]) -> Hits:
    """What a query finds without the pictures it was asked with; pages stay whole and meet without a gap.

    Args:
        query: With the page that is wanted.
        shown: SHA-256 (hex) of the pictures; nothing is left out when there are none.
        ask: Answers a query.

    Raises:
        QueryError: The page ends beyond the hits that can be had.
    """
    if not shown:
        return ask(query)
    end = query.offset + query.k
    if end > MAX_K:
        raise QueryError(f"hits {query.offset} to {end} of a picture that is changed", f"the first {MAX_K} can be had")
    hits = ask(replace(query, offset=0, k=min(MAX_K, end + _COPIES * len(shown))))
    kept = [hit for hit in hits if hit.item.sha256 not in shown]
    asked = replace(hits.query, offset=query.offset, k=query.k)
    return replace(hits, hits=kept[query.offset : end], query=asked)
