"""Which questions are dealt out: a layer between the guard and the app, which knows nothing of it.

Whatever a worker is not to answer, or cannot, goes on to the app as it came. What a worker answers passes the app by:
finding the route, its parameters and the request's object again would cost the server more than the dealing itself, and
the server is the one process that all answers go through.
"""

from __future__ import annotations

from types import SimpleNamespace

from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from openitr.server.bodies import after
from openitr.server.crew.dealing import Crew
from openitr.server.schemas import PicturePart, SearchRequest
from openitr.server.served import Served

_PATH = "/v1/search"
# What an answer is counted under, as the app itself would.
_ROUTE = SimpleNamespace(path=_PATH)


def in_words(asked: SearchRequest) -> bool:
    """Whether a question is of words alone: it needs nothing but the collection, its model and the filter.

    >>> in_words(SearchRequest(text="a dog", where=["width>=800"])), in_words(SearchRequest(image=17))
    (True, False)
    """
    if asked.text is None or asked.image is not None:
        return False
    avoid = asked.avoid if isinstance(asked.avoid, list) else [asked.avoid]
    plain = asked.but is None and asked.composer is None and asked.rerank is None
    return plain and not any(isinstance(one, PicturePart) for one in avoid)


class Door:
    """Has the crew answer what it can.

    Args:
        app: Answers everything else.
        crew: Who is asked.
        served: The collections there are.
    """

    def __init__(self, app: ASGIApp, *, crew: Crew, served: Served) -> None:
        self.app, self.crew, self.served = app, crew, served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not (self.crew.ready and self._for_words(scope)):
            await self.app(scope, receive, send)
            return
        # The guard has received the body whole.
        first = await receive()
        body: bytes = first.get("body", b"")
        answer = await self.crew.ask(body) if self._understood(body) else None
        if answer is not None:
            scope["route"] = _ROUTE
            await answer(scope, receive, send)
            return
        await self.app(scope, after(first, receive), send)

    def _for_words(self, scope: Scope) -> bool:
        """Whether it may be a search in words."""
        if scope["type"] != "http" or scope["path"] != _PATH or scope["method"] != "POST" or scope["query_string"]:
            return False
        kinds = [value for name, value in scope["headers"] if name == b"content-type"]
        return len(kinds) == 1 and kinds[0].partition(b";")[0].strip().lower() == b"application/json"

    def _understood(self, body: bytes) -> bool:
        """Whether it is one; what is wrong with it is for the app to say."""
        try:
            asked = SearchRequest.model_validate_json(body)
        except ValidationError:
            return False
        return in_words(asked) and asked.collection in self.served
