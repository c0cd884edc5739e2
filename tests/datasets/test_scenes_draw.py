"""Pictures, masks and boxes agree with each other, and stay the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.datasets.scenes import (
    BACKGROUNDS,
    COLOURS,
    KINDS,
    PATTERNS,
    SIZES,
    Scene,
    Thing,
    World,
    boxes,
    masks,
    render,
    visibility,
)
from openitr.datasets.scenes.artwork import TRIMMED
from openitr.errors import InputError

WORLD = World(things=(1, 6), arranged=1.0)


def _thing(kind: str, colour: str = "red", size: str = "large", pattern: str = "plain", x: float = 0.5) -> Thing:
    return Thing(kind, colour, size, pattern, x, 0.5, "blue" if kind in TRIMMED else None)


def _extent_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the true pixels, by plain loops."""
    found = [(x, y) for y in range(mask.shape[0]) for x in range(mask.shape[1]) if mask[y, x]]
    xs, ys = [x for x, _ in found], [y for _, y in found]
    return min(xs), min(ys), max(xs) + 1, max(ys) + 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", list(SIZES))
def test_box_is_tight_around_what_is_drawn(kind: str, size: str) -> None:
    scene = Scene((_thing(kind, size=size),))
    pixels = 160
    drawn = _extent_of((render(scene, pixels) != render(Scene(()), pixels)).any(axis=2))
    mask = _extent_of(masks(scene, pixels)[0])
    # 0.5 px from rounding the centre to a pixel, and up to 1 px of antialiasing at the edge.
    slack = 1.5
    for measured in (drawn, mask):
        assert np.abs(np.array(measured) - boxes(scene, pixels)[0]).max() <= slack, (measured, boxes(scene, pixels))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9))
def test_masks_are_what_painting_in_order_leaves(seed: int) -> None:
    scene, size = WORLD.sample(seed), 48
    alone = [masks(Scene((t,), scene.background), size)[0] for t in scene.things]
    owner = np.full((size, size), -1)
    for i, mask in enumerate(alone):
        owner[mask] = i
    seen = masks(scene, size)
    for i in range(len(scene.things)):
        np.testing.assert_array_equal(seen[i], owner == i)
        assert visibility(scene, size)[i] == pytest.approx((owner == i).sum() / alone[i].sum())
    np.testing.assert_array_equal(masks(scene, size, hidden=True), np.array(alone))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9))
def test_sampled_scenes_show_every_thing(seed: int) -> None:
    scene = WORLD.sample(seed)
    assert visibility(scene, 96).min() >= 0.4
    for thing in scene.things:
        assert min(thing.box) >= 0 and max(thing.box) <= 1
    assert scene == WORLD.sample(seed)
    np.testing.assert_array_equal(render(scene, 32), render(WORLD.sample(seed), 32))


@pytest.mark.parametrize("size", [8, 33, 64, 100, 256])
def test_any_size_shows_the_same_picture(size: int) -> None:
    scene = World(backgrounds=("meadow",)).sample(4)
    picture = render(scene, size)
    assert picture.shape == (size, size, 3) and picture.dtype == np.uint8
    if size >= 64:
        # The same scene at another size differs by where edges fall on pixels, so compare coarse means.
        small, large = (_coarse(p) for p in (picture, render(scene, 512)))
        assert np.abs(small - large).mean() < 6


def _coarse(picture: np.ndarray, cells: int = 4) -> np.ndarray:
    edges = np.linspace(0, len(picture), cells + 1).round().astype(int)
    spans = list(pairwise(edges))
    return np.array([[picture[a:b, c:d].mean(axis=(0, 1)) for c, d in spans] for a, b in spans])


def test_colours_patterns_and_backgrounds_can_be_told_apart() -> None:
    # At 64 px the middle of a large plain circle is the named colour itself.
    for a in COLOURS:
        for b in COLOURS:
            one, two = (render(Scene((_thing("circle", c),)), 64)[32, 32].astype(int) for c in (a, b))
            assert a == b or np.abs(one - two).sum() > 60, (a, b)
    for size in SIZES:
        looks = [render(Scene((_thing("square", "red", size, p),)), 64).astype(int) for p in PATTERNS]
        for i in range(3):
            for j in range(i):
                assert np.abs(looks[i] - looks[j]).sum(axis=2).max() > 150
    means = [render(Scene((), b), 64).reshape(-1, 3).mean(axis=0) for b in BACKGROUNDS]
    assert all(np.abs(means[i] - means[j]).max() > 4 for i in range(len(means)) for j in range(i))


def test_kinds_have_silhouettes_of_their_own() -> None:
    shapes = {k: masks(Scene((_thing(k),)), 64)[0] for k in KINDS}
    for a in KINDS:
        for b in KINDS:
            overlap = (shapes[a] & shapes[b]).sum() / (shapes[a] | shapes[b]).sum()
            assert a == b or overlap < 0.93, (a, b, overlap)


def test_golden_picture() -> None:
    # Coarse means, so that another Pillow's antialiasing passes and another drawing does not.
    means = _coarse(render(World().sample(2026), 64)).mean(axis=2).round(1)
    assert np.abs(means - np.array(GOLDEN)).max() < 2.0, means.tolist()


GOLDEN = [
    [219.7, 208.0, 218.8, 214.6],
    [192.3, 163.3, 182.3, 193.8],
    [154.6, 146.8, 143.5, 147.9],
    [142.8, 142.7, 140.4, 140.7],
]


def test_senseless_sizes_are_refused() -> None:
    for size in (0, 7, 4096):
        with pytest.raises(InputError, match="use 8 to 2048"):
            render(Scene(()), size)
