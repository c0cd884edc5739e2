"""Models over the same graphs, asked together: the same embeddings as alone, and the shared graphs run once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from openitr.encoders.checks import pictures
from openitr.encoders.onnx import OnnxEncoder, OnnxTowers
from openitr.encoders.together import Together
from openitr.errors import InputError


@pytest.fixture
def home(tiny: ModuleType, tmp_path: Path) -> Path:
    """Three folders: "own"; "longer", whose image side goes on from own's; and "other", which shares nothing."""
    tiny.onnx_folder(tmp_path / "own")
    tiny.onnx_folder(tmp_path / "other", seed=1)
    longer = tiny.onnx_folder(tmp_path / "longer", seed=2)
    # It takes what the first model wants of its graphs, and one output that the first leaves alone.
    tiny.save_graph(
        longer / "more.onnx",
        [
            helper.make_node("MatMul", ["flat", "mix"], ["turned"]),
            helper.make_node("Add", ["turned", "embedding"], ["summed"]),
            helper.make_node("LpNormalization", ["summed"], ["more"], axis=1, p=2),
        ],
        [tiny.value("flat", tiny.FLOAT, "n", 48), tiny.value("embedding", tiny.FLOAT, "n", tiny.DIM)],
        [tiny.value("more", tiny.FLOAT, "n", tiny.DIM)],
        {"mix": np.random.default_rng(3).normal(size=(48, tiny.DIM)).astype(np.float32) / 255},
    )
    # The text side must put out what the folder names as well.
    head = onnx.load(longer / "text_head.onnx")
    head.graph.output[0].name = head.graph.node[-1].output[0] = "more"
    onnx.save(head, longer / "text_head.onnx")
    graphs = ["../own/image.onnx", "../own/image_head.onnx", "more.onnx"]
    tiny.change(longer, image={"graphs": graphs}, output="more")
    return tmp_path


def loaded(home: Path, *names: str) -> list[OnnxEncoder]:
    return [OnnxEncoder(home / name, allow=home) for name in names]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Folders whose image side was run from its beginning."""
    seen: list[str] = []
    whole = OnnxTowers.ran

    def told(self: OnnxTowers, images: Sequence[Any]) -> Iterator[Any]:
        seen.append(self.manifest.folder.name)
        return whole(self, images)

    monkeypatch.setattr(OnnxTowers, "ran", told)
    return seen


@pytest.mark.parametrize("order", [("own", "longer"), ("longer", "own"), ("longer", "other", "own"), ("longer",)])
def test_the_same_as_alone_and_what_is_shared_runs_once(home: Path, runs: list[str], order: tuple[str, ...]) -> None:
    images = [*pictures(), *(np.random.default_rng(4).integers(0, 256, (40, 5, 7, 3), dtype=np.uint8))]
    alone = [encoder.encode_images(images) for encoder in loaded(home, *order)]
    runs.clear()
    together = Together(loaded(home, *order))
    for _ in range(2):
        made = together.encode_images(images)
        # The same graphs on the same batches: equal but for the order in which a sum is taken.
        for mine, theirs in zip(made, alone, strict=True):
            np.testing.assert_allclose(mine.values, theirs.values, atol=1e-6)  # type: ignore[attr-defined]
    assert len(runs) == 2 * len(set(order) - ({"longer"} if len(order) > 1 else set()))


def test_models_of_other_libraries_are_asked_by_themselves(home: Path) -> None:
    class Foreign:
        kind, dim, spec = "dense", 3, "foreign"

        def encode_images(self, images: Sequence[Any]) -> str:
            return f"{len(images)} pictures"

    (own,) = loaded(home, "own")
    made = Together([Foreign(), own]).encode_images(pictures())  # type: ignore[list-item]
    assert made[0] == f"{len(pictures())} pictures"
    np.testing.assert_array_equal(made[1].values, own.encode_images(pictures()).values)  # type: ignore[attr-defined]


def test_other_pixels_are_another_beginning(tiny: ModuleType, home: Path, runs: list[str]) -> None:
    tiny.change(home / "longer", image={"fit": "crop"})
    Together(loaded(home, "own", "longer")).encode_images(pictures())
    assert sorted(runs) == ["longer", "own"]


def test_nothing_to_encode_opens_nothing(home: Path, runs: list[str]) -> None:
    made = Together(loaded(home, "own", "longer")).encode_images([])
    assert [(len(one), one.dim) for one in made] == [(0, 8), (0, 8)]


def test_a_bad_picture_is_named(home: Path) -> None:
    with pytest.raises(InputError, match="picture 33"):
        Together(loaded(home, "own", "longer")).encode_images([pictures()[0]] * 33 + ["cat.jpg"])  # type: ignore[list-item]
