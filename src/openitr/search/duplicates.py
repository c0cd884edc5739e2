"""Copies, near copies and similar pictures, by two signals that must agree.

    copy      the same bytes, or the same pixels in another file
    near      resized, recompressed, lightly cropped or edited: the perceptual hash AND the embedding say so
    similar   the same scene by the embedding alone; not a duplicate

A perceptual hash alone calls plain pictures (skies, scans, screenshots) duplicates of each other, an
embedding alone calls two photos of one dog the same; each is therefore asked only about pairs that the
other accepts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Ints
from openitr.errors import InputError
from openitr.index.base import Index
from openitr.search.lookalike import Looks
from openitr.types import Item

Kind = Literal["copy", "near", "similar"]
KINDS: tuple[Kind, ...] = ("copy", "near", "similar")


@dataclass(frozen=True)
class Thresholds:
    """When two pictures are the same; chosen on transformed training photos (``recipes/calibration``).

    Args:
        near_bits: Most bits of the 63 in which the hashes of near copies differ.
        near_closeness: Least closeness of their embeddings: 0 is a random pair of the collection, 1 the
            same vector.
        colour_gap: Most mean difference of their colour layouts, grey levels.
        plain: Contrast below which the hash is noise; such pictures must agree in colour and embedding
            almost exactly.
        similar_closeness: Least closeness of similar pictures.
        neighbours: How many neighbours of each picture are looked at.
    """

    near_bits: int = 12
    near_closeness: float = 0.75
    colour_gap: float = 40.0
    plain: float = 8.0
    similar_closeness: float = 0.85
    neighbours: int = 24


@dataclass(frozen=True)
class DuplicateGroup:
    """Pictures that are the same, or look it.

    Args:
        kind: The weakest class that holds the group together.
        items: Its pictures, the keeper first.
        keeper: Which one to keep: the largest, then the oldest.
        why: Per item, what ties it to the keeper.
    """

    kind: Kind
    items: Sequence[Item]
    keeper: Item
    why: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "kind": self.kind,
            "keep": self.keeper.id,
            "items": [
                {
                    "id": item.id,
                    "root": item.root,
                    "path": item.path,
                    "width": item.width,
                    "height": item.height,
                    "why": why,
                }
                for item, why in zip(self.items, self.why, strict=True)
            ],
        }


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of row numbers a < b with their closeness."""

    a: Ints
    b: Ints
    closeness: npt.NDArray[np.float32]


def close_pairs(index: Index, ids: Ints, least: float, neighbours: int, block: int = 1024) -> Pairs:
    """Pairs of ids whose embeddings are close, searched block by block: memory grows with n, not with its
    square.

    Args:
        index: Dense.
        ids: (n,) ascending; the numbers in the answer are positions in it.
        least: Least closeness, (cos - m) / (1 - m) with m the mean cosine of random pairs.
        neighbours: At most so many per picture.
        block: Pictures asked at once.
        block: Pictures asked at once.

    Raises:
        InputError: The index is not dense.
    """
    if index.kind != "dense":
        raise InputError(f"duplicates need dense embeddings, this run has {index.kind} ones", "choose a dense run")
    empty = np.empty(0, np.int64)
    if len(ids) < 2:
        return Pairs(empty, empty, np.empty(0, np.float32))
    middle = typical_cosine(index, ids)
    floor = middle + least * (1 - middle)
    found: list[tuple[Ints, Ints, npt.NDArray[np.float32]]] = []
    for start in range(0, len(ids), block):
        rows = np.arange(start, min(start + block, len(ids)))
        rankings = index.search(index.vectors(ids[rows]), neighbours + 1, ids)
        for row, ranking in zip(rows, rankings, strict=True):
            close = ranking.ids[ranking.scores >= floor]
            other = np.searchsorted(ids, close)
            scores = ranking.scores[: len(close)]
            keep = other != row
            found.append((np.full(int(keep.sum()), row, np.int64), other[keep], scores[keep]))
    a, b = np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])
    low, high = np.minimum(a, b), np.maximum(a, b)
    # A pair is found from both sides unless one has more neighbours than were asked for.
    _, first = np.unique(low * len(ids) + high, return_index=True)
    cosine = np.concatenate([f[2] for f in found])[first]
    return Pairs(low[first], high[first], ((cosine - middle) / (1 - middle)).astype(np.float32))


def typical_cosine(index: Index, ids: Ints, sample: int = 256) -> float:
    """Mean cosine of random pairs: what two unrelated pictures have under this model."""
    chosen = np.random.default_rng(0).permutation(len(ids))[:sample]
    vectors = index.vectors(ids[np.sort(chosen)])
    assert isinstance(vectors, DenseEmbeddings)
    scores = vectors.score(vectors)
    n = len(scores)
    return float(min(0.9, (scores.sum() - np.trace(scores)) / (n * (n - 1))))


@dataclass(frozen=True, eq=False)
class Likeness:
    """What the perceptual signal says of pairs, and the verdict of both signals."""

    bits: Ints
    mirror: npt.NDArray[np.bool_]
    near: npt.NDArray[np.bool_]


def judge(looks: Looks, pairs: Pairs, limits: Thresholds) -> Likeness:
    """Which pairs are near copies: hash, colours and embedding agree."""
    bits, gap, mirror = looks.compare(pairs.a, pairs.b)
    one, two = looks.contrast[pairs.a], looks.contrast[pairs.b]
    textured = (bits <= limits.near_bits) & (gap <= limits.colour_gap) & (pairs.closeness >= limits.near_closeness)
    # Plain pictures: the hash is noise, so colour and embedding must leave no doubt, and both must be plain.
    blank = (np.maximum(one, two) < limits.plain) & (gap <= 3.0) & (pairs.closeness >= 0.97)
    return Likeness(bits, mirror, np.where(np.minimum(one, two) < limits.plain, blank, textured))


def find_duplicates(
    items: Sequence[Item],
    index: Index,
    looks: Looks,
    *,
    same_pixels: Callable[[Item, Item], bool] | None = None,
    kind: str | None = None,
    limits: Thresholds | None = None,
) -> list[DuplicateGroup]:
    """Groups of copies, near copies and similar pictures, the surest first.

    Args:
        items: Pictures, all in the index.
        index: Their dense embeddings.
        looks: How they look, in the same order.
        same_pixels: Says whether two files decode to the same pixels; asked only of pairs that look
            identical.
        kind: Only groups of this kind.
        limits: When pictures are the same.

    Raises:
        InputError: An unknown kind, or counts that differ.
    """
    if kind is not None and kind not in KINDS:
        raise InputError(f"there is no kind of duplicate {kind!r}", "use copy, near or similar")
    if len(items) != len(looks):
        raise InputError(f"{len(items)} pictures, {len(looks)} looks", "give one look per picture, in the same order")
    limits = limits or Thresholds()
    order = np.argsort([item.id for item in items], kind="stable")
    ids = np.array([items[i].id for i in order], np.int64)
    ranked = [items[i] for i in order]
    looks = looks[order]

    sets = _Sets(len(ranked))
    for same in _by_bytes(ranked):
        for other in same[1:]:
            sets.join(same[0], other, "copy", "the same bytes")
    pairs = close_pairs(index, ids, min(limits.near_closeness, limits.similar_closeness), limits.neighbours)
    like = judge(looks, pairs, limits)
    for row in np.flatnonzero(like.near):
        a, b, bits, close = int(pairs.a[row]), int(pairs.b[row]), int(like.bits[row]), float(pairs.closeness[row])
        if sets.same_copy(a, b):
            continue
        one, two = ranked[a], ranked[b]
        # Decoding both costs far more than all the rest: only pairs that can be equal are looked at.
        twins = bits <= 2 and close >= 0.98 and (one.width, one.height) == (two.width, two.height)
        if twins and not like.mirror[row] and same_pixels is not None and same_pixels(one, two):
            sets.join(a, b, "copy", "the same pixels in another file")
        else:
            seen = "the mirror image" if like.mirror[row] else "looks the same"
            sets.join(a, b, "near", f"{seen} ({bits} of 63 bits differ, {close:.0%} alike in content)")
    groups = [_group(ranked, members, k, sets) for members, k in sets.groups()]
    far = ~like.near & (pairs.closeness >= limits.similar_closeness)
    groups += _similar(ranked, sets, pairs, far)
    groups = [g for g in groups if kind is None or g.kind == kind]
    return sorted(groups, key=lambda g: (KINDS.index(g.kind), -len(g.items), g.keeper.id))


def _by_bytes(items: Sequence[Item]) -> Iterator[list[int]]:
    where: dict[str, list[int]] = defaultdict(list)
    for row, item in enumerate(items):
        if item.sha256:
            where[item.sha256].append(row)
    return (rows for rows in where.values() if len(rows) > 1)


class _Sets:
    """Disjoint sets that remember why they were joined."""

    def __init__(self, n: int) -> None:
        self.parent = {"copy": list(range(n)), "near": list(range(n))}
        self.ties: dict[tuple[int, int], str] = {}
        self.told: dict[int, str] = {}

    def find(self, level: str, row: int) -> int:
        parent = self.parent[level]
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    def same_copy(self, a: int, b: int) -> bool:
        return self.find("copy", a) == self.find("copy", b)

    def join(self, a: int, b: int, kind: Kind, why: str) -> None:
        a, b = int(a), int(b)
        for level in ("copy", "near") if kind == "copy" else ("near",):
            one, two = self.find(level, a), self.find(level, b)
            self.parent[level][max(one, two)] = min(one, two)
        self.ties[a, b] = why
        self.told.setdefault(b, why)
        self.told.setdefault(a, why)

    def groups(self) -> Iterator[tuple[list[int], Kind]]:
        members: dict[int, list[int]] = defaultdict(list)
        for row in range(len(self.parent["near"])):
            members[self.find("near", row)].append(row)
        for rows in members.values():
            if len(rows) > 1:
                yield rows, "copy" if len({self.find("copy", r) for r in rows}) == 1 else "near"


def keeper_of(items: Sequence[Item]) -> Item:
    """The one to keep: most pixels, then most bytes, then the oldest file, then the lowest id."""
    return min(items, key=lambda i: (-i.width * i.height, -i.size, i.mtime_ns, i.id))


def _group(items: Sequence[Item], rows: Sequence[int], kind: Kind, sets: _Sets) -> DuplicateGroup:
    keeper = keeper_of([items[r] for r in rows])
    rest = sorted(
        (r for r in rows if items[r].id != keeper.id), key=lambda r: (-items[r].width * items[r].height, items[r].id)
    )
    place = next(r for r in rows if items[r].id == keeper.id)
    why = [sets.ties.get((min(place, r), max(place, r)), sets.told[r]) for r in rest]
    return DuplicateGroup(
        kind, [keeper, *(items[r] for r in rest)], keeper, [_why_keep(keeper, [items[r] for r in rest]), *why]
    )


def _why_keep(keeper: Item, rest: Sequence[Item]) -> str:
    if all(keeper.width * keeper.height > i.width * i.height for i in rest):
        return f"keep: the largest, {keeper.width} x {keeper.height}"
    if all(keeper.size > i.size for i in rest):
        return f"keep: the most detail, {keeper.size:,} bytes"
    return "keep: the oldest file" if all(keeper.mtime_ns < i.mtime_ns for i in rest) else "keep: as good as the others"


def _similar(
    items: Sequence[Item], sets: _Sets, pairs: Pairs, chosen: npt.NDArray[np.bool_]
) -> Iterator[DuplicateGroup]:
    """Stars around the picture with the most similar ones, so that a chain of scenes does not become one group."""
    close: dict[int, dict[int, float]] = defaultdict(dict)
    for a, b, closeness in zip(pairs.a[chosen], pairs.b[chosen], pairs.closeness[chosen], strict=True):
        # One picture stands for all its copies and near copies.
        one, two = sets.find("near", int(a)), sets.find("near", int(b))
        if one != two:
            best = max(float(closeness), close[one].get(two, 0.0))
            close[one][two] = close[two][one] = best
    free = set(close)
    for centre in sorted(close, key=lambda r: (-len(close[r]), items[r].id)):
        rows = sorted((r for r in close[centre] if r in free), key=lambda r: -close[centre][r])
        if centre not in free or not rows:
            continue
        free -= {centre, *rows}
        members = [items[centre], *(items[r] for r in rows)]
        why = ["the middle of the group", *(f"{close[centre][r]:.0%} alike in content" for r in rows)]
        yield DuplicateGroup("similar", members, keeper_of(members), why)
