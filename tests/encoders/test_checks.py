"""The battery itself: each kind of broken encoder is caught, with a message that says which check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from openitr.embeddings import DenseEmbeddings
from openitr.encoders.checks import ContractError, check_encoder
from openitr.encoders.onnx import OnnxEncoder


class Broken:
    """A good encoder with one thing changed."""

    def __init__(self, inner: OnnxEncoder, **changed: Any) -> None:
        self.inner, self.changed = inner, changed

    def __getattr__(self, name: str) -> Any:
        return self.changed.get(name, getattr(self.inner, name))


@pytest.fixture
def good(tiny: ModuleType, tmp_path: Path) -> OnnxEncoder:
    return OnnxEncoder(tiny.onnx_folder(tmp_path / "tiny"))


def noisy(good: OnnxEncoder) -> Any:
    rng = np.random.default_rng(0)

    def encode(texts: Sequence[str]) -> DenseEmbeddings:
        values = good.encode_texts(texts).values
        return DenseEmbeddings.normalise(values + rng.normal(0, 0.1, values.shape))

    return encode


def centred(good: OnnxEncoder) -> Any:
    def encode(images: Sequence[Any]) -> DenseEmbeddings:
        values = good.encode_images(images).values
        return DenseEmbeddings.normalise(values + values.mean(axis=0)) if len(values) else good.encode_images([])

    return encode


BREAKS = {
    "no fingerprint": (lambda good: {"fingerprint": ""}, "fingerprint"),
    "wrong dim": (lambda good: {"dim": 9}, "width 8, not 9"),
    "no preparation": (lambda good: {"preparation": None}, "preparation is None"),
    "cut": (lambda good: {"encode_texts": lambda t: good.encode_texts([x[:60] for x in t])}, "it was cut"),
    "random": (lambda good: {"encode_texts": noisy(good)}, "the same texts gave other vectors"),
    "sorted": (lambda good: {"encode_texts": lambda t: good.encode_texts(sorted(t))}, "alone than among others"),
    "batch statistics": (lambda good: {"encode_images": centred(good)}, "alone than among others"),
    "drops one": (lambda good: {"encode_images": lambda i: good.encode_images(i[:-1])}, "6 pictures gave 5"),
    "embeds blank": (
        lambda good: {"encode_texts": lambda t: good.encode_texts([x.strip() or "blank" for x in t])},
        "was embedded",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_each_break_is_caught(good: OnnxEncoder, name: str) -> None:
    make, says = BREAKS[name]
    with pytest.raises(ContractError, match=says):
        check_encoder(Broken(good, **make(good)))


def test_an_unstable_fingerprint_is_caught(good: OnnxEncoder) -> None:
    with pytest.raises(ContractError, match="another fingerprint"):
        check_encoder(good, again=lambda: Broken(good, fingerprint="0" * 64))


def test_a_wrapped_good_encoder_passes(good: OnnxEncoder) -> None:
    check_encoder(Broken(good))
