"""A model in company: the same vectors by other threads, opened aside, and never in the way of an answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings
from openitr.encoders import OnnxEncoder, load
from openitr.encoders.base import Encoder
from openitr.errors import InputError, ModelError
from openitr.server import company
from openitr.server.batching import BatchingEncoder
from openitr.server.company import Company, in_company
from tests.search.fakes import ColourEncoder


class Counting(ColourEncoder):
    """Remembers how many texts came in each call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        self.calls.append(len(texts))
        return cast(DenseEmbeddings, super().encode_texts(texts))


def model(encoder: Counting) -> Encoder:
    return cast(Encoder, encoder)


def opened(encoder: Encoder, again: Callable[[int], Encoder], cores: int) -> Company:
    """One that is open already."""
    company = Company(encoder, again, cores)
    company.encode_texts(["red"])
    while company._ready is None and company._opening is not None and not company._opening.done():
        time.sleep(0.001)
    return company


def test_the_model_answers_until_the_other_is_open() -> None:
    first, second, may_open = Counting(), Counting(), threading.Event()

    def again(threads: int) -> Encoder:
        assert threads == 1 and may_open.wait(10)
        return model(second)

    both = Company(model(first), again, 2)
    for _ in range(2):
        both.encode_texts(["red", "green"])
    assert first.calls == [2, 2] and second.calls == []
    may_open.set()
    assert both._opening is not None
    both._opening.result(10)
    both.encode_texts(["red"] * 5)
    # One text of its own, so that nobody waits for what a graph does the first time.
    assert first.calls == [2, 2] and second.calls == [1, 5]
    both.close()


@given(st.integers(1, 40), st.integers(2, 9))
@settings(deadline=None, max_examples=30)
def test_every_text_is_dealt_out_once_and_comes_back_in_its_place(count: int, cores: int) -> None:
    first, second = Counting(), Counting()
    both = opened(model(first), lambda threads: model(second), cores)
    texts = [" ".join(["red"] * (n + 1) + ["green"] * (n % 3)) for n in range(count)]
    made = cast(DenseEmbeddings, both.encode_texts(texts))
    for n, text in enumerate(texts):
        np.testing.assert_array_equal(made.values[n], Counting().encode_texts([text]).values[0])
    dealt = second.calls[1:]
    assert sum(dealt) == count and len(dealt) == max(1, min(cores, count // 4))
    assert max(dealt) - min(dealt) <= 1
    both.close()


def test_a_bad_text_in_any_share_is_an_error() -> None:
    class Strict(Counting):
        def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
            if "bad" in texts:
                raise InputError("a bad text")
            return super().encode_texts(texts)

    both = opened(model(Strict()), lambda threads: model(Strict()), 2)
    for place in range(8):
        texts = ["red"] * 8
        texts[place] = "bad"
        with pytest.raises(InputError, match="a bad text"):
            both.encode_texts(texts)
    assert len(both.encode_texts(["red"] * 8)) == 8
    both.close()


def test_what_cannot_be_opened_twice_is_said_once_and_costs_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    def again(threads: int) -> Encoder:
        raise ModelError("the weights are gone", "install them again")

    first = Counting()
    both = opened(model(first), again, 2)
    both.encode_texts(["red"])
    both.close()
    assert first.calls == [1, 1]
    assert caplog.text.count("the weights are gone") == 1


def test_where_there_are_cores_and_a_model_whose_threads_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load("default")
    assert isinstance(encoder, OnnxEncoder)
    monkeypatch.setattr(company.os, "sched_getaffinity", lambda _: {0, 1, 5}, raising=False)
    found = in_company(encoder)
    assert found is not None and found.cores == 3
    found.close()
    assert in_company(model(Counting())) is None
    # One thread was asked for, as in a worker that shares the cores with others.
    assert in_company(encoder.with_threads(1)) is None
    monkeypatch.setattr(company.os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert in_company(encoder) is None


def test_a_model_with_other_threads_is_the_same_model() -> None:
    encoder = load("default")
    assert isinstance(encoder, OnnxEncoder)
    texts = ["a dog", "two children on a red bench by the sea", "snow"]
    other = encoder.with_threads(1)
    assert other.fingerprint == encoder.fingerprint and other.threads == 1 and encoder.threads is None
    # Products are summed in another order; a cosine moves by less than float32 can tell of unit vectors.
    np.testing.assert_allclose(other.encode_texts(texts).values, encoder.encode_texts(texts).values, atol=2e-6)


def test_company_is_of_requests_and_not_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Counting(), Counting()
    ready = opened(model(first), lambda threads: model(second), 2)
    monkeypatch.setattr("openitr.server.batching.in_company", lambda encoder: ready)
    shared = BatchingEncoder(model(first))
    first.calls.clear()
    second.calls.clear()
    shared.encode_texts([f"{n} red" for n in range(30)])
    assert sum(first.calls) == 30 and second.calls == []
    # A call that is under way lets the others gather behind it.
    free, begun = threading.Event(), threading.Event()
    ordinary = shared._texts.call

    def held(rows: list[str]) -> DenseEmbeddings:
        begun.set()
        assert free.wait(10)
        return cast(DenseEmbeddings, ordinary(rows))

    shared._texts.call = held
    futures = [shared.texts.submit(["alone"])]
    assert begun.wait(10)
    futures += [shared.texts.submit([f"{n} green"]) for n in range(6)]
    until = time.monotonic() + 10
    while shared._texts.waiting < 6 and time.monotonic() < until:
        time.sleep(0.001)
    free.set()
    assert [len(future.result(10)) for future in futures] == [1] * 7
    assert second.calls == [6] and first.calls == [30, 1]
    shared.close()
