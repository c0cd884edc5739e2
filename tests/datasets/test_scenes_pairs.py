"""Scenes as a pair dataset."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openitr.datasets.pairs import PairDataset
from openitr.datasets.scenes import LANGUAGES, World, make_pairs, render, scene_from_json
from openitr.errors import DatasetError


def _pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"))


def test_pairs_hold_the_scene_its_picture_and_its_texts() -> None:
    pairs = make_pairs(20, seed=5, size=48)
    assert isinstance(pairs, PairDataset) and pairs.splits == {"train": 16, "val": 2, "test": 2}
    assert set(pairs.languages) == set(LANGUAGES)
    assert len({p.texts["en"][0] for p in pairs}) == 20
    for pair in pairs:
        scene = scene_from_json(pair.metadata["scene"])
        np.testing.assert_array_equal(_pixels(pair.read()), render(scene, 48))
        assert all(len(texts) == 3 for texts in pair.texts.values())


def test_the_same_seed_gives_the_same_pairs() -> None:
    one, two = make_pairs(6, seed=1, size=32), make_pairs(6, seed=1, size=32)
    assert one.content_hash() == two.content_hash() != make_pairs(6, seed=2, size=32).content_hash()
    longer = make_pairs(9, seed=1, size=32)
    assert [p.texts["de"] for p in longer][:6] == [p.texts["de"] for p in one]


def test_lengths_languages_and_worlds_are_choices() -> None:
    world = World(kinds=("star", "heart"), colours=("red",), things=(1, 2), backgrounds=("plain",))
    pairs = make_pairs(3, world=world, lengths=("long",), languages=("fr",), size=32)
    assert list(pairs.languages) == ["fr"] and len(pairs[0].texts["fr"]) == 1
    with pytest.raises(DatasetError, match="different captions"):
        make_pairs(40, world=world, size=16)
    for wrong in ({"n": 0}, {"n": 2, "languages": ("la",)}, {"n": 2, "lengths": ()}):
        with pytest.raises(DatasetError):
            make_pairs(**wrong)  # type: ignore[arg-type]


def test_written_pairs_read_back(tmp_path: Path) -> None:
    from openitr import datasets

    pairs = make_pairs(5, seed=3, size=32, languages=("en", "ar"))
    again = datasets.read(pairs.write(tmp_path / "scenes"))
    assert [dict(p.texts) for p in again] == [dict(p.texts) for p in pairs]
    assert [p.split for p in again] == [p.split for p in pairs]
    assert all(a.read() == b.read() for a, b in zip(again, pairs, strict=True))
    assert scene_from_json(again[0].metadata["scene"]) == scene_from_json(pairs[0].metadata["scene"])
