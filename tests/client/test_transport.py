"""Requests that fail on the way, servers that are busy, strange or somebody else's."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.client import Client, transport
from openitr.client.transport import Transport, checked, problem
from openitr.errors import (
    CollectionBusy,
    FilterError,
    InputError,
    MissingExtra,
    OpenITRError,
    ServerError,
    UnreadableImage,
)

Answer = httpx.Response | Exception
URL = "http://pictures.example:8000"


class Scripted:
    """A server that answers as a list says, and remembers what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[httpx.Request] = []
        self.pauses: list[float] = []
        monkeypatch.setattr(transport.time, "sleep", self.pauses.append)

    def client(self, *answers: Answer | Callable[[httpx.Request], Answer], **options: Any) -> Transport:
        script = iter(answers)

        def handle(request: httpx.Request) -> httpx.Response:
            self.asked.append(request)
            answer = next(script)
            answer = answer(request) if callable(answer) else answer
            if isinstance(answer, Exception):
                raise answer
            return answer

        made = Transport(URL, **options)
        made._client = httpx.Client(
            base_url=URL, transport=httpx.MockTransport(handle), headers=made._client.headers, timeout=1
        )
        return made


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    yield Scripted(monkeypatch)


def busy(**headers: str) -> httpx.Response:
    return httpx.Response(503, json={"detail": "too much is waiting", "remedy": "try again"}, headers=headers)


FINE = httpx.Response(200, json={"fine": True})


@pytest.mark.parametrize("safe", [True, False])
def test_a_busy_server_is_asked_again_when_it_says(scripted: Scripted, safe: bool) -> None:
    made = scripted.client(busy(**{"Retry-After": "3"}), busy(**{"Retry-After": "9999"}), busy(), FINE)
    assert made.json("POST", "/v1/jobs", body={}, safe=safe) == {"fine": True}
    assert scripted.pauses[:2] == [3.0, 10.0] and 0 <= scripted.pauses[2] <= 1.6
    with pytest.raises(ServerError, match="too much is waiting"):
        scripted.client(*[busy()] * 4).json("GET", "/")


@pytest.mark.parametrize("error", [httpx.ReadTimeout("late"), httpx.ReadError("cut"), httpx.RemoteProtocolError("eh")])
def test_what_breaks_on_the_way_is_repeated_only_where_it_does_no_harm(scripted: Scripted, error: Exception) -> None:
    assert scripted.client(error, error, FINE).json("GET", "/v1/models") == {"fine": True}
    scripted.asked.clear()
    with pytest.raises(ServerError, match="does not answer"):
        scripted.client(error, FINE).json("POST", "/v1/jobs", body={}, safe=False)
    assert len(scripted.asked) == 1


def test_nobody_is_there(scripted: Scripted) -> None:
    refused = httpx.ConnectError("refused")
    made = scripted.client(refused, refused, FINE, refused, refused, refused, refused)
    assert made.json("POST", "/v1/jobs", body={}, safe=False) == {"fine": True}
    with pytest.raises(ServerError, match="refused") as caught:
        made.json("GET", "/")
    assert "openitr serve" in caught.value.remedy and URL in caught.value.message
    with pytest.raises(ServerError):
        scripted.client(refused, retries=0).json("GET", "/")


def test_pauses_grow_and_differ() -> None:
    for tried, longest in ((0, 0.4), (1, 0.8), (2, 1.6), (9, 10.0)):
        drawn = [transport._pause(tried) for _ in range(200)]
        assert 0 <= min(drawn) < longest / 4 and longest * 3 / 4 < max(drawn) <= longest


def test_answers_of_somebody_else(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    page = httpx.Response(200, text="<html>a router")
    with pytest.raises(ServerError, match="something else"):
        scripted.client(page).json("GET", "/v1/collections")
    # The key goes to the address that was given and nowhere else.
    moved = httpx.Response(302, headers={"Location": "https://evil.example/"})
    with pytest.raises(ServerError, match="302"):
        scripted.client(moved, key="secret").json("GET", "/v1/collections")
    assert {request.url.host for request in scripted.asked} == {"pictures.example"}
    monkeypatch.setattr(transport, "MAX_JSON", 1000)
    endless = httpx.Response(200, content=(b"x" * 100 for _ in range(10**9)))
    with pytest.raises(ServerError, match="larger than 1,000 bytes"):
        scripted.client(endless).json("GET", "/v1/collections")
    with pytest.raises(ServerError, match="500"):
        scripted.client(httpx.Response(500, text="oh")).json("GET", "/")
    assert scripted.pauses == []


@pytest.mark.parametrize("answer", [{}, [], 3, "x", {"collections": 3}, {"collections": [3]}, {"collections": [{}]}])
def test_json_without_the_expected_parts(scripted: Scripted, answer: Any) -> None:
    with Client(URL) as client:
        client.transport = scripted.client(httpx.Response(200, json=answer))
        with pytest.raises(ServerError, match="cannot be understood"):
            client.library()


def test_the_key(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted.client(FINE, key="open sesame").json("GET", "/")
    assert scripted.asked[-1].headers["authorization"] == "Bearer open sesame"
    monkeypatch.setenv("OPENITR_API_KEY", "from outside")
    scripted.client(FINE).json("GET", "/")
    assert scripted.asked[-1].headers["authorization"] == "Bearer from outside"
    monkeypatch.delenv("OPENITR_API_KEY")
    scripted.client(FINE).json("GET", "/")
    assert "authorization" not in scripted.asked[-1].headers
    for bad in ("a\nb", "a\r\nX-Other: 1", "schlüssel", "\0"):
        with pytest.raises(InputError, match="key"):
            Transport(URL, bad)
    refused = httpx.Response(401, json={"detail": "this server asks for a key"})
    with pytest.raises(ServerError, match="OPENITR_API_KEY"):
        scripted.client(refused).json("GET", "/")


def test_problems_are_raised_by_their_own_names() -> None:
    def made(status: int, **document: str) -> OpenITRError:
        return problem(status, json.dumps({"detail": "d", "remedy": "r", **document}).encode())

    for status, type, kind in (
        (422, "urn:openitr:FilterError", FilterError),
        (422, "urn:openitr:UnreadableImage", UnreadableImage),
        (409, "urn:openitr:CollectionBusy", CollectionBusy),
        (409, "about:blank", CollectionBusy),
        (422, "about:blank", InputError),
        (404, "urn:openitr:OpenITRErrorOrSo", InputError),
        (403, "about:blank", ServerError),
        (418, "urn:openitr:annotations", ServerError),
    ):
        error = made(status, type=type)
        assert type and error.__class__ is kind and (error.message, error.remedy) == ("d", "r")


@given(
    st.integers(300, 599),
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=9),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["detail", "remedy", "type", "status"]), inner, max_size=4)
            ),
            max_leaves=6,
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_any_refusal_is_an_error_for_people(status: int, data: bytes) -> None:
    error = problem(status, data)
    assert isinstance(error, OpenITRError) and error.message is not None


@pytest.mark.parametrize(
    "url",
    ["", "photos", "ftp://a", "http://", "http:///x", "http://a:b:c", "http://a?x=1", "http://a#b", "http://a b",
     "http://ann:secret@host", "http://ann@host", "http://host:99999", "file:///etc/passwd"],
)  # fmt: skip
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(InputError):
        checked(url)


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for url in (text, f"http://{text}"):
        with contextlib.suppress(InputError):
            assert checked(url).startswith(("http://", "https://"))


def test_without_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtra, match=r"openitr\[client\]"):
        Client(URL)


def test_what_is_on_this_machine_is_not_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for url, mounted in (("http://localhost:1", 0), ("http://127.0.0.1:1", 0), ("http://[::1]:1", 0)):
        with Client(url) as client:
            assert len(client.transport._client._mounts) == mounted
    with Client(URL) as client:
        assert client.transport._client._mounts
