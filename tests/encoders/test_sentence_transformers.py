"""The sentence-transformers adapter on a tiny CLIP: equal to the library, and texts that look like files stay texts."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from openitr.encoders.checks import check_encoder
from openitr.encoders.sentence_transformers import SentenceTransformersEncoder
from openitr.errors import MissingExtra, ModelError

pytest.importorskip("sentence_transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_torch: ModuleType) -> Path:
    from sentence_transformers import SentenceTransformer

    clip = tiny_torch.checkpoint(tmp_path_factory.mktemp("tiny") / "clip", "clip")
    made = clip.parent / "st"
    SentenceTransformer(str(clip), device="cpu").save(str(made))
    return Path(made)


def test_equal_to_the_library(folder: Path, tiny_torch: ModuleType) -> None:
    from sentence_transformers import SentenceTransformer

    model, encoder = SentenceTransformer(str(folder), device="cpu"), SentenceTransformersEncoder(str(folder))
    photo, texts = tiny_torch.photo(), ["two dogs on grass", "a wire"]
    for ours, theirs in (
        (encoder.encode_images([np.asarray(photo)]), model.encode([photo], normalize_embeddings=True)),
        (encoder.encode_texts(texts), model.encode(texts, normalize_embeddings=True)),
    ):
        np.testing.assert_allclose(ours.values, theirs, atol=1e-5)


def test_the_battery(folder: Path) -> None:
    check_encoder(SentenceTransformersEncoder(str(folder)))


def test_a_text_that_looks_like_a_file_or_an_address_is_a_text(folder: Path, tiny_torch: ModuleType) -> None:
    # The library opens a string that ends in .png, and fetches one that starts with http.
    encoder = SentenceTransformersEncoder(str(folder))
    path = folder / "dog.png"
    tiny_torch.photo().save(path)
    found = encoder.encode_texts([str(path), "http://127.0.0.1:9/dog.png"]).values
    seen = encoder.encode_images([np.asarray(tiny_torch.photo())]).values
    assert not np.allclose(found[0], seen[0], atol=1e-3)


def test_pickled_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match="is a pickle"):
        SentenceTransformersEncoder(str(tmp_path))


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"openitr\[sentence-transformers\]"):
        SentenceTransformersEncoder("anything")
