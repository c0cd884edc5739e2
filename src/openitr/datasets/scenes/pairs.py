"""Scenes as a pair dataset, for everything that takes one."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from openitr.datasets.pair import Pair
from openitr.datasets.pairs import PairDataset
from openitr.datasets.scenes.captions import LENGTHS, Length, caption
from openitr.datasets.scenes.draw import render
from openitr.datasets.scenes.languages import LANGUAGES
from openitr.datasets.scenes.sample import World
from openitr.datasets.scenes.scene import Scene
from openitr.errors import DatasetError


def png(scene: Scene, size: int = 128) -> bytes:
    """The rendered picture as a PNG file."""
    held = io.BytesIO()
    Image.fromarray(render(scene, size)).save(held, "png")
    return held.getvalue()


def make_pairs(
    n: int,
    seed: int = 0,
    *,
    world: World | None = None,
    size: int = 128,
    lengths: tuple[Length, ...] = LENGTHS,
    languages: tuple[str, ...] = tuple(LANGUAGES),
) -> PairDataset:
    """``n`` scenes with captions; 80% train, 10% val, 10% test, and no short caption twice.

    Args:
        n: How many, at least 1.
        seed: The same seed gives the same pictures and texts; pair i does not depend on n, only its split does.
        world: The vocabulary.
        size: Side of the pictures, pixels.
        lengths: One text of each, in this order.
        languages: ISO 639-1 codes out of en, de, fr, zh, ar.

    Returns:
        Pairs whose ``metadata["scene"]`` is what :func:`~openitr.datasets.scenes.scene_from_json` reads.

    Raises:
        DatasetError: No pair asked for, an unknown language or length, a world too small for ``n`` different captions.

    >>> pairs = make_pairs(10, size=64, languages=("en", "zh"))
    >>> pairs.splits, len(pairs[0].texts["en"])
    ({'train': 8, 'val': 1, 'test': 1}, 3)
    """
    if n < 1 or not set(languages) <= set(LANGUAGES) or not set(lengths) <= set(LENGTHS) or not lengths:
        raise DatasetError(f"cannot make {n} pairs in {languages} of {lengths}", "see the docstring of make_pairs")
    world, rows, said = world or World(), list[Pair](), set[str]()
    for attempt in range(20 * n + 100):
        if len(rows) == n:
            break
        rng = np.random.default_rng([seed, attempt])
        scene = world.sample(rng)
        short = caption(scene, "short", rng)
        if short.texts["en"] in said:
            continue
        said.add(short.texts["en"])
        told = [short if length == "short" else caption(scene, length, rng) for length in lengths]
        share = (len(rows) + 0.5) / n
        split = "train" if share < 0.8 else "val" if share < 0.9 else "test"
        texts = {code: [c.texts[code] for c in told] for code in languages}
        metadata = {"scene": scene.to_json(), "lengths": list(lengths), "background": scene.background}
        rows.append(Pair(f"scene-{seed}-{len(rows):06d}", png(scene, size), texts, split, metadata))
    if len(rows) < n:
        raise DatasetError(f"the world has only {len(rows)} different captions", "allow more words, or ask for fewer")
    return PairDataset(rows, f"scenes (seed {seed})")
