"""Composed queries with known answers: a reference, what should be different, and the pictures that are then right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from openitr.datasets.pair import Pair
from openitr.datasets.pairs import PairDataset
from openitr.datasets.scenes.edits import ACTIONS, edit
from openitr.datasets.scenes.pairs import png
from openitr.datasets.scenes.sample import World
from openitr.datasets.scenes.scene import Scene
from openitr.errors import DatasetError, InputError


@dataclass(frozen=True)
class Triplet:
    """One composed query.

    Args:
        reference: Id of the picture that is shown.
        text: What should be different.
        targets: Ids of the pictures that are right; the first is the one the text was written for.
        kind: Of the change ("recolour"), for numbers by kind; "" where there is one kind only.

    Raises:
        DatasetError: No target, the reference among them, or a blank text.
    """

    reference: str
    text: str
    targets: tuple[str, ...]
    kind: str = ""

    def __post_init__(self) -> None:
        if not self.targets or self.reference in self.targets or not self.text.strip():
            raise DatasetError(f"the query on {self.reference!r} has no answer, or no words", "check its files")


def by_attributes(
    pairs: PairDataset,
    change: str,
    keep: Sequence[str],
    *,
    wording: str = "in {}",
    most: int | None = None,
    seed: int = 0,
) -> list[Triplet]:
    """Triplets that attributes make: the same in all that is kept, another value of the one that changes.

    Args:
        pairs: Their ``metadata`` holds the attributes, on top or under "attributes".
        change: Name of the attribute that changes ("baseColour").
        keep: Names of those that stay ("articleType", "gender").
        wording: Of the text; ``{}`` is the new value in lower case.
        most: At most so many triplets, drawn; None for every reference and every value.
        seed: Of the draw.

    Raises:
        InputError: Nothing is kept, or the wording names no value.
        DatasetError: No two pictures differ in nothing else.

    >>> rows = [Pair(n, b"", metadata={"colour": c, "type": "shirt"}) for n, c in (("a", "Red"), ("b", "Blue"))]
    >>> by_attributes(PairDataset(rows), "colour", ["type"])
    [Triplet(reference='a', text='in blue', targets=('b',), kind=''), Triplet(reference='b', text='in red', \
targets=('a',), kind='')]
    """
    if not keep or change in keep or "{}" not in wording:
        raise InputError(f"cannot change {change!r}, keep {list(keep)} and say {wording!r}", 'say "in {}", say')
    groups: dict[tuple[str, ...], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for pair in pairs:
        has = attributes(pair)
        if all(has.get(name) for name in (change, *keep)):
            groups[tuple(has[name] for name in keep)][has[change]].append(pair.id)
    made = [
        Triplet(reference, wording.format(value.lower()), tuple(right))
        for by_value in groups.values()
        for own, ids in by_value.items()
        for reference in ids
        for value, right in by_value.items()
        if value != own
    ]
    if not made:
        raise DatasetError(f"no two pictures of {pairs.name} differ in {change} alone", "keep fewer attributes")
    if most is None or len(made) <= most:
        return made
    chosen = np.random.default_rng(seed).choice(len(made), most, replace=False)
    return [made[row] for row in np.sort(chosen)]


def attributes(pair: Pair) -> Mapping[str, str]:
    """The words of a pair's metadata by name; those under "attributes" come up."""
    inner = pair.metadata.get("attributes")
    every = {**pair.metadata, **(inner if isinstance(inner, Mapping) else {})}
    return {name: value for name, value in every.items() if isinstance(value, str) and value}


@dataclass(frozen=True, eq=False)
class SceneTriplets:
    """Edits of scenes as composed queries.

    Args:
        scenes: Of the gallery, by id.
        triplets: Each with one target, which is in the gallery, as is the reference.
    """

    scenes: Mapping[str, Scene]
    triplets: Sequence[Triplet]

    def pairs(self, size: int = 64) -> PairDataset:
        """The gallery as pictures."""
        return PairDataset([Pair(name, png(scene, size)) for name, scene in self.scenes.items()], "scene triplets")


def scene_triplets(
    n: int,
    seed: int = 0,
    *,
    world: World | None = None,
    actions: tuple[str, ...] = ACTIONS,
    siblings: int = 3,
) -> SceneTriplets:
    """Scenes, edits of them, and what each edit gives; the look-alikes of a target are its siblings.

    Args:
        n: How many references.
        seed: The same seed gives the same scenes and edits.
        world: The vocabulary.
        actions: Edits in use.
        siblings: Different edits of each reference: each is a query, and the others' targets are what it is easily
            taken for.

    Raises:
        InputError: Nothing asked for, or a world in which nothing can be edited.

    >>> found = scene_triplets(3, world=World(things=(1, 1)), actions=("recolour",), siblings=2)
    >>> len(found.scenes), len(found.triplets), found.triplets[0].kind
    (9, 6, 'recolour')
    """
    if n < 1 or siblings < 1:
        raise InputError(f"{n} references with {siblings} edits each", "ask for one at least")
    world = world or World()
    scenes: dict[str, Scene] = {}
    triplets: list[Triplet] = []
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        reference, looks = f"scene-{number:05d}", set[str]()
        before = world.sample(rng)
        scenes[reference] = before
        for made, after, kind, text in _different(before, rng, world, actions, siblings):
            if text in looks:
                continue
            looks.add(text)
            scenes[f"{reference}-{made}"] = after
            triplets.append(Triplet(reference, text, (f"{reference}-{made}",), kind))
    return SceneTriplets(scenes, triplets)


def _different(
    before: Scene, rng: np.random.Generator, world: World, actions: tuple[str, ...], count: int
) -> Iterator[tuple[int, Scene, str, str]]:
    """Edits whose results differ from each other and from what they began with."""
    seen, made = [before], 0
    for _ in range(20 * count):
        if made == count:
            return
        change = edit(before, rng, world, actions)
        if change.after not in seen:
            seen.append(change.after)
            yield made, change.after, change.change.action, change.texts["en"]
            made += 1
