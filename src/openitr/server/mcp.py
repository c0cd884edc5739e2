"""Tools for language models (Model Context Protocol), over standard input and output, or at ``/mcp`` of the server.

    search_pictures     words in, pictures with probabilities out; small pictures beside them for a model that sees
    similar_pictures    more like one of them, or like it with something different
    describe_picture    everything known of one
    list_collections    what can be asked, and by which fields it can be filtered

They read and never change anything. Over HTTP the server's key, host, origin, rate and size checks stand in front.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from openitr.errors import MissingExtra
from openitr.library import Library
from openitr.server.files import safe_path
from openitr.server.problems import Problem
from openitr.server.tools import Tools

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

    from openitr.encoders.base import Encoder
    from openitr.search.rerank import Rerank
    from openitr.server.served import Served
    from openitr.server.settings import Settings
    from openitr.types import ImageArray, Item

R = TypeVar("R")
_BODY = 1 << 20


def mount(app: FastAPI, served: Served, settings: Settings) -> Callable[[], AbstractAsyncContextManager[Any]]:
    """Answer MCP requests at ``/mcp`` of an app; without the ``mcp`` package there is no such address.

    Returns:
        What the app runs inside: a function that makes an async context.
    """
    if not find_spec("mcp"):
        return nullcontext
    from starlette.routing import Route

    def encoder(name: str) -> Encoder:
        collection = served.get(name)
        return collection.encoder(collection.run())

    def picture(name: str, item: Item) -> ImageArray:
        collection = served.get(name)
        preparation = encoder(name).preparation
        return served.pictures.decode(safe_path(collection, item), preparation, item.name).array

    def second(name: str, rerank: str) -> Rerank:
        collection = served.get(name)
        return served.named.stage(rerank, collection, collection.run(), encoder(name))

    tools = Tools(
        {collection.name: collection.library for collection in served},
        encoder=encoder,
        second=second,
        picture=picture,
        discreet=served.discreet,
        show_paths=settings.show_paths,
    )
    endpoint = _Endpoint()
    app.router.routes.append(Route("/mcp", endpoint, methods=["GET", "POST", "DELETE"], include_in_schema=False))

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        from openitr.server.mcp_tools import build

        # Nothing is remembered between calls, so any of several servers behind one address may answer.
        server = build(tools, served.quick.run, served.slow.run)
        server.streamable_http_app(stateless_http=True, json_response=True, max_request_body_size=_BODY, host="")
        endpoint.manager = server.session_manager
        async with server.session_manager.run():
            try:
                yield
            finally:
                endpoint.manager = None

    return running


class _Endpoint:
    """The ASGI endpoint; what answers lives as long as the app runs."""

    manager: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.manager is None:
            await Problem(503, "the server is starting").response()(scope, receive, send)
            return
        await self.manager.handle_request(scope, receive, send)


def speak(libraries: Mapping[str, Library]) -> None:
    """Serve the tools on standard input and output until the host closes them.

    Raises:
        MissingExtra: The ``mcp`` package is not installed.
    """
    if not find_spec("mcp"):
        raise MissingExtra("Tools for language models", "mcp")
    import anyio.to_thread

    from openitr.server.mcp_tools import build

    async def run(call: Callable[[], R]) -> R:
        return await anyio.to_thread.run_sync(call)

    # Whoever started this process owns the pictures: it may know where they lie.
    server = build(Tools(libraries, show_paths=True), run)
    server.run("stdio")
