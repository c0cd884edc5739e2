"""The HTTP client against a server that is good, slow, wrong, rude and down in turn."""

from __future__ import annotations

import base64
import io
import socket
import threading
import time

import numpy as np
import pytest
from PIL import Image

from openitr.encoders import lmm_http
from openitr.encoders.lmm import Message
from openitr.encoders.lmm_http import HttpLMM, Spent
from openitr.errors import InputError, LMMError
from tests.encoders.lmm_server import drips, half, hangs_up, raw, says, serving, slow, status, streams

ASK = [Message("user", "What is it?")]
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(lmm_http, "_FIRST_PAUSE", 0.005)


@pytest.fixture
def client():
    made = []

    def make(server, **chosen):
        made.append(HttpLMM(server.url, "tiny", **{"timeout": 5.0, **chosen}))
        return made[-1]

    yield make
    for lmm in made:
        lmm.close()


def test_an_answer_with_its_tokens_and_its_cost(client):
    with serving(says("a dog")) as server:
        lmm = client(server, key="sesame", prices=(2.0, 10.0))
        reply = lmm.generate([Message("system", "Be brief."), *ASK], max_tokens=7, temperature=0.5)
    # 10 tokens at 2 and 4 at 10 a million.
    assert (reply.text, reply.tokens_in, reply.tokens_out) == ("a dog", 10, 4)
    assert reply.cost == pytest.approx(60e-6)
    assert lmm.spent == Spent(1, 10, 4, pytest.approx(60e-6))
    assert server.headers[0]["authorization"] == "Bearer sesame"
    assert server.bodies[0] == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is it?"}],
        "max_tokens": 7,
        "temperature": 0.5,
    }


def test_a_server_that_names_the_cost_is_believed_when_no_prices_are_given(client):
    with serving(says("a dog", cost=0.25)) as server:
        assert client(server).generate(ASK).cost == 0.25


def test_pictures_travel_small_and_before_the_words(client):
    picture = np.full((300, 900, 3), (200, 30, 30), np.uint8)
    with serving(says("red")) as server:
        client(server, side=90).generate([Message("user", "Colour?", [picture])])
    first, second = server.bodies[0]["messages"][0]["content"]
    sent = Image.open(io.BytesIO(base64.b64decode(first["image_url"]["url"].split(",")[1])))
    assert sent.size == (90, 30) and second == {"type": "text", "text": "Colour?"}
    assert np.abs(np.asarray(sent).mean((0, 1)) - (200, 30, 30)).max() < 6  # JPEG


@pytest.mark.parametrize(
    "bad",
    [
        status(500),
        status(503, b"<html>down</html>"),
        status(429, b"", retry_after="0"),
        raw(b"<html>not a model</html>"),
        raw(b'{"choices": []}'),
        raw(b'{"choices": [{"message": {"content": ""}}]}'),
        raw(b'[["deep"]]'),
        half,
        hangs_up,
    ],
)
def test_what_went_wrong_on_the_way_is_asked_again(client, bad):
    with serving(bad, bad, says("a dog")) as server:
        assert client(server).generate(ASK).text == "a dog"
        assert len(server.bodies) == 3


@pytest.mark.parametrize("bad", [status(500), raw(b"garbage"), half, hangs_up])
def test_what_stays_wrong_is_an_error_after_the_last_try(client, bad):
    with serving(bad) as server:
        with pytest.raises(LMMError, match="after 2 tries"):
            client(server, retries=1).generate(ASK)
        assert len(server.bodies) == 2


@pytest.mark.parametrize(("code", "remedy"), [(401, "OPENITR_LMM_KEY"), (404, "OPENITR_LMM_MODEL"), (413, "can take")])
def test_a_refusal_is_not_asked_again_and_keeps_the_key_secret(client, code, remedy):
    with serving(status(code, b'{"error": {"message": "no, sesame is wrong"}}')) as server:
        with pytest.raises(LMMError) as error:
            client(server, key="sesame").generate(ASK)
        assert len(server.bodies) == 1
    assert remedy in str(error.value) and "sesame" not in str(error.value) and str(code) in str(error.value)


def test_a_silent_server_is_given_up_in_time(client):
    with serving(slow(1.0, says("late"))) as server:
        start = time.monotonic()
        with pytest.raises(LMMError, match="silent"):
            client(server, timeout=0.2, retries=0).generate(ASK)
        assert time.monotonic() - start < 0.9


def test_a_server_that_drips_for_ever_is_given_up_in_time(client):
    with serving(drips) as server:
        start = time.monotonic()
        with pytest.raises(LMMError, match="longer than"):
            client(server, timeout=0.3, retries=0).generate(ASK)
        assert time.monotonic() - start < 2


def test_a_server_that_is_down():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(LMMError, match="does not answer"):
        HttpLMM(f"http://127.0.0.1:{port}/v1", "tiny", retries=1).generate(ASK)


def test_redirects_are_not_followed_not_even_home(client):
    with serving(says("secret")) as private, serving(status(307, b"", location=private.url)) as server:
        with pytest.raises(LMMError, match="redirects"):
            client(server).generate(ASK)
        assert not private.bodies


def test_an_endless_answer_is_cut_off(client, monkeypatch):
    monkeypatch.setattr("openitr.encoders.lmm_wire.MAX_ANSWER", 1000)
    with serving(says("a" * 2000)) as server, pytest.raises(LMMError, match="larger than"):
        client(server).generate(ASK)


def test_an_object_is_asked_for_and_checked(client):
    with serving(says('Here: {"n": 3}')) as server:
        reply = client(server).generate(ASK, schema=SCHEMA)
    assert reply.value == {"n": 3} and not reply.notes
    assert server.bodies[0]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert '"required": ["n"]' in server.bodies[0]["messages"][-1]["content"]


def test_a_bad_object_is_repaired_once(client):
    with serving(says('{"n": "three"}'), says('{"n": 3}')) as server:
        reply = client(server).generate(ASK, schema=SCHEMA)
    assert reply.value == {"n": 3} and reply.tokens_in == 20 and "repaired once: n:" in reply.notes[0]
    assert [m["role"] for m in server.bodies[1]["messages"]] == ["user", "assistant", "user"]
    with serving(says("no json here")) as server:
        with pytest.raises(LMMError, match="after one repair"):
            client(server).generate(ASK, schema=SCHEMA)
        assert len(server.bodies) == 2


def test_a_server_without_response_format_gets_the_schema_in_words_only(client):
    with serving(status(400), says('{"n": 1}')) as server:
        lmm = client(server)
        assert lmm.generate(ASK, schema=SCHEMA).value == {"n": 1}
        assert lmm.generate(ASK, schema=SCHEMA).value == {"n": 1}
    assert ["response_format" in body for body in server.bodies] == [True, False, False]


def test_another_fault_is_not_blamed_on_the_schema(client):
    with serving(status(400), status(400), says('{"n": 1}')) as server:
        lmm = client(server)
        with pytest.raises(LMMError, match="400"):
            lmm.generate(ASK, schema=SCHEMA)
        lmm.generate(ASK, schema=SCHEMA)
    assert ["response_format" in body for body in server.bodies] == [True, False, True]


def test_words_as_they_come(client):
    with serving(streams("a ", "brown ", "dög")) as server:
        assert list(client(server).stream(ASK)) == ["a ", "brown ", "dög"]
        assert server.bodies[0]["stream"] is True


def test_a_stream_that_breaks_off_says_so_after_its_words(client):
    for bad in (
        streams("a ", end=False),
        streams("a ", junk=b"data: {oops\n\n"),
        streams("a ", junk=b'data: {"error": "x"}\n\n'),
    ):
        with serving(bad) as server:
            words = []
            with pytest.raises(LMMError, match=r"broke off|no sense"):
                words += client(server).stream(ASK)
            words.clear()
            with pytest.raises(LMMError):
                for word in client(server).stream(ASK):
                    words.append(word)
            assert words == ["a "]


def test_no_more_requests_on_the_way_than_allowed(client):
    with serving(slow(0.1, says("a dog"))) as server:
        lmm = client(server, concurrency=2)
        threads = [threading.Thread(target=lmm.generate, args=(ASK,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.most == 2 and lmm.spent.calls == 6


def test_one_who_waits_too_long_for_a_turn_is_told(client):
    with serving(slow(0.6, says("a dog"))) as server:
        lmm = client(server, concurrency=1, timeout=0.8, retries=0)
        first = threading.Thread(target=lmm.generate, args=(ASK,))
        first.start()
        time.sleep(0.1)
        lmm.timeout = 0.1
        with pytest.raises(LMMError, match="too many requests"):
            lmm.generate(ASK)
        first.join()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:11434",
        "file:///etc",
        "ftp://x/v1",
        "http://u:p@x/v1",
        "http://x/v1?k=1",
        "http://x y/",
        "http://[bad",
    ],
)
def test_what_is_no_address(url):
    with pytest.raises(InputError):
        HttpLMM(url, "tiny")


def test_senseless_calls():
    with pytest.raises(InputError, match="key"):
        HttpLMM("http://x/v1", "tiny", key="two\nlines")
    with pytest.raises(InputError, match="concurrency"):
        HttpLMM("http://x/v1", "tiny", concurrency=0)
    with pytest.raises(InputError, match="nothing was asked"):
        HttpLMM("http://x/v1", "tiny").generate([])
    assert HttpLMM("http://x/v1/chat/completions/", "tiny", key="sesame").url == "http://x/v1"
    assert "sesame" not in repr(HttpLMM("http://x/v1", "tiny", key="sesame"))
