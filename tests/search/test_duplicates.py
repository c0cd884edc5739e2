"""Duplicates in a hand-made collection: what is joined, why, and what is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.errors import InputError
from openitr.index.memory import MemoryIndex
from openitr.search.duplicates import Thresholds, close_pairs, find_duplicates, keeper_of, typical_cosine
from openitr.search.lookalike import Looks
from openitr.types import Item
from tests.search.fakes import item, unit
from tests.search.test_lookalike import scene

RNG = np.random.default_rng(0)


def world(pictures: list[np.ndarray], vectors: np.ndarray, items: list[Item]) -> tuple[list[Item], MemoryIndex, Looks]:
    index = MemoryIndex("dense", vectors.shape[1])
    index.add(np.array([i.id for i in items]), unit(vectors))
    return items, index, Looks.of(pictures)


def filler(n: int, first: int) -> tuple[list[np.ndarray], np.ndarray, list[Item]]:
    """Unrelated pictures, so that random pairs are typical."""
    vectors = np.random.default_rng(first).normal(size=(n, 16))
    return [scene(first + i) for i in range(n)], vectors, [item(first + i) for i in range(n)]


def near(vector: np.ndarray, amount: float, seed: int) -> np.ndarray:
    return vector + amount * np.random.default_rng(seed).normal(size=16)


def test_copies_by_bytes_and_by_pixels_near_copies_and_similar_ones() -> None:
    pictures, vectors, items = filler(30, 100)
    base = np.random.default_rng(5).normal(size=16)
    one = scene(1)
    pictures += [one, one, one, np.clip(one.astype(int) + 12, 0, 255).astype(np.uint8), scene(2)]
    # 1 and 2 share bytes; 3 holds the same pixels in another file; 4 is brighter; 5 is another view of the scene.
    vectors = np.concatenate([vectors, [base, base, base, near(base, 0.05, 1), near(base, 0.1, 2)]])
    items += [
        item(1, sha256="a"),
        item(2, sha256="a"),
        item(3, sha256="b"),
        item(4, sha256="c", width=400, height=300),
        item(5, sha256="d"),
    ]
    asked: list[tuple[int, int]] = []

    def same_pixels(a: Item, b: Item) -> bool:
        asked.append((a.id, b.id))
        return {a.id, b.id} <= {1, 2, 3}

    groups = find_duplicates(*world(pictures, vectors, items), same_pixels=same_pixels)
    assert [(g.kind, {i.id for i in g.items}) for g in groups] == [("near", {1, 2, 3, 4}), ("similar", {1, 5})]
    duplicate = groups[0]
    assert duplicate.keeper.id == 4 == duplicate.items[0].id
    assert duplicate.why[0] == "keep: the largest, 400 x 300"
    assert not any({a, b} == {1, 2} for a, b in asked)  # the bytes said it already
    only = find_duplicates(*world(pictures, vectors, items), same_pixels=same_pixels, kind="similar")
    assert [g.kind for g in only] == ["similar"]


def test_a_group_of_copies_is_called_so() -> None:
    pictures, vectors, items = filler(10, 100)
    pictures += [scene(1), scene(1)]
    vectors = np.concatenate([vectors, np.tile(RNG.normal(size=16), (2, 1))])
    items += [item(1, sha256="a", mtime_ns=2), item(2, sha256="a", mtime_ns=1)]
    (group,) = find_duplicates(*world(pictures, vectors, items))
    assert (group.kind, group.keeper.id) == ("copy", 2)
    assert list(group.why) == ["keep: the oldest file", "the same bytes"]
    assert group.to_json()["items"][0]["id"] == 2


def test_plain_pictures_are_no_duplicates_unless_all_agrees() -> None:
    pictures, vectors, items = filler(20, 100)
    base = np.random.default_rng(5).normal(size=16)
    for n, shade in enumerate((250, 250, 200, 120)):
        pictures.append(np.full((40, 60, 3), shade, np.uint8))
        items.append(item(n + 1))
    vectors = np.concatenate([vectors, [base, base, near(base, 0.02, 1), near(base, 0.02, 2)]])
    groups = find_duplicates(*world(pictures, vectors, items))
    assert [{i.id for i in g.items} for g in groups if g.kind == "near"] == [{1, 2}]


def test_the_same_hash_with_other_content_is_left_alone_and_so_is_the_reverse() -> None:
    pictures, vectors, items = filler(20, 100)
    a, b = np.random.default_rng(5).normal(size=(2, 16))
    pictures += [scene(1), scene(1), scene(2), scene(3)]
    items += [item(n) for n in (1, 2, 3, 4)]
    vectors = np.concatenate([vectors, [a, b, a, a]])
    groups = find_duplicates(*world(pictures, vectors, items))
    assert all(g.kind == "similar" for g in groups)
    assert {1, 2} not in [{i.id for i in g.items} for g in groups]


def test_a_mirror_image_is_a_near_copy() -> None:
    pictures, vectors, items = filler(10, 100)
    base = np.random.default_rng(5).normal(size=16)
    pictures += [scene(1), scene(1)[:, ::-1]]
    items += [item(1), item(2)]
    (group,) = find_duplicates(*world(pictures, np.concatenate([vectors, [base, near(base, 0.03, 1)]]), items))
    assert group.kind == "near" and "mirror image" in group.why[1]


def test_similar_scenes_do_not_chain() -> None:
    """A row of pictures, each like the next only: stars, not one long group."""
    pictures, vectors, items = filler(40, 100)
    angles = np.linspace(0, 2.2, 8)
    row = np.zeros((8, 16))
    row[:, 0], row[:, 1] = np.cos(angles), np.sin(angles)
    pictures += [scene(n) for n in range(8)]
    items += [item(n + 1) for n in range(8)]
    groups = find_duplicates(*world(pictures, np.concatenate([vectors, row]), items))
    for group in groups:
        assert group.kind == "similar" and len(group.items) <= 3


def test_pairs_against_all_pairs() -> None:
    vectors = unit(np.random.default_rng(3).normal(size=(40, 4)))
    ids = np.arange(40) * 3
    index = MemoryIndex("dense", 4)
    index.add(ids, vectors)
    middle = typical_cosine(index, ids)
    for block in (7, 1024):
        pairs = close_pairs(index, ids, 0.6, 39, block=block)
        expected = {
            (a, b)
            for a in range(40)
            for b in range(a + 1, 40)
            if (float(vectors.values[a] @ vectors.values[b]) - middle) / (1 - middle) >= 0.6
        }
        assert set(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True)) == expected


def test_small_and_empty_collections() -> None:
    for n in (0, 1):
        pictures, vectors, items = filler(n, 100)
        assert find_duplicates(*world(pictures, vectors.reshape(n, 16), items)) == []


def test_wrong_calls() -> None:
    pictures, vectors, items = filler(3, 100)
    items_, index, looks = world(pictures, vectors, items)
    with pytest.raises(InputError, match="exact"):
        find_duplicates(items_, index, looks, kind="exact")
    with pytest.raises(InputError, match="2 pictures, 3 looks"):
        find_duplicates(items_[:2], index, looks)
    with pytest.raises(InputError, match="dense"):
        close_pairs(MemoryIndex("late", 4), np.arange(3), 0.5, 5)


def test_the_keeper_is_the_largest_then_the_oldest() -> None:
    big, old, new = item(3, width=200), item(2, mtime_ns=1), item(1, mtime_ns=5)
    assert keeper_of([new, old, big]) is big
    assert keeper_of([new, old]) is old
    assert Thresholds().near_bits < 20
