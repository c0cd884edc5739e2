"""Model calls in company: who shares one, who fails, who waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings
from openitr.errors import InputError, ShapeError
from openitr.server.batching import Batcher, BatchingEncoder
from openitr.server.problems import Problem
from tests.search.fakes import ColourEncoder


class Model:
    """Encodes a number as an angle; remembers its calls, and may be held back."""

    def __init__(self) -> None:
        self.calls: list[list[Any]] = []
        self.free = threading.Event()
        self.free.set()

    def __call__(self, rows: list[Any]) -> DenseEmbeddings:
        self.calls.append(list(rows))
        assert self.free.wait(10)
        if "bad" in rows:
            raise InputError("a bad row")
        return DenseEmbeddings(np.array([angle(row) for row in rows], np.float32))


def angle(row: int) -> list[float]:
    return [float(np.cos(row / 100)), float(np.sin(row / 100))]


def values(future: Future[DenseEmbeddings]) -> list[list[float]]:
    return [[round(float(x), 5) for x in row] for row in future.result(10).values]


def expected(rows: Sequence[int]) -> list[list[float]]:
    return [[round(float(np.float32(x)), 5) for x in angle(row)] for row in rows]


def held(model: Model, batcher: Batcher) -> Future[DenseEmbeddings]:
    """A call that is under way until the model is freed, so that others gather behind it."""
    model.free.clear()
    first = batcher.submit([0])
    while not model.calls:
        time.sleep(0.001)
    return first


def test_who_comes_alone_does_not_wait() -> None:
    model = Model()
    batcher = Batcher("numbers", model)
    assert values(batcher.submit([3])) == expected([3])
    assert model.calls == [[3]]
    batcher.close()


def test_who_comes_meanwhile_shares_the_next_call() -> None:
    model = Model()
    told: list[int] = []
    batcher = Batcher("numbers", model, told=told.append)
    first = held(model, batcher)
    others = [batcher.submit([n]) for n in range(1, 21)]
    model.free.set()
    assert values(first) == expected([0])
    assert [values(f) for f in others] == [expected([n]) for n in range(1, 21)]
    assert model.calls == [[0], list(range(1, 21))] and told == [1, 20]
    batcher.close()


def test_an_error_reaches_only_who_caused_it() -> None:
    model = Model()
    batcher = Batcher("numbers", model)
    first = held(model, batcher)
    good, bad, more = batcher.submit([1, 2]), batcher.submit([3, "bad"]), batcher.submit([4])
    model.free.set()
    assert values(first) == expected([0])
    assert values(good) == expected([1, 2]) and values(more) == expected([4])
    with pytest.raises(InputError, match="a bad row"):
        bad.result(10)
    assert values(batcher.submit([5])) == expected([5])
    assert batcher.waiting == 0
    batcher.close()


def test_a_large_request_lets_small_ones_through() -> None:
    model = Model()
    batcher = Batcher("numbers", model)
    first = held(model, batcher)
    large = batcher.submit(list(range(300)))
    small = [batcher.submit([n]) for n in (7, 8)]
    model.free.set()
    assert [values(f) for f in small] == [expected([7]), expected([8])]
    assert values(large) == expected(range(300))
    # Both small ones were in the first call after the one that was held.
    assert 7 in model.calls[1] and 8 in model.calls[1]
    assert max(map(len, model.calls)) <= 32 and first.done()
    batcher.close()


def test_a_failing_large_request_frees_its_place() -> None:
    model = Model()
    batcher = Batcher("numbers", model)
    held(model, batcher)
    rows: list[Any] = list(range(100))
    rows[3] = "bad"
    large, small = batcher.submit(rows), batcher.submit([1])
    model.free.set()
    with pytest.raises(InputError):
        large.result(10)
    assert values(small) == expected([1]) and batcher.waiting == 0
    batcher.close()


def test_the_queue_is_bounded() -> None:
    model = Model()
    batcher = Batcher("numbers", model, waiting=4)
    held(model, batcher)
    waiting = [batcher.submit([1, 2]), batcher.submit([3, 4])]
    with pytest.raises(Problem) as refused:
        batcher.submit([5])
    assert refused.value.status == 503 and refused.value.headers["Retry-After"]
    model.free.set()
    assert [values(f) for f in waiting] == [expected([1, 2]), expected([3, 4])]
    batcher.close()


def test_closing_tells_who_waits() -> None:
    model = Model()
    batcher = Batcher("numbers", model)
    first = held(model, batcher)
    waiting = batcher.submit([1])
    ended = threading.Thread(target=batcher.close)
    ended.start()
    with pytest.raises(Problem, match="stopping"):
        waiting.result(10)
    model.free.set()
    ended.join(10)
    assert values(first) == expected([0])
    with pytest.raises(Problem, match="stopping"):
        batcher.submit([2])


def test_a_model_that_does_not_keep_its_word() -> None:
    batcher = Batcher("numbers", lambda rows: DenseEmbeddings(np.array([[1.0]], np.float32)))
    with pytest.raises(ShapeError):
        batcher.submit([1, 2]).result(10)
    batcher.close()


@given(st.lists(st.lists(st.sampled_from([*range(40), "bad"]), min_size=1, max_size=50), min_size=1, max_size=12))
def test_everybody_gets_their_own_rows(asked: list[list[Any]]) -> None:
    model = Model()
    batcher = Batcher("numbers", model)
    held(model, batcher)
    futures = [batcher.submit(rows) for rows in asked]
    model.free.set()
    for rows, future in zip(asked, futures, strict=True):
        if "bad" in rows:
            with pytest.raises(InputError):
                future.result(10)
        else:
            assert values(future) == expected(rows)
    assert batcher.waiting == 0
    batcher.close()


def test_an_encoder_in_company_is_the_encoder() -> None:
    plain = ColourEncoder()
    shared = BatchingEncoder(plain)
    picture = np.full((8, 8, 3), 200, np.uint8)
    assert np.array_equal(shared.encode_texts(["red", "blue"]).values, plain.encode_texts(["red", "blue"]).values)
    assert np.array_equal(shared.encode_images([picture]).values, plain.encode_images([picture]).values)
    assert len(shared.encode_texts([])) == len(shared.encode_images([])) == 0
    assert (shared.spec, shared.fingerprint, shared.dim) == (plain.spec, plain.fingerprint, plain.dim)
    shared.close()
