"""The tools with their schemas, as an MCP server of the official SDK; imported only where that is installed."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, ImageContent, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import BeforeValidator, Field, ValidationError

import openitr
from openitr.errors import OpenITRError
from openitr.server.problems import Problem
from openitr.server.tools import Tools

MAX_HITS = 50
MAX_SEEN = 12
_WORDS = """Search the user's own pictures. Say in plain English what a picture shows ("two dogs running on grass").
Each hit has a calibrated probability of being what was asked for: trust "likely" ones, check "maybe" ones by looking at
them, and when nothing is likely say so instead of passing off the best of the rest. Narrow down with filters such as
"folder=holidays" or "taken_at>=2024-05"; list_collections says which fields there are."""

# Language models write a list of one as the one.
ONE = BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
Collection = Annotated[str | None, Field(description="Name of a collection; the default one if left out.")]
Where = Annotated[
    Sequence[str],
    ONE,
    Field(description='Filters, all must hold: "folder=holidays", "width>=800", "tag=a|b".', max_length=20),
]
Limit = Annotated[int, Field(description="How many hits.", ge=1, le=MAX_HITS)]
Seen = Annotated[int, Field(description="How many of the best to show as small pictures.", ge=0, le=MAX_SEEN)]
Id = Annotated[int, Field(description="Id of a picture, as in the answer of a search.", ge=0, lt=2**63)]
Run = Callable[[Callable[[], Any]], Awaitable[Any]]
Text = Annotated[str, Field(min_length=1, max_length=2000)]


class _Plain(MCPServer[Any]):
    """A server whose refusals say, in a sentence, what to send instead: a model reads them and tries again."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        takes = {tool.name: list(tool.input_schema["properties"]) for tool in await self.list_tools()}
        if name not in takes:
            raise ToolError(f"there is no tool {name!r} (there are: {', '.join(takes)})")
        # Some hosts invent an argument for a tool that takes none; elsewhere a misspelt one would be passed over.
        strange = [argument for argument in arguments if argument not in takes[name]] if takes[name] else []
        if strange:
            raise ToolError(f"{name} does not take {', '.join(strange)} (it takes: {', '.join(takes[name])})")
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(_sentence(error.__cause__)) from error
            # The refusal itself, without "Error executing tool NAME" before it.
            raise error.__cause__ if type(error.__cause__) is ToolError else error from None


def _sentence(error: ValidationError) -> str:
    said = []
    for wrong in error.errors(include_url=False):
        field = ".".join(map(str, wrong["loc"]))
        said.append(f"{field} is missing" if wrong["type"] == "missing" else f"{field}: {wrong['msg']}")
    return "; ".join(said)


def build(tools: Tools, run: Run, slowly: Run | None = None) -> MCPServer[Any]:
    """An MCP server with the tools.

    Args:
        tools: What they do.
        run: Calls a function in a thread.
        slowly: The same for what takes some seconds; ``run`` if None.
    """
    server = _Plain("openitr", title="OpenITR", instructions=_WORDS, version=openitr.__version__, log_level="WARNING")
    reads = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

    async def told(
        call: Callable[[], tuple[dict[str, Any], list[int]]], collection: str | None, seen: int, slow: bool = False
    ) -> Any:
        def work() -> CallToolResult:
            document, ids = call()
            words = TextContent(type="text", text=json.dumps(document, ensure_ascii=False))
            pictures = [
                ImageContent(type="image", data=base64.b64encode(data).decode("ascii"), mime_type=kind)
                for kind, data in tools.small(collection, ids[:seen])
            ]
            return CallToolResult(content=[words, *pictures], structured_content=document)

        try:
            return await (slowly or run if slow else run)(work)
        except OpenITRError as error:
            raise ToolError(tools.discreet(str(error))) from error
        except Problem as error:
            raise ToolError(f"{error.detail} ({error.remedy})") from error

    @server.tool(annotations=reads, title="Search pictures")
    async def search_pictures(
        query: Annotated[Text, Field(description="What the pictures should show, in plain words.")],
        collection: Collection = None,
        avoid: Annotated[Sequence[Text], ONE, Field(description="What they should not show.", max_length=20)] = (),
        where: Where = (),
        limit: Limit = 10,
        look: Seen = 0,
        rerank: Annotated[
            str | None,
            Field(
                description='A second look at the best hits: "logic" for and, or, not between several things (quick); '
                '"comclip" for who does what to whom (seconds).',
                max_length=50,
            ),
        ] = None,
    ) -> CallToolResult:
        """Find pictures by what they show, each with the probability that it is what was asked for."""
        call = partial(tools.search, query, collection, avoid, where, limit, rerank)
        return await told(call, collection, look, rerank is not None)  # type: ignore[no-any-return]

    @server.tool(annotations=reads, title="Similar pictures")
    async def similar_pictures(
        id: Id,
        collection: Collection = None,
        but: Annotated[
            Text | None, Field(description='What should be different from it: "in red", "at night", "without people".')
        ] = None,
        strength: Annotated[
            float, Field(description="How much `but` counts: 0 not at all, 1 as usual, at most 4.", ge=0, le=4)
        ] = 1.0,
        where: Where = (),
        limit: Limit = 10,
        look: Seen = 0,
    ) -> CallToolResult:
        """Find pictures that look like one that was found before, or like it with something different."""
        call = partial(tools.similar, id, collection, but, strength, where, limit)
        return await told(call, collection, look)  # type: ignore[no-any-return]

    @server.tool(annotations=reads, title="Describe a picture")
    async def describe_picture(
        id: Id,
        collection: Collection = None,
        look: Annotated[bool, Field(description="Whether to show it as a small picture.")] = True,
    ) -> CallToolResult:
        """Everything known of one picture: size, date, camera, place, tags, captions; and the picture itself, small."""
        return await told(partial(tools.describe, id, collection), collection, int(look))  # type: ignore[no-any-return]

    @server.tool(annotations=reads, title="List collections")
    async def list_collections() -> CallToolResult:
        """The collections that can be searched, how many pictures they hold, and the fields to filter by."""
        return await told(lambda: (tools.collections(), []), None, 0)  # type: ignore[no-any-return]

    return server
