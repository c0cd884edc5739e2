"""A run may be asked by another model, if that one makes the same vectors of pictures."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from openitr.encoders import load
from openitr.errors import FingerprintMismatch
from openitr.library import Library, create


def neighbour(name: str) -> ModuleType:
    """A builder of the encoders' tests; with importlib mode it cannot be imported by name."""
    path = Path(__file__).parents[1] / "encoders" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"same_pictures_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Three models: the second has the first one's pictures and another text side, the third other pictures."""
    tiny, root = neighbour("tiny"), tmp_path_factory.mktemp("models")
    made = {name: tiny.onnx_folder(root / name, seed=seed) for name, seed in (("own", 0), ("other", 0), ("strange", 1))}
    (made["other"] / "text_head.onnx").write_bytes((made["strange"] / "text_head.onnx").read_bytes())
    return {name: str(folder) for name, folder in made.items()}


@pytest.fixture
def library(models: dict[str, str], tmp_path: Path) -> Library:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    rng = np.random.default_rng(0)
    for i in range(5):
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(pictures / f"{i}.png")
    found = create(tmp_path / "c", model=models["own"])
    found.index(pictures, workers=1)
    return found


def test_another_reader_asks_the_same_vectors(library: Library, models: dict[str, str]) -> None:
    other = load(models["other"])
    assert other.fingerprint != load(models["own"]).fingerprint
    hits = library.search("two dogs", model=models["other"])
    index = library.collection.run().index
    ids = index.ids()
    scores = other.encode_texts(["two dogs"]).values @ np.asarray(index.vectors(ids).values).T
    best = sorted(range(len(ids)), key=lambda i: -scores[0, i])
    assert [hit.item.id for hit in hits] == [int(ids[i]) for i in best]
    assert np.allclose([hit.score for hit in hits], scores[0][best], atol=1e-3)
    plain = library.search("two dogs")
    assert [round(hit.score, 4) for hit in plain] != [round(hit.score, 4) for hit in hits]


def test_a_ready_one_does_as_well(library: Library, models: dict[str, str]) -> None:
    by_name = library.search("two dogs", model=models["other"])
    ready = library.search("two dogs", model=load(models["other"]))
    assert [(h.item.id, h.score) for h in by_name] == [(h.item.id, h.score) for h in ready]


def test_other_pictures_are_refused(library: Library, models: dict[str, str]) -> None:
    for model in (models["strange"], load(models["strange"])):
        with pytest.raises(FingerprintMismatch, match="openitr reindex"):
            library.search("two dogs", model=model)


def test_new_pictures_go_to_the_run_there_is(library: Library, models: dict[str, str], tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    Image.new("RGB", (8, 8), "red").save(more / "red.png")
    report = library.index(more, model=models["other"], workers=1)
    assert report.added == 1
    assert [library.collection.run(name).spec for name in library.collection.run_names()] == [f"onnx:{models['own']}"]


def test_the_own_model_changed_meanwhile(library: Library, models: dict[str, str], tmp_path: Path) -> None:
    manifest = Path(models["own"]) / "model.json"
    before = manifest.read_text()
    try:
        manifest.write_text(json.dumps(json.loads(before) | {"output": "embedding", "text": _shorter(before)}))
        with pytest.raises(FingerprintMismatch):
            library.search("two dogs", model=models["other"])
    finally:
        manifest.write_text(before)


def _shorter(stored: str) -> dict[str, object]:
    return {**json.loads(stored)["text"], "max_tokens": 12}
