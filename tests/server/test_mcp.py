"""The tools through the SDK's own client: over standard input and output, over HTTP, and in process."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

import openitr.encoders
import openitr.library
from openitr.cli.app import app as command
from openitr.errors import MissingExtra
from openitr.library import Library
from openitr.server import Settings, create_app
from openitr.server import mcp as ours
from openitr.server.tools import Tools
from tests.client.conftest import serving
from tests.integrations.conftest import COLOURS
from tests.search.fakes import ColourEncoder

pytest.importorskip("mcp")

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

KEY = "open-sesame"
Talk = Callable[[Client], Awaitable[Any]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Library, Path]]:
    """A library of colours, one of them with a caption, one with a file that is gone."""
    base = tmp_path_factory.mktemp("mcp")
    for name, colour in COLOURS.items():
        path = base / "pictures" / "day" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40), colour).save(path)
    (base / "pictures" / "day" / "red.txt").write_text("something warm\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
        with openitr.library.create(base / "photos") as library:
            library.index(base / "pictures", workers=1)
            yield library, base


@pytest.fixture(scope="module")
def address(house: tuple[Library, Path]) -> Iterator[str]:
    """A server with a key."""
    library, base = house
    with serving(create_app({"photos": library}, Settings(api_key=KEY, state_folder=base / "state"))) as found:
        yield found


def over_http(address: str, talk: Talk, mode: str = "auto") -> Any:
    async def go() -> Any:
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"})
        async with http, Client(streamable_http_client(f"{address}/mcp", http_client=http), mode=mode) as client:
            return await talk(client)

    return asyncio.run(go())


def over_stdio(place: Path, talk: Talk) -> Any:
    code = (
        "import sys, openitr.encoders\n"
        "from tests.search.fakes import ColourEncoder\n"
        "def load(spec, **options):\n"
        "    print('a library that prints')\n"
        "    return ColourEncoder()\n"
        "openitr.encoders.load = load\n"
        "from openitr.cli.app import app\n"
        "app(sys.argv[1:])\n"
    )
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-c", code, "mcp", str(place)],
        cwd=Path(__file__).parents[2],
        env={**os.environ},
    )

    async def go() -> Any:
        async with Client(parameters) as client:
            return await talk(client)

    return asyncio.run(go())


async def everything(client: Client) -> dict[str, Any]:
    """One of each call."""
    tools = (await client.list_tools()).tools
    red = await client.call_tool("search_pictures", {"query": "red", "limit": 3, "look": 2})
    first = red.structured_content["pictures"][0]["id"]
    return {
        "tools": tools,
        "red": red,
        "filtered": await client.call_tool(
            "search_pictures", {"query": "red", "where": ["name=blue.png"], "avoid": ["dark"]}
        ),
        "similar": await client.call_tool("similar_pictures", {"id": first, "limit": 2, "look": 1}),
        "changed": await client.call_tool("similar_pictures", {"id": first, "but": "blue", "strength": 2, "limit": 2}),
        "again": await client.call_tool("search_pictures", {"query": "red or blue", "rerank": "logic", "limit": 3}),
        "unlooked": await client.call_tool("search_pictures", {"query": "red", "rerank": "/etc"}),
        "described": await client.call_tool("describe_picture", {"id": first}),
        "collections": await client.call_tool("list_collections", {}),
        "unknown": await client.call_tool("describe_picture", {"id": 999}),
        "nonsense": await client.call_tool("search_pictures", {"query": "red", "where": ["colour=red"]}),
        "too many": await client.call_tool("search_pictures", {"query": "red", "limit": 5000}),
        "misspelt": await client.call_tool("search_pictures", {"query": "red", "not": ["dark"]}),
        "wordless": await client.call_tool("search_pictures", {"limit": 3}),
        "no tool": await client.call_tool("forget_everything", {}),
        "one filter": await client.call_tool("search_pictures", {"query": "red", "where": "name=blue.png"}),
        "one word": await client.call_tool("search_pictures", {"query": "red", "avoid": "dark", "limit": 1}),
        "invented": await client.call_tool("list_collections", {"random_string": ""}),
    }


def pictures(result: Any) -> list[Image.Image]:
    shown = [block for block in result.content if block.type == "image"]
    assert all(block.mime_type == "image/png" for block in shown)
    return [Image.open(io.BytesIO(base64.b64decode(block.data))) for block in shown]


def check(said: dict[str, Any], library: Library, shows_paths: bool) -> None:
    names = {tool.name for tool in said["tools"]}
    assert names == {"search_pictures", "similar_pictures", "describe_picture", "list_collections"}
    for tool in said["tools"]:
        assert tool.description and tool.annotations.read_only_hint
        assert all("description" in part for part in tool.input_schema["properties"].values())
    hits = library.search("red", k=3)
    document = said["red"].structured_content
    assert [p["id"] for p in document["pictures"]] == [hit.id for hit in hits]
    assert [p["bucket"] for p in document["pictures"]] == [hit.bucket for hit in hits]
    assert document["pictures"][0]["caption"] == "something warm" and document["searched"] == 5
    assert json.loads(said["red"].content[0].text) == document
    assert len(pictures(said["red"])) == 2
    assert [p["path"] for p in said["filtered"].structured_content["pictures"]] == ["day/blue.png"]
    again = library.search("red or blue", rerank="logic", k=3)
    assert [p["id"] for p in said["again"].structured_content["pictures"]] == [hit.id for hit in again]
    assert [hit.id for hit in again] != [hit.id for hit in library.search("red or blue", k=3)]
    similar = said["similar"].structured_content
    assert [p["id"] for p in similar["pictures"]] == [hit.id for hit in library.more_like(hits[0].id, k=2)]
    changed = said["changed"].structured_content["pictures"]
    asked = library.search(images=[library.file(hits[0].item)], but="blue", strength=2, k=2)
    assert [p["id"] for p in changed] == [hit.id for hit in asked] and hits[0].id not in [p["id"] for p in changed]
    described = said["described"].structured_content
    assert (described["path"], described["captions"]) == ("day/red.png", ["something warm"])
    assert pictures(said["described"])[0].size == (60, 40)
    assert ("file" in described) is shows_paths
    (collection,) = said["collections"].structured_content["collections"]
    assert (collection["name"], collection["pictures"], collection["default"]) == ("photos", 5, True)
    assert collection["fields"]["width"] == "number"
    assert said["one filter"].structured_content["pictures"][0]["path"] == "day/blue.png"
    assert not said["one word"].is_error and not said["invented"].is_error
    for name, words in (
        ("unknown", "there is no picture 999"),
        ("nonsense", "there is no field 'colour'"),
        ("too many", "limit: Input should be less than or equal to 50"),
        ("unlooked", "there is no reranker '/etc'"),
        ("misspelt", "search_pictures does not take not (it takes: query, collection, avoid, "),
        ("wordless", "query is missing"),
        ("no tool", "there is no tool 'forget_everything' (there are: search_pictures, "),
    ):
        assert said[name].is_error and said[name].content[0].text.startswith(words), said[name].content[0].text


def test_over_standard_input_and_output(house: tuple[Library, Path]) -> None:
    library, base = house
    check(over_stdio(base / "photos", everything), library, shows_paths=True)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_over_http(house: tuple[Library, Path], address: str, mode: str) -> None:
    library, base = house
    said = over_http(address, everything, mode)
    check(said, library, shows_paths=False)
    told = json.dumps([said[name].model_dump(mode="json") for name in said if name != "tools"])
    assert str(base) not in told


def test_http_is_behind_the_key_and_the_other_checks(address: str) -> None:
    ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"Accept": "application/json, text/event-stream"}
    with httpx2.Client(base_url=address, headers=accept) as http:
        key = {"Authorization": f"Bearer {KEY}"}
        assert http.post("/mcp", json=ask).status_code == 401
        assert http.post("/mcp", json=ask, headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert http.post("/mcp", json=ask, headers={**key, "Host": "evil.example"}).status_code == 403
        assert http.post("/mcp", json=ask, headers={**key, "Origin": "https://evil.example"}).status_code == 403
        assert http.post("/mcp", content=b"{", headers={**key, "Content-Type": "application/json"}).status_code == 400
        huge = b'{"a": "' + b"x" * (2 << 20) + b'"}'
        answer = http.post("/mcp", content=huge, headers={**key, "Content-Type": "application/json"})
        assert answer.status_code == 413
        assert http.post("/mcp", json=ask, headers=key).status_code < 500


def test_a_question_in_another_language_is_told_of(house: tuple[Library, Path]) -> None:
    library, _ = house
    tools = Tools({"photos": library})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openitr.server.tools.runs_for", lambda collection: [SimpleNamespace(spec="default")])
        german, _ = tools.search("ein Hund am Strand", None, [], [], 1)
        english, _ = tools.search("a dog on the beach", None, [], [], 1)
    told = (
        "this looks like German; the model default reads English, multilingual reads German too; ask again in English"
    )
    assert german["notes"][0] == told
    assert all("English" not in note for note in english.get("notes", []))


def test_many_at_once(house: tuple[Library, Path], address: str) -> None:
    async def talk(client: Client) -> list[Any]:
        asked = [client.call_tool("search_pictures", {"query": word}) for word in ("red", "green", "blue") * 8]
        return list(await asyncio.gather(*asked))

    first = [found.structured_content["pictures"][0]["path"] for found in over_http(address, talk)]
    assert first == ["day/red.png", "day/green.png", "day/blue.png"] * 8


def test_nothing_but_protocol_on_standard_output(house: tuple[Library, Path]) -> None:
    """The real command, default model and all: each line it writes is a JSON-RPC message; it ends with its input."""
    _, base = house
    ask = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    lines = "".join(
        json.dumps(line) + "\n" for line in (ask, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    )
    done = subprocess.run(
        [sys.executable, "-m", "openitr", "mcp", str(base / "photos")],
        input=lines,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (answer,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert answer["id"] == 1 and answer["result"]["serverInfo"]["name"] == "openitr"
    assert "probability" in answer["result"]["instructions"]


def test_the_command_says_what_is_wrong() -> None:
    gone = CliRunner().invoke(command, ["mcp", "/nowhere/photos"])
    assert (gone.exit_code, gone.stdout) == (1, "") and "/nowhere/photos" in gone.stderr
    server = CliRunner().invoke(command, ["mcp", "http://localhost:8000"])
    assert (server.exit_code, server.stdout) == (2, "") and "http://localhost:8000/mcp" in server.stderr


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, house: tuple[Library, Path]) -> None:
    library, base = house
    monkeypatch.setattr(ours, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"openitr\[mcp\]"):
        ours.speak({"photos": library})
    app = create_app({"photos": library}, Settings(state_folder=base / "other"))
    assert "/mcp" not in [getattr(route, "path", "") for route in app.routes]
