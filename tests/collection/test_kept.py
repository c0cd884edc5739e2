"""Vectors of other kinds than dense: a batch that was not committed never happened, for readers and for writers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.collection.kept import KeptIndex
from openitr.collection.undo import Undo
from openitr.embeddings import Embeddings, Kind, LexiconEmbeddings, TokenEmbeddings
from openitr.errors import DamagedCollection, ShapeError
from openitr.index.flat import Mark

DIM = 6


def made(kind: Kind, seeds: list[int]) -> Embeddings:
    """One embedding per seed, of whole 255ths, which every index keeps as they are."""
    rng = [np.random.default_rng(seed) for seed in seeds]
    if kind == "late":
        rows = [np.eye(DIM, dtype=np.float32)[r.integers(0, DIM, 2)] for r in rng]
        values = np.concatenate(rows) if rows else np.zeros((0, DIM), np.float32)
        return TokenEmbeddings(values, np.arange(0, 2 * len(seeds) + 1, 2))
    from scipy.sparse import csr_matrix

    weights = np.array([r.integers(1, 255, DIM) for r in rng], np.float32).reshape(len(seeds), DIM)
    return LexiconEmbeddings(csr_matrix(weights * np.float32(1 / 255)))


def shown(index: KeptIndex) -> dict[int, Any]:
    """Everything an index holds."""
    ids = index.ids()
    stored = index.vectors(ids)
    rows = [stored[row : row + 1] for row in range(len(ids))]
    plain = [(r.matrix.toarray() if isinstance(r, LexiconEmbeddings) else r.values).round(4).tolist() for r in rows]
    return dict(zip(ids.tolist(), plain, strict=True))


def expected(kind: Kind, state: dict[int, int]) -> dict[int, Any]:
    """What an index should hold: ids and the seeds of their embeddings."""
    found = {}
    for id, seed in sorted(state.items()):
        one = made(kind, [seed])
        found[id] = (one.matrix.toarray() if isinstance(one, LexiconEmbeddings) else one.values).round(4).tolist()
    return found


def check(index: KeptIndex, kind: Kind, state: dict[int, int]) -> None:
    """An index holds a state and searches it exactly."""
    assert shown(index) == expected(kind, state) and len(index) == len(state)
    query = made(kind, [99])
    ids = np.array(sorted(state), np.int64)
    found = index.search(query, 4)[0]
    if not len(ids):
        assert not len(found)
        return
    scores = query.score(made(kind, [state[i] for i in ids.tolist()]))[0]  # type: ignore[arg-type]
    order = np.lexsort((ids, -scores.round(4)))[:4]
    assert found.ids.tolist() == ids[order].tolist() or np.allclose(found.scores, scores[order], atol=1e-4)
    np.testing.assert_allclose(found.scores, scores[order], atol=1e-4)


CHANGE = st.tuples(st.sampled_from(["add", "remove"]), st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True))
BATCH = st.tuples(st.lists(CHANGE, max_size=3), st.sampled_from(["commit", "kill before flush", "kill before commit"]))


@pytest.mark.parametrize("kind", ["lexicon", "late"])
@settings(max_examples=25, deadline=None)
@given(batches=st.lists(BATCH, max_size=5))
def test_only_what_was_committed_is_there(
    kind: Kind, batches: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("run")
    state: dict[int, int] = {}
    mark, seed = Mark(1, 0), 0
    reader = KeptIndex(folder, kind, DIM, mark=lambda: mark)
    for changes, end in batches:
        writer = KeptIndex(folder, kind, DIM, writable=True, mark=mark)
        check(writer, kind, state)
        after = dict(state)
        for what, ids in changes:
            if what == "add":
                seeds = list(range(seed, seed := seed + len(ids)))
                writer.add(np.array(ids), made(kind, seeds))
                after |= dict(zip(ids, seeds, strict=True))
            else:
                writer.remove(np.array(ids))
                after = {id: s for id, s in after.items() if id not in ids}
        check(writer, kind, after)
        if end != "kill before flush":
            writer.flush()
        if end == "commit":
            mark, state = writer.mark, after
        # A killed process closes nothing; another one opens what lies there.
        check(KeptIndex(folder, kind, DIM, mark=lambda at=mark: at), kind, state)
        check(reader, kind, state)
    check(KeptIndex(folder, kind, DIM, writable=True, mark=mark), kind, state)


def test_a_reader_sees_a_batch_when_it_is_committed_and_not_before(tmp_path: Path) -> None:
    mark = Mark(1, 0)
    reader = KeptIndex(tmp_path, "lexicon", DIM, mark=lambda: mark)
    writer = KeptIndex(tmp_path, "lexicon", DIM, writable=True, mark=mark)
    writer.add(np.array([1, 2]), made("lexicon", [1, 2]))
    writer.flush()
    assert len(reader) == 0 and not len(reader.search(made("lexicon", [1]), 5)[0])
    mark = writer.mark
    assert reader.holds(np.array([1, 3])).tolist() == [True, False]
    assert reader.stats()["count"] == 2 and reader.mark == mark


def test_a_filter_holds_while_a_batch_is_overlooked(tmp_path: Path) -> None:
    writer = KeptIndex(tmp_path, "lexicon", DIM, writable=True, mark=Mark(1, 0))
    writer.add(np.array([1, 2, 3]), made("lexicon", [1, 2, 3]))
    writer.flush()
    committed = writer.mark
    writer.add(np.array([2, 4]), made("lexicon", [7, 8]))
    writer.flush()
    reader = KeptIndex(tmp_path, "lexicon", DIM, mark=lambda: committed)
    found = reader.search(made("lexicon", [2]), 5, np.array([2, 4]))[0]
    assert found.ids.tolist() == [2]
    own = made("lexicon", [2])
    np.testing.assert_allclose(found.scores, own.score(own)[0], atol=1e-5)  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="4"):
        reader.vectors(np.array([1, 4]))


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    reader = KeptIndex(tmp_path, "lexicon", DIM, mark=lambda: Mark(1, 0))
    with pytest.raises(ShapeError, match="opened for reading"):
        reader.add(np.array([1]), made("lexicon", [1]))
    writer = KeptIndex(tmp_path, "lexicon", DIM, writable=True, mark=Mark(1, 0))
    with pytest.raises(ShapeError, match="late embeddings"):
        writer.add(np.array([1]), made("late", [1]))
    with pytest.raises(DamagedCollection, match="missing"):
        KeptIndex(tmp_path / "none", "lexicon", DIM, mark=Mark(1, 3))


def test_weights_above_one_are_not_cut(tmp_path: Path) -> None:
    from scipy.sparse import csr_matrix

    heavy = LexiconEmbeddings(csr_matrix(np.array([[0, 3.25, 0, 0, 0.001, 0]], np.float32)))
    writer = KeptIndex(tmp_path, "lexicon", DIM, writable=True, mark=Mark(1, 0))
    writer.add(np.array([1]), heavy)
    writer.flush()
    stored = writer.vectors(np.array([1]))
    assert isinstance(stored, LexiconEmbeddings)
    np.testing.assert_array_equal(stored.matrix.toarray(), heavy.matrix.toarray())


def test_a_torn_undo_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "undo.json").write_text('{"number": 3, "touched": [1], "old": [1], "vectors": "../outside.npz"}')
    with pytest.raises(DamagedCollection, match="outside their folder"):
        Undo.read(tmp_path, "lexicon", DIM)
    (tmp_path / "undo.json").write_text('{"number": 3, "touched": [1], "old": [1], "vectors": "undo-1.npz"}')
    with pytest.raises(DamagedCollection, match=r"undo\.json"):
        Undo.read(tmp_path, "lexicon", DIM)
    (tmp_path / "undo.json").write_text("{")
    with pytest.raises(DamagedCollection, match=r"undo\.json"):
        Undo.read(tmp_path, "lexicon", DIM)


def test_machine_code_gives_the_same_answers_and_stays_when_the_run_changes(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    now = Mark(1, 0)
    writer = KeptIndex(tmp_path, "lexicon", DIM, writable=True, mark=now)
    reader = KeptIndex(tmp_path, "lexicon", DIM, mark=lambda: now)
    reader.compile()
    assert not reader.compiled, "there is nothing to ask yet"
    writer.add(np.arange(1, 6), made("lexicon", [1, 2, 3, 4, 5]))
    writer.flush()
    now = writer.mark
    before = reader.search(made("lexicon", [99]), 3)[0]
    reader.compile()
    assert reader.compiled
    after = reader.search(made("lexicon", [99]), 3)[0]
    assert after.ids.tolist() == before.ids.tolist()
    np.testing.assert_allclose(after.scores, before.scores, atol=1e-6)
    writer.add(np.array([6]), made("lexicon", [99]))
    writer.flush()
    now = writer.mark
    assert set(reader.search(made("lexicon", [99]), 6)[0].ids.tolist()) == set(range(1, 7))
    assert getattr(reader._view.index, "compiled", False), "the index that was opened anew is compiled as well"
    reader.close()
    writer.close()
