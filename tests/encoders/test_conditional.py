"""Instructions: who is told what, and what a collection must not mix."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np
import pytest

from openitr.encoders import OnnxEncoder
from openitr.encoders.checks import check_encoder
from openitr.encoders.conditional import ConditionalImageEncoder
from openitr.errors import ShapeError
from openitr.media.prepare import Preparation


class Masked:
    """Pixels weighted by the instruction's vector: the same picture, seen otherwise."""

    fingerprint = "f" * 32

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def embed(self, pictures: Sequence[np.ndarray], instructions: np.ndarray, told: Sequence[bool]) -> np.ndarray:
        rows = []
        for picture, vector, there in zip(pictures, instructions, told, strict=True):
            pixels = picture.reshape(-1)[: self.dim].astype(np.float32) + 1
            rows.append(pixels * (2 + vector) if there else pixels)
        return np.array(rows, np.float32).reshape(-1, self.dim)


@pytest.fixture(scope="module")
def encoder(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> ConditionalImageEncoder:
    text = OnnxEncoder(tiny.onnx_folder(tmp_path_factory.mktemp("model") / "tiny"))
    return ConditionalImageEncoder(Masked(text.dim), text, Preparation(6))


def pictures(many: int) -> list[np.ndarray]:
    return [np.random.default_rng(i).integers(0, 256, (9, 7, 3)).astype(np.uint8) for i in range(many)]


def test_one_instruction_or_one_each(encoder: ConditionalImageEncoder) -> None:
    images = pictures(150)  # more than one batch
    told = ["a dog", "two dogs", ""] * 50
    mixed = encoder(images, told).values
    for text in ("a dog", "two dogs", ""):
        rows = [i for i, one in enumerate(told) if one == text]
        np.testing.assert_allclose(mixed[rows], encoder([images[i] for i in rows], text).values, atol=1e-6)
    assert np.abs(encoder(images, "a dog").values - encoder(images, "two dogs").values).max() > 1e-3
    np.testing.assert_array_equal(encoder(images[:3], "  ").values, encoder(images[:3]).values)
    with pytest.raises(ShapeError):
        encoder(images, ["a dog"])


def test_under_an_instruction_it_is_an_encoder(encoder: ConditionalImageEncoder) -> None:
    check_encoder(encoder.under("a dog"), again=lambda: encoder.under("a dog "))
    prints = {encoder.under(text).fingerprint for text in ("a dog", "two dogs", "")}
    assert len(prints) == 3


def test_text_of_another_width_is_refused(encoder: ConditionalImageEncoder) -> None:
    with pytest.raises(ShapeError, match="width"):
        ConditionalImageEncoder(Masked(encoder.dim + 1), encoder.text, Preparation(6))
