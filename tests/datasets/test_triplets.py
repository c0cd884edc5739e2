"""Triplets by attributes against a double loop, and of scenes against the scenes themselves."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.datasets.pair import Pair
from openitr.datasets.pairs import PairDataset
from openitr.datasets.scenes import World
from openitr.datasets.triplets import Triplet, attributes, by_attributes, scene_triplets
from openitr.errors import DatasetError, InputError


def shop():
    rng = np.random.default_rng(0)
    rows = []
    for number in range(40):
        has = {"colour": str(rng.choice(["Red", "Blue", "Grey"])), "type": str(rng.choice(["shirt", "shoe"]))}
        has |= {"gender": str(rng.choice(["Men", "Women"]))} if number % 7 else {}
        rows.append(Pair(str(number), b"", metadata={"attributes": has} if number % 2 else has))
    return PairDataset(rows, "shop")


def test_against_a_double_loop():
    pairs = shop()
    found = by_attributes(pairs, "colour", ["type", "gender"])
    expected = set()
    for a in pairs:
        for b in pairs:
            x, y = attributes(a), attributes(b)
            if "gender" not in x or "gender" not in y:
                continue
            if (x["type"], x["gender"]) == (y["type"], y["gender"]) and x["colour"] != y["colour"]:
                expected.add((a.id, f"in {y['colour'].lower()}", b.id))
    assert {(t.reference, t.text, target) for t in found for target in t.targets} == expected
    assert len({(t.reference, t.text) for t in found}) == len(found)


def test_a_drawn_part_is_a_part_and_the_same_each_time():
    pairs = shop()
    whole, some = by_attributes(pairs, "colour", ["type"]), by_attributes(pairs, "colour", ["type"], most=10, seed=3)
    assert len(some) == 10 and set(some) <= set(whole)
    assert some == by_attributes(pairs, "colour", ["type"], most=10, seed=3)
    assert some != by_attributes(pairs, "colour", ["type"], most=10, seed=4)


def test_senseless_calls():
    pairs = shop()
    for wrong in (("colour", [], "in {}"), ("colour", ["colour"], "in {}"), ("colour", ["type"], "in red")):
        with pytest.raises(InputError):
            by_attributes(pairs, wrong[0], wrong[1], wording=wrong[2])
    with pytest.raises(DatasetError, match="differ in season alone"):
        by_attributes(pairs, "season", ["type"])
    for wrong in (("a", "x", ()), ("a", "x", ("a",)), ("a", " ", ("b",))):
        with pytest.raises(DatasetError):
            Triplet(*wrong)
    with pytest.raises(InputError):
        scene_triplets(0)


def test_scenes_are_what_their_edits_made():
    world = World(things=(1, 2))
    found = scene_triplets(12, 5, world=world, siblings=3)
    again = scene_triplets(12, 5, world=world, siblings=3)
    assert found.triplets == again.triplets and found.scenes == again.scenes
    for triplet in found.triplets:
        before, after = found.scenes[triplet.reference], found.scenes[triplet.targets[0]]
        assert before != after
        change = len(after.things) - len(before.things)
        assert change == {"add": 1, "remove": -1}.get(triplet.kind, 0)
        assert (before.background != after.background) == (triplet.kind == "set")
    by_reference = {}
    for triplet in found.triplets:
        by_reference.setdefault(triplet.reference, []).append(found.scenes[triplet.targets[0]])
    for made in by_reference.values():
        assert all(one != other for i, one in enumerate(made) for other in made[i + 1 :])


def test_scenes_as_pictures():
    pairs = scene_triplets(2, siblings=1).pairs(32)
    assert len(pairs) == 4 and pairs[0].read().startswith(b"\x89PNG")


@pytest.mark.real_data
def test_fashion_has_the_same_garment_in_other_colours(real_data):
    from openitr import datasets

    pairs = datasets.read(real_data / "fashion").split("test")
    found = by_attributes(pairs, "baseColour", ["gender", "articleType"])
    by_id = {pair.id: attributes(pair) for pair in pairs}
    assert len(found) > 200
    for triplet in found[::17]:
        a = by_id[triplet.reference]
        for b in (by_id[target] for target in triplet.targets):
            assert a["articleType"] == b["articleType"] and a["baseColour"] != b["baseColour"]
            assert triplet.text == f"in {b['baseColour'].lower()}"
