"""The inverted index against plain loops and the in-memory reference: exact, changing, filtered, killed and damaged."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from openitr.embeddings import DenseEmbeddings, LexiconEmbeddings
from openitr.errors import DamagedCollection, InputError, ShapeError
from openitr.index import Index, MemoryIndex, maxscore
from openitr.index.lexicon import LexiconIndex

TERMS = 200
# Sums of at most 200 products below 1 in float32, in another order.
TOLERANCE = 2e-6


def sparse(count: int, seed: int = 0, terms: int = 12) -> LexiconEmbeddings:
    """Random rows with Zipf-like terms, so that some lists are long."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, TERMS + 1)
    dense = np.zeros((count, TERMS), np.float32)
    for row in dense:
        row[rng.choice(TERMS, terms, replace=False, p=share / share.sum())] = rng.gamma(1.0, 0.3, terms)
    return LexiconEmbeddings(csr_matrix(dense / np.linalg.norm(dense, axis=1, keepdims=True)))


def by_hand(stored: dict[int, np.ndarray], query: np.ndarray, k: int) -> list[tuple[int, float]]:
    """The k best in plain Python."""
    scored = []
    for id, row in stored.items():
        scored.append((-sum(float(a) * float(b) for a, b in zip(row, query, strict=True)), id))
    return [(id, -score) for score, id in sorted(scored)[:k]]


def rows_of(embeddings: Any) -> np.ndarray:
    return np.asarray(embeddings.matrix.todense())


@pytest.fixture
def index(tmp_path: Path) -> Any:
    made = LexiconIndex(tmp_path / "index", TERMS, bits=32)
    yield made
    made.close()


def test_float_weights_rank_as_plain_loops_do(index: LexiconIndex) -> None:
    assert isinstance(index, Index) and index.dim == TERMS
    data, queries = sparse(150), sparse(5, 1)
    ids = np.random.default_rng(2).permutation(1000)[:150].astype(np.int64)
    index.add(ids, data)
    stored = dict(zip(ids.tolist(), rows_of(data), strict=True))
    for query, ranking in zip(rows_of(queries), index.search(queries, 20), strict=True):
        expected = by_hand(stored, query, 20)
        assert ranking.ids.tolist() == [id for id, _ in expected]
        np.testing.assert_allclose(ranking.scores, [score for _, score in expected], atol=TOLERANCE)


def test_equal_items_get_equal_scores_and_go_by_id_in_whatever_segment(index: LexiconIndex) -> None:
    one = sparse(1, 3, 20)
    order = np.random.default_rng(5).permutation(60)
    for id in order:
        index.add(
            np.array([id, 1000 + id]), LexiconEmbeddings(csr_matrix(np.vstack([rows_of(one), rows_of(sparse(1, id))])))
        )
    for k in (1, 7, 59):
        ranking = index.search(one, k)[0]
        assert ranking.ids.tolist() == list(range(k)) and len(set(ranking.scores.tolist())) == 1


@pytest.mark.parametrize("always", [True, False])
@pytest.mark.parametrize("k", [1, 10, 63, 5000])
def test_dropping_rows_early_changes_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, always: bool, k: int
) -> None:
    """With thresholds that make it look after every term, and with ones that make it never look."""
    monkeypatch.setattr(maxscore, "_WORTH_A_LOOK", 0 if always else 1 << 60)
    monkeypatch.setattr(maxscore, "_LOOK_UP_COST", 0.001)
    monkeypatch.setattr(maxscore, "_BLOCKS", 512)
    data, queries = sparse(3000, 4), sparse(10, 5)
    index, reference = LexiconIndex(tmp_path, TERMS, bits=32), MemoryIndex("lexicon", TERMS)
    for start in range(0, 3000, 1000):
        index.add(np.arange(start, start + 1000), data[start : start + 1000])
    reference.add(np.arange(3000), data)
    for got, expected in zip(index.search(queries, k), reference.search(queries, k), strict=True):
        # Neighbours closer than rounding may change places; nobody may be missing.
        assert set(got.ids[:-1].tolist()) <= set(expected.ids.tolist()) and len(got) == len(expected)
        np.testing.assert_allclose(got.scores, expected.scores, atol=TOLERANCE)


def test_it_really_drops_rows_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One heavy rare term and one light common one: the common list is looked up for a few rows, not added."""
    monkeypatch.setattr(maxscore, "_WORTH_A_LOOK", 100)
    looked: list[int] = []
    real = maxscore._look_up
    monkeypatch.setattr(maxscore, "_look_up", lambda *about: looked.append(len(about[2])) or real(*about))
    dense = np.zeros((5000, 3), np.float32)
    dense[:, 0] = 0.05
    dense[::50, 1] = np.linspace(0.5, 1, 100)
    index = LexiconIndex(tmp_path, 3, bits=32)
    index.add(np.arange(5000), LexiconEmbeddings(csr_matrix(dense)))
    query = LexiconEmbeddings(csr_matrix([[0.3, 1.0, 0.0]]))
    ranking = index.search(query, 5)[0]
    assert ranking.ids.tolist() == [4950, 4900, 4850, 4800, 4750]
    assert looked and looked[0] < 200


def test_a_byte_per_weight_errs_by_half_a_step_per_term(tmp_path: Path) -> None:
    data, queries = sparse(200), sparse(6, 1)
    index = LexiconIndex(tmp_path, TERMS)
    index.add(np.arange(200), data)
    exact = queries.score(data)
    step = 1 / 255
    for row, ranking in enumerate(index.search(queries, 200)):
        bound = rows_of(queries)[row].sum() * step / 2 + TOLERANCE
        assert np.abs(ranking.scores - exact[row, ranking.ids]).max() <= bound
    back = rows_of(index.vectors(np.arange(200)))
    assert np.abs(back - rows_of(data)).max() <= step / 2 + 1e-6
    assert index.stats()["clipped"] == 0


def test_the_heaviest_terms_stay_and_ties_go_to_the_lower_term(tmp_path: Path) -> None:
    index = LexiconIndex(tmp_path, 5, bits=32, topk=2)
    index.add(np.array([0, 1]), LexiconEmbeddings(csr_matrix([[0.1, 0.5, 0.5, 0.5, 0.9], [0, 0, 0, 0, 0.3]])))
    np.testing.assert_allclose(rows_of(index.vectors(np.array([0, 1]))), [[0, 0.5, 0, 0, 0.9], [0, 0, 0, 0, 0.3]])


def test_weights_above_the_ceiling_are_cut_and_counted(tmp_path: Path) -> None:
    index = LexiconIndex(tmp_path, 2, ceiling=2.0)
    index.add(np.array([0]), LexiconEmbeddings(csr_matrix([[3.0, 1.0]])))
    np.testing.assert_allclose(rows_of(index.vectors(np.array([0]))), [[2.0, 1.0]], atol=1 / 255)
    assert index.stats()["clipped"] == 1


def test_items_without_a_common_term_fill_up_by_id(index: LexiconIndex) -> None:
    index.add(np.array([9, 4, 7]), LexiconEmbeddings(csr_matrix(np.eye(3, TERMS, dtype=np.float32))))
    nothing = LexiconEmbeddings(csr_matrix(np.eye(1, TERMS, 50, dtype=np.float32)))
    assert index.search(nothing, 2)[0].ids.tolist() == [4, 7]
    empty = LexiconEmbeddings(csr_matrix((1, TERMS), dtype=np.float32))
    assert index.search(empty, 9)[0].ids.tolist() == [4, 7, 9]
    assert index.search(nothing, 5, np.array([7, 99]))[0].ids.tolist() == [7]
    assert len(index.search(nothing, 5, np.zeros(0, np.int64))[0]) == 0


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from("arfo"), st.integers(0, 30), st.integers(0, 99)), max_size=25))
def test_any_history_leaves_what_a_dictionary_would(tmp_path_factory: Any, steps: list[tuple[str, int, int]]) -> None:
    """a: add three items, r: remove two, f: flush, o: open again without flushing."""
    folder = tmp_path_factory.mktemp("history")
    index = LexiconIndex(folder, TERMS, bits=32)
    now: dict[int, np.ndarray] = {}
    kept: dict[int, np.ndarray] = {}
    for what, id, seed in steps:
        if what == "a":
            fresh = sparse(3, seed, 4)
            index.add(np.array([id, id + 5, id + 9]), fresh)
            now |= dict(zip((id, id + 5, id + 9), rows_of(fresh), strict=True))
        elif what == "r":
            index.remove(np.array([id, id + 5]))
            now.pop(id, None), now.pop(id + 5, None)
        elif what == "f":
            index.flush()
            kept = dict(now)
        else:
            index.close()
            index, now = LexiconIndex(folder), dict(kept)
    assert index.ids().tolist() == sorted(now) and len(index) == len(now)
    query = sparse(1, 7)
    expected = by_hand(now, rows_of(query)[0], 10)
    got = index.search(query, 10)[0]
    np.testing.assert_allclose(got.scores, [score for _, score in expected], atol=TOLERANCE)
    if now:
        np.testing.assert_allclose(rows_of(index.vectors(np.array(sorted(now)))), [now[id] for id in sorted(now)])
    index.close()


def test_segments_stay_few_and_files_do_not_pile_up(tmp_path: Path) -> None:
    index = LexiconIndex(tmp_path, TERMS, bits=32)
    data = sparse(200)
    for start in range(0, 200, 5):
        index.add(np.arange(start, start + 5), data[start : start + 5])
        index.remove(np.array([start]))
        index.flush()
    assert index.stats()["segments"] <= 9 and len(list(tmp_path.iterdir())) <= 20
    assert len(index) == 160
    again = LexiconIndex(tmp_path)
    assert again.ids().tolist() == index.ids().tolist()


def test_more_rows_than_a_segment_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import openitr.index.lexicon as lexicon

    monkeypatch.setattr(lexicon, "ROWS", 64)
    data, query = sparse(500), sparse(2, 1)
    index, reference = LexiconIndex(tmp_path, TERMS, bits=32), MemoryIndex("lexicon", TERMS)
    index.add(np.arange(500), data)
    index.flush()
    reference.add(np.arange(500), data)
    for got, expected in zip(index.search(query, 30), reference.search(query, 30), strict=True):
        assert got.ids.tolist() == expected.ids.tolist()


def test_searching_goes_on_while_another_thread_adds_and_removes(index: LexiconIndex) -> None:
    base = sparse(100)
    index.add(np.arange(100), base)
    faults: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            ranking = index.search(base[[0]], 20)[0]
            if len(ranking) != 20 or ranking.ids[0] != 0:
                faults.append(len(ranking))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for step in range(15):
        index.add(np.arange(1000 + 20 * step, 1020 + 20 * step), sparse(20, 10 + step))
        index.remove(np.arange(1000 + 20 * step, 1005 + 20 * step))
        index.flush()
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == [] and len(index) == 100 + 15 * 15


def test_what_does_not_fit_is_refused(tmp_path: Path, index: LexiconIndex) -> None:
    for wrong in (DenseEmbeddings(np.eye(1, TERMS, dtype=np.float32)), LexiconEmbeddings(csr_matrix((1, 9)))):
        with pytest.raises(ShapeError):
            index.add(np.array([1]), wrong)
        with pytest.raises(ShapeError):
            index.search(wrong, 1)
    with pytest.raises(ShapeError):
        index.search(sparse(1), 0)
    with pytest.raises(KeyError):
        index.vectors(np.array([3]))
    for options in ({"bits": 4}, {"topk": 0}, {"ceiling": 0.0}):
        with pytest.raises(InputError):
            LexiconIndex(tmp_path / "other", TERMS, **options)
    with pytest.raises(ShapeError, match="no index yet"):
        LexiconIndex(tmp_path / "fresh")
    with pytest.raises(ShapeError, match="for an index of 200"):
        LexiconIndex(tmp_path / "index", TERMS + 1)


def test_damage_is_named_and_never_followed_out_of_the_folder(tmp_path: Path) -> None:
    index = LexiconIndex(tmp_path / "a", TERMS)
    index.add(np.arange(20), sparse(20))
    index.flush()
    index.close()
    manifest = tmp_path / "a" / "lexicon.json"
    good = manifest.read_text()
    facts = json.loads(good)
    changes: list[dict[str, Any]] = [{"format": 9}]
    changes += [{"segments": [[name, ""]]} for name in ("../segment-000001.lexicon", "segment-000099.lexicon")]
    for bad in ("{", "[]", *(json.dumps(facts | change) for change in changes)):
        manifest.write_text(bad)
        with pytest.raises(DamagedCollection):
            LexiconIndex(tmp_path / "a")
    manifest.write_text(good)
    segment = next((tmp_path / "a").glob("segment-*"))
    whole = segment.read_bytes()
    for cut in (0, 5, 40, len(whole) // 2, len(whole) - 64):
        segment.write_bytes(whole[:cut])
        with pytest.raises(DamagedCollection):
            LexiconIndex(tmp_path / "a")
    segment.write_bytes(whole)
    assert len(LexiconIndex(tmp_path / "a")) == 20


def test_it_takes_three_bytes_a_posting(tmp_path: Path) -> None:
    """64 terms of 30,522 an item: from anywhere, in steps that keep them different."""
    rng = np.random.default_rng(0)
    first, step = rng.integers(0, 30_522, (2000, 1)), rng.integers(1, 30_522 // 64, (2000, 1))
    columns = np.sort((first + step * np.arange(64)) % 30_522, axis=1)
    weights = rng.random((2000, 64)).astype(np.float32)
    matrix = csr_matrix((weights.ravel(), columns.ravel(), np.arange(0, 2000 * 64 + 1, 64)), shape=(2000, 30_522))
    index = LexiconIndex(tmp_path, 30_522, topk=64)
    index.add(np.arange(2000), LexiconEmbeddings(matrix))
    index.flush()
    # 192 bytes of postings, 8 of the id, and 13 a term that occurs, which 2,000 items hardly share.
    assert index.stats()["bytes"] < 2000 * (192 + 8) + 30_522 * 13 + 4096


def test_single_weights_and_who_holds_a_term(tmp_path: Path) -> None:
    """Across segments, removed and replaced items among them."""
    index, data = LexiconIndex(tmp_path, TERMS), sparse(90, 3)
    for start in range(0, 90, 30):
        index.add(np.arange(start, start + 30), data[start : start + 30])
        index.flush()
    index.remove(np.array([5, 40]))
    index.add(np.array([7]), data[[80]])
    left = [id for id in range(90) if id not in (5, 40)]
    stored = rows_of(index.vectors(np.array(left)))
    terms = np.array([0, 3, 199, 1])
    np.testing.assert_array_equal(index.weights(np.array(left), terms), stored[:, terms])
    for term in (0, 3, 199):
        for least in (0.0, 0.2):
            wanted = [id for id, row in zip(left, stored, strict=True) if row[term] > least]
            assert index.holding(term, least).tolist() == wanted
    with pytest.raises(KeyError):
        index.weights(np.array([5]), terms)
