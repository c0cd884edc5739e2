"""A picture, but different; and which fields of a search mean nothing beside the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.errors import QueryError
from openitr.search.compose.change import Change
from openitr.server.schemas import SearchRequest

if TYPE_CHECKING:
    from openitr.search.compose import Composer
    from openitr.server.named import Named


def check(asked: SearchRequest, pictures: int, named: Named) -> None:
    """Refuse what a request says to no effect, or with names that this server does not know.

    Args:
        asked: The request.
        pictures: How many pictures it brings.
        named: What this server knows by name.

    Raises:
        QueryError: A picture is missing, or there are more than a composer takes; a field that would change nothing.
    """
    named.check("composer", asked.composer, named.composers)
    named.check("reranker", asked.rerank, named.rerankers)
    if asked.but is None:
        for field in ("composer", "strength"):
            if field in asked.model_fields_set and getattr(asked, field) is not None:
                raise QueryError(f"`{field}` does nothing without `but`", "say what should be different as `but`")
    elif not pictures:
        raise QueryError(f"“{asked.but}” changes a picture, and there is none", "give one as `image`")
    elif asked.composer is not None and pictures > 1:
        raise QueryError(f"{asked.composer} changes one picture, and there are {pictures}", "leave `composer` out")
    if asked.rerank is not None:
        if asked.but is not None:
            raise QueryError("`rerank` reads words, and `but` changes a picture", "leave one of the two out")
        if not asked.text:
            raise QueryError("`rerank` does nothing without words", "say what to look for as `text`")


def check_alone(asked: SearchRequest) -> None:
    """Refuse what "more like this one" does not read: the stored vectors of one run answer it.

    Raises:
        QueryError: A field that would change nothing.
    """
    if asked.kind == "hybrid":
        raise QueryError("more like one picture is asked of one run", "leave `kind` out, or add words")
    if asked.diverse:
        raise QueryError("`diverse` does nothing for more like one picture", "leave it out, or add words")


def change_of(asked: SearchRequest, composer: str | Composer | None) -> Change | None:
    """What should be different about the picture of a request, as the command line asks it; None for nothing.

    Args:
        asked: The request, checked.
        composer: What its composer means here.
    """
    return None if asked.but is None else Change(asked.but, asked.strength, composer)
