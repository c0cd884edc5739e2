"""Short captions with near misses: one is true, the other is not."""

from __future__ import annotations

from openitr.datasets.scenes import Scene, Thing, World, holds, make_sub_captions


def test_sub_captions_are_true_and_their_misses_false() -> None:
    world = World(things=(2, 4))
    changes = set()
    for seed in range(12):
        scene = world.sample(seed)
        for one in make_sub_captions(scene, seed):
            assert holds(scene, one.statement) and one.texts["en"] != one.wrong["en"]
            changes.add(one.change)
        assert len(make_sub_captions(scene, seed, most=2)) <= 2
    assert {"swap attributes", "swap roles"} <= changes <= {"swap attributes", "swap roles", "relation"}
    twins = Thing("cat", "black", "small", "plain", 0.2, 0.6), Thing("cat", "black", "small", "plain", 0.7, 0.6)
    assert make_sub_captions(Scene(twins)) == []
