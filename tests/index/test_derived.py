"""The derived index against the store it is derived from: never wrong, never stale, nearly always complete."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openitr.embeddings import DenseEmbeddings
from openitr.errors import DamagedCollection, InputError
from openitr.index import FlatIndex, Index, derived
from openitr.index.derived import DerivedIndex
from openitr.index.faiss_codes import ABOUT, FaissCodes, lists_for
from tests.index.battery import DIM, Battery, ids_of, unit

pytest.importorskip("faiss")
COUNT, WIDE = 6000, 128


def cloud(count: int, seed: int) -> DenseEmbeddings:
    """Vectors in 60 clusters with a decaying spectrum."""
    rng = np.random.default_rng(seed)
    spectrum = (1 + np.arange(WIDE)) ** -0.5
    centres = np.random.default_rng(0).standard_normal((60, WIDE)) * spectrum
    noise = 0.6 * rng.standard_normal((count, WIDE)) * spectrum
    return DenseEmbeddings.normalise(centres[rng.integers(0, 60, count)] + noise)


@pytest.fixture(scope="module")
def data() -> DenseEmbeddings:
    return cloud(COUNT, 1)


@pytest.fixture
def store(tmp_path: Path, data: DenseEmbeddings) -> Any:
    made = FlatIndex(tmp_path / "run", WIDE, writable=True)
    made.add(np.arange(COUNT) + 100, data)
    made.flush()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts as few, at the size of these tests."""
    monkeypatch.setattr(derived, "_FEW", 20)


class TestDerivedOfNothing(Battery):
    """With nothing derived it is the flat index."""

    def make(self, folder: Path, dim: int = DIM) -> Index:
        return DerivedIndex(FlatIndex(folder, dim, writable=True), None)


class TestDerivedFromTheStart(Battery):
    """Derived from one vector, so that everything the battery adds is fresh."""

    def make(self, folder: Path, dim: int = DIM) -> Index:
        store = FlatIndex(folder, dim, writable=True)
        if not len(store):
            store.add(ids_of(0), unit(1, dim=dim))
            FaissCodes.derive(store, folder / "derived")
            store.remove(ids_of(0))
            store.flush()
        return DerivedIndex(store, FaissCodes.open(folder / "derived"))


def recall(found: Sequence[Any], true: Sequence[Any]) -> float:
    return float(np.mean([len(np.intersect1d(f.ids, t.ids)) / len(t) for f, t in zip(found, true, strict=True)]))


def test_it_finds_nearly_all_and_scores_as_the_store_does(tmp_path: Path, store: FlatIndex) -> None:
    near = FaissCodes.derive(store, tmp_path / "derived")
    index, queries = DerivedIndex(store, near), cloud(60, 2)
    for k in (1, 10, 100):
        found, true = index.search(queries, k), store.search(queries, k)
        assert recall(found, true) >= 0.95
        for one, other in zip(found, true, strict=True):
            both = np.isin(one.ids, other.ids)
            shared = np.isin(other.ids, one.ids)
            np.testing.assert_allclose(one.scores[both], other.scores[shared], atol=1e-6)
            assert len(one) == k and (np.diff(one.scores) <= 0).all()
    facts = index.stats()
    assert not facts["exact"] and facts["stale"] == 0
    # A bit a dimension, two floats and the row; centres and rotation besides.
    assert facts["derived"]["bytes"] < COUNT * WIDE * 4 / 3


def test_it_is_the_codes_that_answer(tmp_path: Path, store: FlatIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    index = DerivedIndex(store, FaissCodes.derive(store, tmp_path / "derived"))
    monkeypatch.setattr(FlatIndex, "search", lambda *_: pytest.fail("the store was scanned"))
    assert len(index.search(cloud(3, 2), 10)) == 3


def test_what_changed_since_is_seen_at_once(tmp_path: Path, store: FlatIndex, data: DenseEmbeddings) -> None:
    near = FaissCodes.derive(store, tmp_path / "derived")
    index = DerivedIndex(store, near)
    queries = data[np.arange(0, 300, 10)]
    first = [ranking.ids[0] for ranking in index.search(queries, 10)]
    index.remove(np.array(first[:10]))
    index.add(np.array(first[10:20]), cloud(10, 9))  # replaced by something else
    index.add(np.arange(90_000, 90_010), queries[20:30])  # copies of what is asked for
    found, true = index.search(queries, 10), store.search(queries, 10)
    assert recall(found, true) >= 0.95
    for place, ranking in enumerate(found):
        assert (first[place] in ranking.ids) is (place >= 20), place
        assert (90_000 + place - 20 in ranking.ids[:2]) is (place >= 20)
    assert index.stale == pytest.approx(20 / len(index))


def test_after_compacting_the_store_answers_alone(tmp_path: Path, store: FlatIndex) -> None:
    index = DerivedIndex(store, FaissCodes.derive(store, tmp_path / "derived"))
    store.remove(np.arange(100, 400))
    store.compact()
    assert index.stale == 1.0
    queries = cloud(5, 2)
    assert [r.ids.tolist() for r in index.search(queries, 10)] == [r.ids.tolist() for r in store.search(queries, 10)]
    again = DerivedIndex(store, FaissCodes.derive(store, tmp_path / "derived"))
    assert again.stale == 0.0 and recall(again.search(queries, 10), store.search(queries, 10)) >= 0.95
    assert len(list((tmp_path / "derived").iterdir())) == 2


@pytest.mark.parametrize("share", [0.001, 0.02, 0.1, 0.3, 0.9])
def test_under_a_filter_nothing_is_lost(tmp_path: Path, store: FlatIndex, share: float) -> None:
    index, queries = DerivedIndex(store, FaissCodes.derive(store, tmp_path / "derived")), cloud(30, 2)
    rng = np.random.default_rng(3)
    allowed = np.concatenate([100 + rng.permutation(COUNT)[: int(COUNT * share)], [7, 999_999]])
    index.add(ids_of(70_000), cloud(1, 5))
    found, true = index.search(queries, 10, allowed), store.search(queries, 10, allowed)
    assert [len(r) for r in found] == [len(r) for r in true]
    assert all(np.isin(r.ids, allowed).all() for r in found)
    assert recall(found, true) >= 0.95


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_a_filter_that_keeps_nothing_near(tmp_path: Path, store: FlatIndex, share: float) -> None:
    """Allowed is the part of everything that lies farthest, as in "dogs" among screenshots.

    There scores differ by less than codes can tell: what is found instead of the best is as good to 0.005.
    """
    index, queries = DerivedIndex(store, FaissCodes.derive(store, tmp_path / "derived")), cloud(10, 2)
    for query in range(10):
        asked = queries[[query]]
        far = store.search(asked, COUNT)[0].ids[-round(COUNT * share) :]
        [found], [true] = index.search(asked, 10, far), store.search(asked, 10, far)
        assert len(found) == 10 and (true.scores - found.scores).max() < (1e-6 if share <= 0.1 else 0.005)


class _Empty:
    """Proposes next to nothing."""

    generation = 1
    rows = COUNT

    def propose(self, queries: Any, *about: Any) -> list[Any]:
        return [np.arange(3) for _ in queries]

    def stats(self) -> dict[str, Any]:
        return {}


def test_too_few_proposals_mean_an_exact_answer(store: FlatIndex) -> None:
    queries = cloud(4, 2)
    found, true = DerivedIndex(store, _Empty()).search(queries, 10), store.search(queries, 10)
    assert [r.ids.tolist() for r in found] == [r.ids.tolist() for r in true]


def test_it_is_kept_and_a_damaged_file_is_told(tmp_path: Path, store: FlatIndex) -> None:
    folder = tmp_path / "derived"
    assert FaissCodes.open(folder) is None
    FaissCodes.derive(store, folder)
    near = FaissCodes.open(folder)
    queries = cloud(10, 2)
    made = DerivedIndex(store, near).search(queries, 10)
    assert recall(made, store.search(queries, 10)) >= 0.95
    [file] = folder.glob("codes-*")
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)
    with pytest.raises(DamagedCollection, match="was changed"):
        FaissCodes.open(folder)
    about = json.loads((folder / ABOUT).read_text())
    (folder / ABOUT).write_text(json.dumps({**about, "file": "../elsewhere"}))
    with pytest.raises(DamagedCollection):
        FaissCodes.open(folder)


def test_deriving_that_is_cut_off_leaves_what_was_there(
    tmp_path: Path, store: FlatIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "derived"
    FaissCodes.derive(store, folder)
    store.add(np.arange(90_000, 90_100), cloud(100, 7))
    replace = Path.replace

    def cut(self: Path, target: Path) -> Path:
        if target.name == ABOUT:
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", cut)
        with pytest.raises(KeyboardInterrupt):
            FaissCodes.derive(store, folder)
    near = FaissCodes.open(folder)
    assert near is not None and near.rows == COUNT
    assert DerivedIndex(store, near).stale == pytest.approx(100 / len(store))
    assert FaissCodes.derive(store, folder).rows == COUNT + 100
    assert len([path for path in folder.iterdir() if path.suffix != ".part"]) == 2


def test_nothing_cannot_be_derived_from(tmp_path: Path) -> None:
    empty = FlatIndex(tmp_path / "empty", 4, writable=True)
    with pytest.raises(InputError, match="no vectors"):
        FaissCodes.derive(empty, tmp_path / "derived")
    empty.close()


def test_searching_is_right_while_another_thread_adds_and_removes(tmp_path: Path, store: FlatIndex) -> None:
    """The first 50 hits of a query stay; a stream of others comes and goes behind them."""
    index, query = DerivedIndex(store, FaissCodes.derive(store, tmp_path / "derived")), cloud(1, 2)
    kept = index.search(query, 50)[0]
    opposite = DenseEmbeddings(-query.values)
    faults: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            found = index.search(query, 50)[0]
            if found.ids.tolist() != kept.ids.tolist() or not np.array_equal(found.scores, kept.scores):
                faults.append(str(found.ids[:5]))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for step in range(20):
        ids = np.arange(50_000 + 20 * step, 50_020 + 20 * step)
        index.add(ids, opposite[np.zeros(20, np.int64)])
        index.remove(ids[:15])
        index.flush()
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == []


def test_the_number_of_lists_leaves_enough_to_train_each() -> None:
    for count in (1, 39, 78, 1000, 50_000, 10**9):
        assert lists_for(count) == 1 or 39 * lists_for(count) <= count
