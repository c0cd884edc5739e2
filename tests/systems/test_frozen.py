"""Frozen pairs: encoded once, kept, and made again when what was kept is damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openitr.datasets.scenes import make_pairs
from openitr.errors import DatasetError
from openitr.systems import Budget, frozen


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_pairs(6, seed=3, languages=("en",)).write(tmp_path / "data" / "scenes")
    monkeypatch.setenv("OPENITR_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("OPENITR_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_pictures_and_texts_belong_together(home: Path) -> None:
    found = frozen.pairs(Budget(), "scenes")
    assert found.images.shape == (6, found.texts.shape[1]) and len(found.captions) == len(found.texts)
    np.testing.assert_allclose(np.linalg.norm(found.images, axis=1), 1, atol=1e-5)
    assert [found.pairs[int(o)].texts["en"][0] for o in np.unique(found.owners)] == [
        p.texts["en"][0] for p in found.pairs
    ]


def test_what_was_kept_is_read_and_what_is_damaged_is_made_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = frozen.pairs(Budget(), "scenes")
    monkeypatch.setattr(frozen, "_encode", lambda *about: pytest.fail("encoded twice"))
    again = frozen.pairs(Budget(), "scenes")
    np.testing.assert_array_equal(first.images, again.images)
    monkeypatch.undo()
    monkeypatch.setenv("OPENITR_DATA", str(home / "data"))
    monkeypatch.setenv("OPENITR_CACHE", str(home / "cache"))
    (kept,) = (home / "cache" / "frozen").glob("*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    np.testing.assert_array_equal(first.texts, frozen.pairs(Budget(), "scenes").texts)


def test_a_limit_takes_the_first(home: Path) -> None:
    assert frozen.pairs(Budget(), "scenes", limit=2).ids == frozen.pairs(Budget(), "scenes").ids[:2]


def test_no_data_is_said(home: Path) -> None:
    with pytest.raises(DatasetError, match="nothing is not there"):
        frozen.pairs(Budget(), "nothing")
