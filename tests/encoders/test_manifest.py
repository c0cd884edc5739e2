"""model.json: what is read, what is refused, and what a fingerprint covers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openitr.encoders import manifest
from openitr.errors import ModelError


@pytest.fixture
def folder(tiny: ModuleType, tmp_path: Path) -> Path:
    made: Path = tiny.onnx_folder(tmp_path / "models" / "tiny")
    return made


def test_reads_what_is_there(folder: Path) -> None:
    model = manifest.read(folder)
    assert (model.name, model.kind, model.dim, model.output) == ("tiny", "dense", 8, "embedding")
    assert model.image.preparation.size == 4
    assert [path.name for path in model.files] == [
        "image.onnx", "image_head.onnx", "text.onnx", "text_head.onnx", "tokenizer.json",
    ]  # fmt: skip
    assert model.size_bytes == sum((folder / path.name).stat().st_size for path in model.files)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"format": 2}, "pip install -U openitr"),
        ({"format": 0}, '"format" is 0'),
        ({"format": None}, 'no "format"'),
        ({"kind": "sparse"}, '"kind" is'),
        ({"dim": "8"}, '"dim" is'),
        ({"dim": True}, '"dim" is True'),
        ({"dim": 10**9}, '"dim" is'),
        ({"output": None}, 'no "output"'),
        ({"image": {"size": 0}}, '"image.size" is 0'),
        ({"image": {"fit": "stretch"}}, "squash or crop or pad"),
        ({"image": {"std": [1, 0, 1]}}, '"image.std"'),
        ({"image": {"mean": [1, 2]}}, "a list of 3 numbers"),
        ({"image": {"graphs": []}}, "1 to 16 file names"),
        ({"image": {"graphs": "image.onnx"}}, "1 to 16 file names"),
        ({"text": {"graphs": ["gone.onnx"]}}, "which is not there"),
        ({"text": {"graphs": ["../../etc/passwd"]}}, "leaves"),
        ({"text": {"tokenizer": "/etc/passwd"}}, "leaves"),
        ({"card": "../../../etc/passwd"}, "leaves"),
        ({"sha256": {"image.onnx": "abc"}}, "64 hex digits"),
        ({"sha256": {"../../x": "0" * 64}}, "leaves"),
        ({"text": ["text.onnx"]}, '"text" is'),
    ],
)
def test_refuses(tiny: ModuleType, folder: Path, fields: dict[str, Any], says: str) -> None:
    tiny.change(folder, **fields)
    with pytest.raises(ModelError, match=r"model\.json") as caught:
        manifest.read(folder)
    assert says in str(caught.value)


def test_refuses_a_link_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.onnx"
    shutil.move(folder / "image.onnx", secret)
    (folder / "image.onnx").symlink_to(secret)
    with pytest.raises(ModelError, match="leaves"):
        manifest.read(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "\0", '{"format": 1'])
def test_refuses_what_is_no_manifest(folder: Path, text: str) -> None:
    (folder / "model.json").write_text(text)
    with pytest.raises(ModelError, match=r"model\.json"):
        manifest.read(folder)


@example({"\x00": None}, "sha256")
@example({"n" * 5000: "0"}, "sha256")
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
    place=st.sampled_from(["format", "name", "kind", "dim", "image", "text", "output", "sha256", "terms", "card"]),
)
@settings(max_examples=150, deadline=None)
def test_any_value_anywhere_is_read_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, tiny: ModuleType, value: Any, place: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    if not folder.exists():
        tiny.onnx_folder(folder)
        shutil.copy(folder / "model.json", folder / "good.json")
    stored = {**json.loads((folder / "good.json").read_text()), place: value}
    (folder / "model.json").write_text(json.dumps(stored))
    try:
        manifest.read(folder)
    except ModelError as error:
        assert "model.json" in str(error)


def test_siblings_only_where_allowed(tiny: ModuleType, folder: Path) -> None:
    towers = folder.parent / "towers"
    towers.mkdir()
    shutil.move(folder / "image.onnx", towers / "image.onnx")
    tiny.change(folder, image={"graphs": ["../towers/image.onnx", "image_head.onnx"]})
    with pytest.raises(ModelError, match="leaves"):
        manifest.read(folder)
    assert manifest.read(folder, allow=folder.parent).image.graphs[0] == towers / "image.onnx"


def test_fingerprint_covers_what_changes_vectors_and_nothing_else(
    tiny: ModuleType, folder: Path, tmp_path: Path
) -> None:
    first = manifest.read(folder).fingerprint()
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy)
    tiny.change(copy, name="other", summary="other words", terms="other terms")
    assert manifest.read(copy).fingerprint() == first, "a copy under another name makes the same vectors"
    seen = {first}
    for number, fields in enumerate(
        (
            {"image": {"interpolation": "bilinear"}},
            {"image": {"fit": "crop"}},
            {"image": {"mean": [1, 0, 0]}},
            {"text": {"max_tokens": 12}},
            {"image": {"graphs": ["image_head.onnx", "image.onnx"]}},
        )
    ):
        other = tmp_path / f"changed{number}"
        shutil.copytree(folder, other)
        seen.add(manifest.read(tiny.change(other, **fields)).fingerprint())
    for number, name in enumerate(("image.onnx", "text_head.onnx", "tokenizer.json")):
        other = tmp_path / f"touched{number}"
        shutil.copytree(folder, other)
        with (other / name).open("ab") as file:
            file.write(b" ")
        seen.add(manifest.read(other).fingerprint())
    assert len(seen) == 1 + 5 + 3


def test_a_sealed_folder_knows_its_fingerprint_without_reading_weights(folder: Path) -> None:
    before = manifest.read(folder).fingerprint()
    sealed = manifest.seal(folder)
    assert sealed.fingerprint() == before
    assert set(sealed.digests) == set(sealed.files)
    size = (folder / "image.onnx").stat().st_size
    (folder / "image.onnx").write_bytes(bytes(size))
    tampered = manifest.read(folder)
    assert tampered.fingerprint() == before, "no weight was read"
    with pytest.raises(ModelError, match=r"image\.onnx is not the file"):
        tampered.read(folder / "image.onnx")
    assert manifest.seal(folder).fingerprint() != before
