"""The token index against plain loops and the in-memory reference: exact while small, near exact when rounded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings, Embeddings, TokenEmbeddings
from openitr.errors import DamagedCollection, InputError, ShapeError
from openitr.index import Index, MemoryIndex
from openitr.index.tokens import index as tokens
from openitr.index.tokens.index import TokenIndex
from tests.index.battery import Battery

DIM = 16
# Sums of at most 8 cosines of 16 products in float32, in another order.
TOLERANCE = 5e-6


def bags(count: int, seed: int = 0, most: int = 6, dim: int = DIM) -> TokenEmbeddings:
    """Ragged bags of unit vectors around 40 directions, as words and patches repeat."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, most + 1, count)
    centres = np.random.default_rng(99).standard_normal((40, dim))
    values = centres[rng.integers(0, 40, sizes.sum())] + 0.7 * rng.standard_normal((sizes.sum(), dim))
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return TokenEmbeddings(values.astype(np.float32), np.concatenate([[0], np.cumsum(sizes)]))


def by_hand(stored: dict[int, np.ndarray], query: np.ndarray, k: int) -> list[tuple[int, float]]:
    """MaxSim of every bag in plain Python, the k best."""
    scored = []
    for id, bag in stored.items():
        total = sum(max(sum(float(a) * float(b) for a, b in zip(q, v, strict=True)) for v in bag) for q in query)
        scored.append((-total, id))
    return [(id, -score) for score, id in sorted(scored)[:k]]


def bag_of(embeddings: TokenEmbeddings, row: int) -> np.ndarray:
    return embeddings.values[embeddings.offsets[row] : embeddings.offsets[row + 1]]


class AsDense:
    """One-token bags behind the calls of a dense index: MaxSim of two of them is their cosine."""

    kind = "dense"

    def __init__(self, index: TokenIndex) -> None:
        self.index, self.dim = index, index.dim

    def add(self, ids: Any, embeddings: Embeddings) -> None:
        self.index.add(ids, _single(embeddings))

    def search(self, queries: Embeddings, k: int, allowed: Any = None) -> Any:
        return self.index.search(_single(queries), k, allowed)

    def vectors(self, ids: Any) -> DenseEmbeddings:
        return DenseEmbeddings(self.index.vectors(ids).values)

    def __len__(self) -> int:
        return len(self.index)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.index, name)


def _single(embeddings: Embeddings) -> Embeddings:
    if not isinstance(embeddings, DenseEmbeddings):
        return DenseEmbeddings(np.eye(2, dtype=np.float32))  # of a kind that a token index refuses
    return TokenEmbeddings(embeddings.values, np.arange(len(embeddings) + 1))


class TestBattery(Battery):
    def make(self, folder: Path, dim: int = DIM) -> Index:
        return AsDense(TokenIndex(folder, dim))  # type: ignore[return-value]


@pytest.fixture
def index(tmp_path: Path) -> Any:
    made = TokenIndex(tmp_path / "index", DIM)
    yield made
    made.close()


@pytest.fixture
def enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Centroids are learned from 500 tokens on."""
    monkeypatch.setattr(tokens, "_ENOUGH", 500)


def test_it_is_an_index_and_ranks_as_plain_loops_do(index: TokenIndex) -> None:
    assert isinstance(index, Index) and index.kind == "late"
    data, queries = bags(80), bags(4, 1)
    ids = np.random.default_rng(2).permutation(1000)[:80].astype(np.int64)
    index.add(ids, data)
    stored = {int(id): bag_of(data, row) for row, id in enumerate(ids)}
    for row, ranking in enumerate(index.search(queries, 15)):
        expected = by_hand(stored, bag_of(queries, row), 15)
        assert ranking.ids.tolist() == [id for id, _ in expected]
        np.testing.assert_allclose(ranking.scores, [score for _, score in expected], atol=TOLERANCE)


def test_32_bits_stay_exact_whatever_the_size(tmp_path: Path, enough: None) -> None:
    index, reference = TokenIndex(tmp_path, DIM, bits=32), MemoryIndex("late", DIM)
    data, queries = bags(600), bags(5, 1)
    for made in (index, reference):
        made.add(np.arange(600), data)
        made.flush()
    assert index.stats()["exact"] and index.stats()["centroids"] == 0
    for got, expected in zip(index.search(queries, 30), reference.search(queries, 30), strict=True):
        assert got.ids.tolist() == expected.ids.tolist()
        np.testing.assert_allclose(got.scores, expected.scores, atol=TOLERANCE)


def test_rounded_tokens_score_as_their_own_vectors_do(tmp_path: Path, enough: None) -> None:
    """With every centroid asked for and every item scored, the answer is that of the kept vectors, exactly."""
    index = TokenIndex(tmp_path, DIM, probes=1 << 16, rescored=1 << 16)
    data, queries = bags(600), bags(6, 1)
    index.add(np.arange(600), data)
    index.flush()
    assert not index.stats()["exact"] and index.stats()["centroids"] > 100
    kept = index.vectors(np.arange(600))
    assert np.array_equal(kept.offsets, data.offsets)
    for row, ranking in enumerate(index.search(queries, 600)):
        scores = queries[[row]].score(kept)[0]
        np.testing.assert_allclose(ranking.scores, scores[ranking.ids], atol=TOLERANCE)
        assert sorted(ranking.ids.tolist()) == list(range(600)) and (np.diff(ranking.scores) <= 0).all()


def test_few_candidates_find_most_of_the_best_and_random_ones_would_not(tmp_path: Path, enough: None) -> None:
    index = TokenIndex(tmp_path, DIM, bits=8, probes=64, rescored=100)
    data, queries = bags(2000), bags(40, 1)
    index.add(np.arange(2000), data)
    index.flush()
    truth = np.argsort(-queries.score(data), axis=1, kind="stable")[:, :10]
    hits = [len(set(r.ids.tolist()) & set(t.tolist())) for r, t in zip(index.search(queries, 10), truth, strict=True)]
    assert np.mean(hits) / 10 > 0.9
    # Blindly drawn candidates would hold this share of the best ten.
    blind = np.random.default_rng(5)
    drawn = [len(set(blind.permutation(2000)[:100].tolist()) & set(t.tolist())) for t in truth]
    assert np.mean(drawn) / 10 < 0.15


def test_all_segments_share_the_count_of_those_that_are_scored(
    tmp_path: Path, enough: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In five segments as many are scored as in one, and nearly the same are found.

    Not just the same: which centroid is nearest may be decided by rounding, which depends on what is encoded together.
    """
    data, queries = bags(900), bags(8, 1)
    found: list[list[list[int]]] = []
    seen: list[int] = []
    real = tokens.by_numpy.scored
    monkeypatch.setattr(tokens.by_numpy, "scored", lambda *about: seen.append(len(about[3])) or real(*about))
    for rows in (200, 1 << 16):
        monkeypatch.setattr(tokens, "ROWS", rows)
        index = TokenIndex(tmp_path / str(rows), DIM, probes=64, rescored=60)
        index.add(np.arange(900), data)
        index.flush()
        assert index.stats()["segments"] == -(-900 // rows)
        seen.clear()
        found.append([ranking.ids.tolist() for ranking in index.search(queries, 10)])
        assert sum(seen) == 8 * 60
    same = [len(set(one) & set(other)) / 10 for one, other in zip(*found, strict=True)]
    assert np.mean(same) > 0.9


def test_an_item_with_one_matching_token_among_many_is_found(tmp_path: Path, enough: None) -> None:
    """Its mean vector points elsewhere: a prefetch by mean vectors would miss it."""
    index = TokenIndex(tmp_path, DIM, probes=8, rescored=20)
    rng = np.random.default_rng(3)
    needle = np.eye(DIM, dtype=np.float32)[0]
    crowd = rng.standard_normal((1000, 12, DIM))
    crowd[..., 0] = rng.uniform(-1, 1, (1000, 12))
    crowd[777, :, 0] = -1
    crowd /= np.linalg.norm(crowd, axis=2, keepdims=True)
    crowd[777, 5] = needle
    values = crowd.astype(np.float32)
    index.add(np.arange(1000), TokenEmbeddings(values.reshape(-1, DIM), np.arange(1001) * 12))
    index.flush()
    means = values.mean(1) / np.linalg.norm(values.mean(1), axis=1, keepdims=True)
    assert int((means @ needle > (means @ needle)[777]).sum()) > 500
    query = TokenEmbeddings(needle[None], np.array([0, 1]))
    assert index.search(query, 1)[0].ids.tolist() == [777]


def test_bytes_per_item_stay_below_a_tenth_of_the_floats(tmp_path: Path, enough: None) -> None:
    data = bags(1500, most=20, dim=64)
    index = TokenIndex(tmp_path, 64, bits=2)
    index.add(np.arange(1500), data)
    index.flush()
    about = index.stats()
    floats = data.values.nbytes
    centroids = about["centroids"] * 64 * 4
    assert about["bytes"] - centroids < floats / 10


def test_pooled_bags_are_small(tmp_path: Path) -> None:
    index = TokenIndex(tmp_path, DIM, pool=3)
    index.add(np.arange(50), bags(50, most=9))
    assert np.diff(index.vectors(np.arange(50)).offsets).max() == 3
    assert TokenIndex(tmp_path).stats()["pool"] == 3


@pytest.mark.parametrize("share", [0.0, 0.005, 0.05, 0.5, 1.0])
def test_a_filter_loses_nothing(tmp_path: Path, enough: None, share: float) -> None:
    index = TokenIndex(tmp_path, DIM, probes=2, rescored=5)
    data, query = bags(800), bags(1, 1)
    index.add(np.arange(800), data)
    index.flush()
    index.remove(np.array([0, 1, 2]))
    chosen = np.random.default_rng(7).permutation(np.arange(3, 800))[: round(800 * share)]
    allowed = np.concatenate([chosen, [0, 5000]])
    for k in (1, 10, 1000):
        found = index.search(query, k, allowed)[0]
        assert len(found) == min(k, len(chosen)) and set(found.ids.tolist()) <= set(chosen.tolist())
        scores = query.score(index.vectors(found.ids)) if len(found) else np.zeros((1, 0))
        np.testing.assert_allclose(found.scores, scores[0], atol=TOLERANCE)


def test_changes_and_growth_keep_what_is_stored(tmp_path: Path, enough: None) -> None:
    """Adding, replacing and removing over several flushes, with centroids learned twice, and opening again."""
    index, reference = TokenIndex(tmp_path, DIM, bits=8, probes=64, rescored=400), MemoryIndex("late", DIM)
    rng = np.random.default_rng(4)
    for step in range(12):
        ids = rng.integers(0, 1 + 300 * (step + 1), 250).astype(np.int64)
        fresh = bags(250, 10 + step)
        gone = rng.integers(0, 1 + 300 * (step + 1), 30).astype(np.int64)
        for made in (index, reference):
            made.add(ids, fresh)
            made.remove(gone)
        index.flush()
    learned = json.loads((tmp_path / "tokens.json").read_text())["learned_from"]
    assert learned > 8 * 500
    index.close()
    index = TokenIndex(tmp_path)
    assert index.ids().tolist() == reference.ids().tolist() and len(index) == len(reference)
    here, there = index.vectors(index.ids()), reference.vectors(reference.ids())
    assert isinstance(there, TokenEmbeddings) and np.array_equal(here.offsets, there.offsets)
    # Rounded at 8 bits a dimension, some of them twice; a token far from what the levels were learned from errs more.
    alike = (here.values * there.values).sum(1) / np.linalg.norm(here.values, axis=1)
    assert float(alike.mean()) > 0.999 and float(alike.min()) > 0.9
    assert len(list(tmp_path.glob("codec-*.npz"))) == 1


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_whatever_is_done_the_ids_are_right(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    index = TokenIndex(folder, 4)
    stored: set[int] = set()
    for step in range(data.draw(st.integers(1, 6))):
        ids = data.draw(st.lists(st.integers(0, 15), max_size=6))
        match data.draw(st.sampled_from(["add", "remove", "flush", "open"])):
            case "add":
                index.add(np.array(ids, np.int64), bags(len(ids), step, dim=4))
                stored |= set(ids)
            case "remove":
                index.remove(np.array(ids, np.int64))
                stored -= set(ids)
            case "flush":
                index.flush()
            case _:
                index.flush()
                index.close()
                index = TokenIndex(folder)
        assert index.ids().tolist() == sorted(stored)
    assert {int(i) for i in index.search(bags(1, 3, dim=4), 100)[0].ids} == stored


def test_an_index_killed_while_it_adds_keeps_its_last_flush(tmp_path: Path) -> None:
    script = f"""
import numpy as np, sys
from pathlib import Path
from tests.index.tokens.test_index import bags
from openitr.index.tokens import index as tokens
tokens._ENOUGH = 500
index = tokens.TokenIndex(Path({str(tmp_path)!r}), {DIM})
step = 0
while True:
    index.add(np.arange(200 * step, 200 * step + 200), bags(200, step))
    index.remove(np.array([200 * step]))
    index.flush()
    print(step, flush=True)
    step += 1
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
    assert process.stdout is not None
    told = -1
    for line in process.stdout:
        told = int(line)
        if told >= 6:
            os.kill(process.pid, signal.SIGKILL)
            break
    process.wait()
    process.stdout.close()
    index = TokenIndex(tmp_path)
    held = set(index.ids().tolist())
    for step in range(told + 1):
        assert held >= set(range(200 * step + 1, 200 * step + 200)) and 200 * step not in held
    assert len(index.vectors(index.ids())) == len(index)


def test_searching_goes_on_while_another_thread_flushes(tmp_path: Path, enough: None) -> None:
    index = TokenIndex(tmp_path, DIM)
    base = bags(300)
    index.add(np.arange(300), base)
    faults: list[str] = []
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            ranking = index.search(base[[0]], 20)[0]
            if len(ranking) != 20 or (np.diff(ranking.scores) > 0).any():
                faults.append(f"{len(ranking)} hits")

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for step in range(6):
        index.add(np.arange(1000 + 100 * step, 1100 + 100 * step), bags(100, 10 + step))
        index.remove(np.arange(1000 + 100 * step, 1010 + 100 * step))
        index.flush()
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == [] and len(index) == 300 + 6 * 90


@pytest.mark.parametrize("what", ["segment", "codec", "manifest", "outside", "cut"])
def test_damage_is_named(tmp_path: Path, enough: None, what: str) -> None:
    index = TokenIndex(tmp_path / "i", DIM)
    index.add(np.arange(400), bags(400))
    index.flush()
    index.close()
    manifest = tmp_path / "i" / "tokens.json"
    document = json.loads(manifest.read_text())
    segment = tmp_path / "i" / document["segments"][0][0]
    match what:
        case "segment":
            segment.unlink()
        case "cut":
            segment.write_bytes(segment.read_bytes()[:-4096])
        case "codec":
            (tmp_path / "i" / document["codec"]).write_bytes(b"not a codec")
        case "manifest":
            manifest.write_text("[]")
        case _:
            document["segments"][0][0] = "../segment-000001.tokens"
            manifest.write_text(json.dumps(document))
    with pytest.raises(DamagedCollection, match=r"tok|codec"):
        TokenIndex(tmp_path / "i")


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match="no index yet"):
        TokenIndex(tmp_path / "new")
    for bad in ({"bits": 3}, {"pool": 0}, {"probes": 0}, {"rescored": 0}):
        with pytest.raises(InputError):
            TokenIndex(tmp_path / "new", DIM, **bad)
