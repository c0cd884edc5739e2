"""Specs, the list of models, and how light the package is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from openitr import encoders
from openitr.errors import InputError, ModelError


def test_import_is_light() -> None:
    code = (
        "import sys, openitr.encoders; print([m for m in ('numpy', 'onnxruntime', 'torch', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_loads_and_is_sorted() -> None:
    assert encoders.__all__ == sorted(encoders.__all__)
    for name in encoders.__all__:
        assert getattr(encoders, name).__name__ == name


@pytest.mark.parametrize("spec", ["", "no-such-model", "defualt", "clip:ViT", "transformers:", ":", "\0"])
def test_an_unknown_spec_names_the_alternatives(spec: str) -> None:
    with pytest.raises(ModelError, match="use one of") as caught:
        encoders.load(spec)
    for alternative in ("onnx:FOLDER", "transformers:NAME", "open_clip:ARCH/PRETRAINED", "sentence-transformers:NAME"):
        assert alternative in str(caught.value)


def test_a_folder_in_any_way_of_writing_has_one_absolute_spec(
    tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny.onnx_folder(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    specs = {encoders.load(spec).spec for spec in ("tiny", "./tiny", "onnx:tiny", str(folder), f"onnx:{folder}")}
    assert specs == {f"onnx:{folder}"}
    assert encoders.load(specs.pop()).dim == 8


def test_allow_reaches_siblings(tiny: ModuleType, tmp_path: Path) -> None:
    folder = tiny.onnx_folder(tmp_path / "tiny")
    tiny.onnx_folder(tmp_path / "other")
    tiny.change(folder, image={"graphs": ["../other/image.onnx", "image_head.onnx"]})
    with pytest.raises(ModelError, match="leaves"):
        encoders.load(str(folder))
    assert encoders.load(str(folder), allow=tmp_path).dim == 8


def test_a_folder_without_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.json does not exist"):
        encoders.load(str(tmp_path))


def test_threads_below_one() -> None:
    with pytest.raises(InputError, match="threads is 0"):
        encoders.load("default", threads=0)


def test_available_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {info.name: info for info in encoders.available()}
    assert found["onnx:FOLDER"].installed
    monkeypatch.setattr(encoders, "find_spec", lambda name: None)
    missing = {info.extra for info in encoders.available() if not info.installed}
    assert missing == {"transformers", "open-clip", "sentence-transformers"}
