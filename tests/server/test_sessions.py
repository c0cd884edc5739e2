"""Keys, sessions and rates, with a clock that tests turn."""

from __future__ import annotations

import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.server.problems import Problem
from openitr.server.rates import Rates
from openitr.server.sessions import COOKIE, Sessions


class Clock:
    """Seconds that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def scope(client: str = "::1", **headers: str) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"client": (client, 1), "headers": pairs}


def test_keys_are_compared_in_constant_time_and_length(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return hmac_equal(one, other)

    hmac_equal = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", watched)
    sessions = Sessions("open sesame")
    for key in ("", "o", "open sesame", "x" * 10_000):
        sessions.sign_in(key, scope())
    assert len(compared) == 4 and {len(part) for pair in compared for part in pair} == {32}


@given(st.text(max_size=30))
def test_only_the_key_is_the_key(guess: str) -> None:
    assert (Sessions("open sesame").sign_in(guess, scope()) is not None) == (guess == "open sesame")


def test_without_a_key_everybody_is_let_in() -> None:
    sessions = Sessions(None)
    assert not sessions.key_needed and sessions.holds(scope()) and sessions.sign_in("", scope())


def test_sessions_end_by_themselves() -> None:
    clock = Clock()
    sessions = Sessions("k", seconds=100, clock=clock)
    token = sessions.sign_in("k", scope())
    assert sessions.holds(scope(cookie=f"a=b; {COOKIE}={token}"))
    assert not sessions.holds(scope(cookie=f"{COOKIE}={token}x")) and not sessions.holds(scope(cookie="\x00;=;"))
    clock.now = 101
    assert not sessions.holds(scope(cookie=f"{COOKIE}={token}"))


def test_there_is_room_for_so_many_sessions() -> None:
    sessions = Sessions("k")
    tokens = [sessions.sign_in("k", scope()) for _ in range(1001)]
    assert not sessions.holds(scope(cookie=f"{COOKIE}={tokens[0]}"))
    assert sessions.holds(scope(cookie=f"{COOKIE}={tokens[1]}"))


def test_wrong_keys_are_counted_per_client_and_forgiven_with_time() -> None:
    clock = Clock()
    sessions = Sessions("k", clock=clock)
    for _ in range(10):
        assert not sessions.holds(scope("10.0.0.1", x_api_key="wrong"))
    with pytest.raises(Problem) as refused:
        sessions.holds(scope("10.0.0.1", x_api_key="k"))
    assert refused.value.status == 429 and int(refused.value.headers["Retry-After"]) >= 1
    assert sessions.holds(scope("10.0.0.2", x_api_key="k"))
    clock.now = 7
    assert sessions.holds(scope("10.0.0.1", x_api_key="k"))


@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from("ab")), max_size=60))
def test_buckets_do_what_a_slow_count_does(steps: list[tuple[float, str]]) -> None:
    clock, rates = Clock(), Rates(2.0, 4.0, clock=lambda: clock.now)
    left = {"a": 4.0, "b": 4.0}
    for wait, client in steps:
        clock.now += wait
        left = {name: min(4.0, tokens + 2 * wait) for name, tokens in left.items()}
        # Sums of small floats: exactly at one token either answer is right.
        if abs(left[client] - 1) > 1e-9:
            assert (rates.wait(client) == 0) == (left[client] >= 1)
        if left[client] >= 1:
            rates.spend(client)
            left[client] -= 1


def test_many_clients_do_not_fill_the_memory() -> None:
    rates = Rates(1, 1, clock=lambda: 0.0)
    for n in range(10_100):
        rates.spend(str(n))
    assert rates.wait("0") == 0 and rates.wait("10099") > 0
