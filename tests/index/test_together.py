"""Work in company: everybody gets their own result, alone or not, and an error ends nobody's waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from openitr.embeddings import DenseEmbeddings
from openitr.index.flat import FlatIndex
from openitr.index.together import Together


def test_alone_it_runs_at_once_in_the_same_thread() -> None:
    seen: list[object] = []

    def work(many: Sequence[int]) -> list[int]:
        seen.append((threading.current_thread(), list(many)))
        return [2 * one for one in many]

    assert Together(work)(4) == 8
    assert seen == [(threading.current_thread(), [4])]


def test_what_comes_meanwhile_is_done_together() -> None:
    rounds: list[int] = []

    def work(many: Sequence[int]) -> list[int]:
        rounds.append(len(many))
        time.sleep(0.02)
        return [2 * one for one in many]

    doubled = Together(work, most=8)
    found: dict[int, int] = {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: doubled(n)})) for n in range(40)]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == {n: 2 * n for n in range(40)}
    assert sum(rounds) == 40 and max(rounds) <= 8 and len(rounds) < 40


def test_an_error_is_everybody_s_of_that_round_and_nobody_s_after() -> None:
    fails = True

    def work(many: Sequence[int]) -> list[int]:
        time.sleep(0.01)
        if fails:
            raise ValueError("no")
        return list(many)

    same = Together(work)
    errors: list[str] = []

    def ask() -> None:
        try:
            same(1)
        except ValueError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert errors == ["no"] * 10
    fails = False
    assert same(3) == 3


def test_many_threads_get_what_one_gets(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stored = rng.standard_normal((500, 16)).astype(np.float32)
    # Equal vectors, so that ties are there to be broken.
    stored[100:200] = stored[:100]
    index = FlatIndex(tmp_path, 16, writable=True)
    index.add(np.arange(500), DenseEmbeddings.normalise(stored))
    queries = DenseEmbeddings.normalise(rng.standard_normal((60, 16)))
    alone = [index.search(queries[n : n + 1], 20)[0] for n in range(60)]
    found: dict[int, np.ndarray] = {}
    gate = threading.Barrier(20)

    def ask(first: int) -> None:
        gate.wait(10)
        for n in range(first, first + 3):
            found[n] = index.search(queries[n : n + 1], 20)[0].ids

    threads = [threading.Thread(target=ask, args=(3 * t,)) for t in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    for n in range(60):
        assert found[n].tolist() == alone[n].ids.tolist()
        # The oracle: all scores in double precision, ties by id.
        exact = (stored / np.linalg.norm(stored, axis=1, keepdims=True)).astype(np.float64) @ queries.values[n].astype(
            float
        )
        near = sorted(range(500), key=lambda i: (-round(exact[i], 6), i))[:20]
        assert alone[n].scores == pytest.approx(exact[near], abs=2e-6)
    index.close()
