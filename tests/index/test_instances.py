"""Pictures and places, against the maximum in plain loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openitr.embeddings import DenseEmbeddings
from openitr.errors import InputError, ShapeError
from openitr.evaluate.metrics.boxes import box_recall_at
from openitr.index import InstanceIndex, MemoryIndex

DIM = 5


def unit(count: int, seed: int = 0) -> DenseEmbeddings:
    return DenseEmbeddings.normalise(np.random.default_rng(seed).standard_normal((count, DIM)))


def filled(sizes: list[int]) -> tuple[InstanceIndex, dict[int, tuple[list[tuple[float, ...]], np.ndarray]]]:
    index, by_id = InstanceIndex(DIM), {}
    for picture, size in enumerate(sizes):
        boxes = [(float(i), 0.0, i + 1.0, 2.0) for i in range(size)]
        vectors = unit(size, picture) if size else DenseEmbeddings(np.zeros((0, DIM), np.float32))
        index.add(10 + picture, boxes, vectors)
        by_id[10 + picture] = boxes, vectors.values
    return index, by_id


def test_the_best_box_of_each_picture_by_hand() -> None:
    index, by_id = filled([3, 0, 1, 7, 2])
    for query in unit(6, 99).values:
        scored = [
            (float(query @ vectors[m]), picture, boxes[m])
            for picture, (boxes, vectors) in by_id.items()
            for m in range(len(boxes))
        ]
        best = sorted((max(one for one in scored if one[1] == picture) for picture in (10, 12, 13, 14)), reverse=True)
        got = index.search(DenseEmbeddings(query[None]), 10)[0]
        assert [(hit.picture, hit.box) for hit in got] == [(picture, box) for _, picture, box in best]
        np.testing.assert_allclose([hit.score for hit in got], [score for score, _, _ in best], atol=1e-6)
        every = index.search(DenseEmbeddings(query[None]), 5, per_picture=False)[0]
        assert [(hit.picture, hit.box) for hit in every] == [(p, b) for _, p, b in sorted(scored, reverse=True)[:5]]
        some = index.search(DenseEmbeddings(query[None]), 5, np.array([12, 14, 99]))[0]
        assert {hit.picture for hit in some} == {12, 14}


def test_a_crowd_in_one_picture_hides_no_other() -> None:
    index = InstanceIndex(DIM)
    front = DenseEmbeddings(np.tile(unit(1).values, (200, 1)))
    index.add(1, np.tile([[0, 0, 1, 1]], (200, 1)), front)
    index.add(2, [(0, 0, 2, 2)], unit(1, 5))
    assert [hit.picture for hit in index.search(unit(1), 2)[0]] == [1, 2]


def test_right_picture_and_wrong_box_is_a_miss() -> None:
    eye = DenseEmbeddings(np.eye(3, dtype=np.float32))
    index = InstanceIndex(3)
    index.add(1, [(0, 0, 10, 10), (20, 20, 30, 30)], eye[:2])
    index.add(2, [(0, 0, 10, 10)], eye[2:])
    queries = {"box": eye[:1], "wrong box": eye[:1], "wrong picture": eye[2:]}
    answers = {
        name: [(str(hit.picture), hit.box) for hit in index.search(query, 2)[0]] for name, query in queries.items()
    }
    gold = {
        "box": [("1", (0, 0, 10, 9))],
        "wrong box": [("1", (20, 20, 30, 30))],
        "wrong picture": [("1", (0, 0, 10, 10))],
    }
    assert box_recall_at(answers, gold, 1, 0.5) == pytest.approx(100 / 3)
    assert box_recall_at(answers, gold, 1, 0.95) == 0.0


def test_adding_again_replaces_and_removing_forgets() -> None:
    index, _ = filled([3, 2])
    index.add(10, [(4, 4, 5, 5)], unit(1, 42))
    assert index.stats()["instances"] == 3 and len(index) == 2
    assert index.search(unit(1, 42), 1)[0][0].box == (4, 4, 5, 5)
    index.remove([10, 77])
    assert {hit.picture for hit in index.search(unit(1), 9)[0]} == {11}


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    index, _ = filled([3, 0, 2])
    index.remove([10])
    index.save(tmp_path / "kept.npz")
    again = InstanceIndex.load(tmp_path / "kept.npz")
    assert again.search(unit(3, 8), 4) == index.search(unit(3, 8), 4)
    assert len(again) == 2
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nothing")
    np.savez(tmp_path / "other.npz", ids=np.zeros(2))
    np.savez(tmp_path / "short.npz", ids=[1], counts=[2], boxes=np.zeros((1, 4)), vectors=unit(1).values)
    for name in ("bad", "other", "short", "missing"):
        with pytest.raises(InputError, match=name):
            InstanceIndex.load(tmp_path / f"{name}.npz")


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    index, _ = filled([2])
    for picture, boxes, vectors in (
        (1, [(0, 0, 1, 1)], unit(2)),
        (-1, [(0, 0, 1, 1)], unit(1)),
        (1, [(2, 0, 1, 1)], unit(1)),
        (1, [(0, 0, np.nan, 1)], unit(1)),
        (1, [(0, 0, 1, 1)], DenseEmbeddings(np.eye(2, dtype=np.float32)[:1])),
    ):
        with pytest.raises(ShapeError):
            index.add(picture, boxes, vectors)
    with pytest.raises(ShapeError):
        index.search(unit(1), 0)
    with pytest.raises(ShapeError):
        InstanceIndex(DIM, MemoryIndex("dense", DIM + 1))
    assert len(index) == 1 and index.stats()["instances"] == 2
