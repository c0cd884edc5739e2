"""A picture, but different: what a request says of it."""

from __future__ import annotations

from openitr.errors import QueryError
from openitr.search.compose.change import Change
from openitr.server.schemas import SearchRequest


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
