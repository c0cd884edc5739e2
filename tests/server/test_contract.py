"""The OpenAPI document against the app: generated requests, good and bad, get documented answers and never a 5xx."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from tests.server.conftest import Place


def operations(place: Place) -> list[Any]:
    """All operations of the document, but the endless streams of events."""
    schema = schemathesis.openapi.from_dict(place.client.get("/openapi.json").json())
    found = [result.ok() for result in schema.get_all_operations()]
    return [operation for operation in found if not operation.path.endswith("/events")]


def send(place: Place, case: Any) -> Any:
    """Send a generated request through the client that is open already."""
    import requests

    sent = requests.Request(**case.as_transport_kwargs(base_url="http://localhost")).prepare()
    body = sent.body.encode("utf-8", "surrogatepass") if isinstance(sent.body, str) else sent.body
    headers = {name: value for name, value in sent.headers.items() if name.lower() != "content-length"}
    return place.client.request(str(sent.method), str(sent.url), content=body, headers=headers)


def try_out(place: Place, examples: int) -> Iterator[tuple[str, int]]:
    """Ask every operation with generated requests; yield what was asked and answered."""
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    answered: list[tuple[str, int]] = []
    for operation in operations(place):
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            cases = operation.as_strategy(generation_mode=mode)

            @seed(0)
            @settings(
                max_examples=examples, database=None, deadline=None, suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],
            )  # fmt: skip
            @given(case=cases)
            def ask(case: Any) -> None:
                response = send(place, case)
                answered.append((f"{case.method} {case.path}", response.status_code))
                case.validate_response(response, checks=checks)

            # An operation without anything to get wrong has no wrong requests.
            with suppress(Unsatisfiable):
                ask()
    yield from answered


def judge(answered: list[tuple[str, int]]) -> None:
    """Everything was asked, much was understood, and nothing broke the server."""
    assert not [a for a in answered if a[1] >= 500 and a[1] != 503]
    assert len({name for name, _ in answered}) > 20
    assert {200, 404, 422} <= {status for _, status in answered}


def test_generated_requests_get_documented_answers(served: Callable[..., Place]) -> None:
    place = served()
    judge(list(try_out(place, examples=2)))
    assert place.client.get("/healthz").status_code == 200


@pytest.mark.slow
def test_very_many_generated_requests_get_documented_answers(served: Callable[..., Place]) -> None:
    place = served()
    judge(list(try_out(place, examples=60)))
    assert place.client.get("/healthz").status_code == 200


def test_every_route_says_what_it_may_answer(place: Place) -> None:
    document = place.client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert {"401", "403", "413", "422", "429", "503"} <= set(operation["responses"]), (path, method)
            assert operation["summary"] and operation["description"], (path, method)
            kinds = operation["responses"]["422"]["content"]
            assert list(kinds) == ["application/problem+json"]


def test_a_field_that_nobody_knows_is_refused_by_every_body(place: Place) -> None:
    document = place.client.get("/openapi.json").json()
    named: set[str] = set()
    for methods in document["paths"].values():
        for operation in methods.values():
            named |= set(re.findall(r"schemas/(\w+)", str(operation.get("requestBody", {}))))
    assert {"SearchRequest", "ChatRequest", "EmbedRequest", "IndexJob", "ReindexJob", "EvalJob"} <= named
    for name in named:
        assert document["components"]["schemas"][name]["additionalProperties"] is False, name
    for path, body in (
        ("/v1/search", {"text": "red"}),
        ("/v1/search", {"text": {"text": "red"}}),
        ("/v1/embed", {"texts": ["red"]}),
        ("/v1/jobs", {"kind": "index", "root": 1}),
        ("/v1/jobs", {"kind": "reindex", "vectors": "dense"}),
        ("/v1/jobs", {"kind": "eval", "data": "pairs"}),
    ):
        got = place.client.post(path, json=body | {"colour": 1})
        assert got.status_code == 422 and "colour" in got.json()["detail"], (path, body, got.text)


def test_every_number_of_an_answer_says_what_it_means(place: Place) -> None:
    schemas = place.client.get("/openapi.json").json()["components"]["schemas"]
    for name in ("HitAnswer", "WholeItem", "EmbedAnswer", "ExplainAnswer", "FieldAnswer", "CollectionAnswer"):
        for field, told in schemas[name]["properties"].items():
            if {"integer", "number"} & {one.get("type") for one in (told, *told.get("anyOf", ()))}:
                assert told.get("description"), (name, field)


@given(st.text(max_size=50), st.text(max_size=20))
def test_any_words_and_filters_are_answered_or_refused(place: Place, words: str, test: str) -> None:
    for body in (
        {"text": words, "k": 2},
        {"text": "red", "where": [test]},
        {"text": "red", "where": {test: {"eq": words}}},
    ):
        try:
            got = place.client.post("/v1/search", json=body)
        except UnicodeEncodeError:
            continue
        assert got.status_code in (200, 400, 422), (body, got.text)


def test_the_documentation_names_every_option_and_only_routes_that_are_there(place: Place) -> None:
    from pathlib import Path

    from typer.main import get_command

    from openitr.cli.app import app

    page = (Path(__file__).parents[2] / "docs" / "server.md").read_text("utf-8")
    serve = get_command(app).commands["serve"]  # type: ignore[attr-defined]
    for option in serve.params:
        for name in option.opts:
            assert not name.startswith("--") or f"`{name}" in page, name
    paths = place.client.get("/openapi.json").json()["paths"]
    for route in re.findall(r"/(?:v1/[a-z{}/]+[a-z}]|healthz|metrics)(?![a-z}])", page):
        assert route in paths, route
