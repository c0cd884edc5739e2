"""Sizing: the arithmetic in closed form, and bytes as they really are."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from openitr.errors import InputError
from openitr.index import FlatIndex, LexiconIndex
from openitr.index.sizing import Machine, Measured, code_bytes, dense, measure, plan, table, tokens, words

FLAT = Measured("every vector", at=10_000, disk=1000.0, memory=800.0, seconds=0.001, power=1.0)


def test_one_machine_is_enough_for_little() -> None:
    found = plan(FLAT, 100_000, Machine(100, 10, 50.0), qps=10)
    assert (found.shards, found.machines, found.price) == (1, 1, 50.0)
    assert found.disk_gb == pytest.approx(0.1) and found.memory_gb == pytest.approx(0.08)
    # Ten times the pictures take ten times as long; ten cores answer 1,000 such questions a second.
    assert found.ms == pytest.approx(10.0) and found.qps == pytest.approx(1000.0)


def test_memory_makes_shards_and_questions_make_copies() -> None:
    machine = Machine(100, 10, 50.0)
    found = plan(FLAT, 10**9, machine, qps=1.0)
    # 800 GB with a quarter to spare are ten machines of 100 GB; each scans 10^8 pictures in 10 s, on one of ten cores.
    assert (found.shards, found.machines) == (10, 10) and found.ms == pytest.approx(10_000)
    assert plan(FLAT, 10**9, machine, qps=1.01).machines == 20
    assert plan(dataclasses.replace(FLAT, power=0.5), 10**9, machine, qps=1.0).ms == pytest.approx(100.0)


def test_a_table_goes_by_size() -> None:
    found = table([FLAT, dataclasses.replace(FLAT, name="other")], [10, 100], Machine(), 1.0)
    assert [(one.pictures, one.name) for one in found] == [
        (10, "every vector"), (10, "other"), (100, "every vector"), (100, "other"),
    ]  # fmt: skip


@pytest.mark.parametrize("how", [{"pictures": 0}, {"qps": 0.0}, {"qps": float("nan")}, {"qps": float("inf")}])
def test_nothing_needs_no_plan(how: dict[str, float]) -> None:
    with pytest.raises(InputError):
        plan(FLAT, **{"pictures": 1, "machine": Machine(), "qps": 1.0, **how})  # type: ignore[arg-type]
    with pytest.raises(InputError):
        Machine(cores=0)


def test_every_representation_is_measured(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    said: list[str] = []
    found = {one.name: one for one in measure(64, count=2000, told=said.append)}
    assert list(found) == said == ["every vector", "one-bit codes", "words", "tokens"]
    assert all(one.seconds > 0 and one.disk > 0 for one in found.values())
    assert found["every vector"].memory == 256 and 256 <= found["every vector"].disk < 256 + 40
    assert found["one-bit codes"].memory == code_bytes(64) == 24
    assert found["tokens"].at == 500
    # What a collection of the shipped models keeps: 100 words in about two bytes each, 20 tokens of 64 bytes and more.
    assert 150 < found["words"].disk < 250 and found["tokens"].disk > 20 * 64


@pytest.mark.parametrize("dim", [64, 96])
def test_codes_weigh_what_is_said(tmp_path: Path, dim: int) -> None:
    """What twice the pictures add to the file is what a picture weighs: centres and rotation are in both."""
    pytest.importorskip("faiss")
    from openitr.index.faiss_codes import FaissCodes

    sizes = []
    for count in (12_000, 13_000):  # as many lists for both
        store = FlatIndex(tmp_path / str(count), dim, writable=True)
        store.add(np.arange(count), dense(count, dim, 1))
        near = FaissCodes.derive(store, tmp_path / f"{count}-derived")
        sizes.append((near.lists, near.stats()["bytes"]))
        store.close()
    assert sizes[0][0] == sizes[1][0]
    assert (sizes[1][1] - sizes[0][1]) / 1000 == pytest.approx(code_bytes(dim), rel=0.03)


def test_synthetic_embeddings_are_what_indexes_take(tmp_path: Path) -> None:
    assert len(dense(30, 16, 1)) == 30
    bags = tokens(10, 7, 1)
    assert len(bags) == 10 and set(np.diff(bags.offsets)) == {7}
    sparse = words(50, 12, 1)
    assert np.allclose(np.asarray(sparse.matrix.multiply(sparse.matrix).sum(axis=1)), 1.0, atol=1e-5)
    index = LexiconIndex(tmp_path, sparse.dim)
    index.add(np.arange(50), sparse)
    assert index.search(sparse[[3]], 1)[0].ids.tolist() == [3]
    index.close()
