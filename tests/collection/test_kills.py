"""SIGKILL at any moment: nothing that was acknowledged is lost, and the next run ends where an undisturbed one does."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openitr.collection import Collection, verify
from tests.collection import fakes
from tests.collection.fakes import paint_many


def run(place: Path, folder: Path, delay: float = 0.0, kind: str = "dense") -> subprocess.Popen[str]:
    """Index in a process of its own."""
    command = [sys.executable, "-m", "tests.collection.fakes", str(place), str(folder), str(delay), kind]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(fakes.__file__).parents[2])


def state(place: Path) -> dict[str, Any]:
    """All that must not depend on how the collection came about."""
    with Collection.open(place) as collection:
        ids = collection.ids()
        stored = collection.run().index.vectors(ids)
        vectors = [plain(stored[row : row + 1]) for row in range(len(ids))]
        items = collection.items(ids)
        return {
            item.path: (item.sha256, item.captions, item.format, vector, len(collection.thumbnail(item.id)))
            for item, vector in zip(items, vectors, strict=True)
        }


def plain(vectors: Any) -> Any:
    """Numbers of any kind of embeddings."""
    matrix = getattr(vectors, "matrix", None)
    return (matrix.toarray() if matrix is not None else vectors.values).tolist()


def kill_and_compare(base: Path, kills: int, pictures: int, seed: int, kind: str = "dense") -> None:
    folder = base / "pictures"
    paint_many(folder, pictures)
    undisturbed = base / "undisturbed"
    assert run(undisturbed, folder, kind=kind).communicate()[0].endswith("done\n")
    rng = random.Random(seed)
    place, acknowledged, changed = base / "killed", 0, 0
    for _ in range(kills):
        # Slow enough that most kills hit a run that is under way, at whatever it is doing then.
        process = run(place, folder, delay=0.004, kind=kind)
        assert process.stdout is not None
        time.sleep(rng.uniform(0.15, 1.2))
        process.kill()
        lines = [line for line in process.stdout.read().split("\n")[:-1] if line.isdigit()]
        process.wait()
        process.stdout.close()
        acknowledged = max([acknowledged, *map(int, lines)])
        if (place / "collection.json").exists():
            with Collection.open(place) as collection:
                assert len(collection) >= acknowledged
                if len(collection):
                    ids = collection.ids()
                    np.testing.assert_array_equal(collection.run().index.ids(), ids)
                    assert len(collection.run().index.vectors(ids)) == len(ids)
                assert [p.what for p in verify(collection) if p.level == "error"] == []
        if rng.random() < 0.3 and changed < 3:
            changed += 1  # the folder changes between runs too; the undisturbed collection follows at the end
            source = sorted(folder.rglob("*.png"))[rng.randrange(10)]
            source.rename(source.with_name(f"moved-{changed}.png"))
    assert run(place, folder, kind=kind).communicate()[0].endswith("done\n")
    assert run(undisturbed, folder, kind=kind).communicate()[0].endswith("done\n")
    assert state(place) == state(undisturbed)
    assert len(state(place)) == pictures


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_few_kills(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, kills=4, pictures=120, seed=0)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_few_kills_of_term_weights(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, kills=2, pictures=60, seed=1, kind="lexicon")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("kind", ["lexicon", "late"])
def test_kills_of_other_kinds(tmp_path: Path, kind: str) -> None:
    kill_and_compare(tmp_path, kills=12, pictures=200, seed=2, kind=kind)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_thirty_kills(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, kills=30, pictures=1500, seed=1)
