"""The transformers adapter: equal to the library called directly, golden values, long text, refusals."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from openitr.encoders import load
from openitr.encoders.checks import check_encoder
from openitr.encoders.transformers import TransformersEncoder
from openitr.errors import MissingExtra, ModelError

pytest.importorskip("transformers")
FAMILIES = ("clip", "siglip")


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_torch: ModuleType) -> Path:
    made: Path = tiny_torch.checkpoint(tmp_path_factory.mktemp("tiny") / request.param, request.param)
    return made


def direct(folder: Path, pictures: list[object], texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """What the library's own classes say, called as its documentation shows."""
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(folder).eval()
    fixed = "max_length" if folder.name == "siglip" else True
    with torch.inference_mode():
        pixels = AutoImageProcessor.from_pretrained(folder, backend="pil")(images=pictures, return_tensors="pt")
        tokens = AutoTokenizer.from_pretrained(folder)(texts, padding=fixed, return_tensors="pt")
        found = [model.get_image_features(**pixels), model.get_text_features(**tokens)]
        tensors = [torch.nn.functional.normalize(getattr(f, "pooler_output", f), dim=-1) for f in found]
    return tensors[0].numpy(), tensors[1].numpy()


def test_equal_to_the_library(folder: Path, tiny_torch: ModuleType) -> None:
    photo = tiny_torch.photo()
    turned = photo.transpose(2)  # by 90 degrees: taller than wide
    texts = ["two dogs on grass", "a wire"]
    pictures, words = direct(folder, [photo, turned], texts)
    encoder = TransformersEncoder(str(folder))
    # Same kernels on the same numbers: only the batch may differ.
    np.testing.assert_allclose(
        encoder.encode_images([np.asarray(photo), np.asarray(turned)]).values, pictures, atol=1e-5
    )
    np.testing.assert_allclose(encoder.encode_texts(texts).values, words, atol=1e-5)
    assert abs(float(pictures[0] @ pictures[1])) < 0.9999, "the pictures differ, so the comparison can fail"


# The first four entries for the drawn picture and for "two dogs on grass", as this test measured them with
# transformers 5.23 and torch 2.13. They pin pixels, tokens, weights and pooling together: a shifted crop or a swapped
# normalisation moves them by more than 1e-2, another kernel or CPU by less than 1e-4.
GOLDEN = {
    "clip": ([-0.4342, 0.2532, -0.4282, -0.1397], [-0.0681, -0.1325, 0.1391, 0.2188]),
    "siglip": ([-0.1889, -0.2226, -0.3978, 0.0770], [-0.2012, -0.1964, 0.0787, 0.1391]),
}


def test_golden_vectors(folder: Path, tiny_torch: ModuleType) -> None:
    encoder, (picture, words) = TransformersEncoder(str(folder)), GOLDEN[folder.name]
    np.testing.assert_allclose(
        encoder.encode_images([np.asarray(tiny_torch.photo())]).values[0, :4], picture, atol=1e-3
    )
    np.testing.assert_allclose(encoder.encode_texts(["two dogs on grass"]).values[0, :4], words, atol=1e-3)


def test_the_battery(folder: Path) -> None:
    check_encoder(TransformersEncoder(str(folder)), again=lambda: TransformersEncoder(str(folder)))


def test_fingerprint_follows_the_weights(folder: Path, tiny_torch: ModuleType, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    first = TransformersEncoder(str(folder)).fingerprint
    other = tiny_torch.checkpoint(tmp_path / folder.name, folder.name)
    assert TransformersEncoder(str(other)).fingerprint == first, "same seed, same weights, another folder"
    tensors = load_file(other / "model.safetensors")
    tensors["text_model.embeddings.position_embedding.weight"] += np.float32(1e-3)
    save_file(tensors, other / "model.safetensors", {"format": "pt"})
    assert TransformersEncoder(str(other)).fingerprint != first


def test_pickled_weights_are_refused_with_a_remedy(folder: Path, tmp_path: Path) -> None:
    import shutil

    pickled = tmp_path / "pickled"
    shutil.copytree(folder, pickled)
    (pickled / "model.safetensors").unlink()
    (pickled / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match="is a pickle, which can run code"):
        TransformersEncoder(str(pickled))


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the folder must hold"):
        load(f"transformers:{tmp_path}")


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"openitr\[transformers\]"):
        TransformersEncoder("anything")


def test_a_relative_folder_is_remembered_by_its_absolute_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert load(f"transformers:{folder.name}").spec == f"transformers:{folder}"
