"""Pictures as words: the contract of all encoders, and what is written and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from openitr.encoders import OnnxEncoder
from openitr.encoders.checks import check_encoder
from openitr.encoders.descriptions import SIDE, Description, DescriptionEncoder, LMMDescriber
from openitr.encoders.lmm import Message, Reply
from openitr.errors import InputError, LMMError, ShapeError
from openitr.index.descriptions import DescriptionIndex

WORDS = ("a", "two", "dog", "dogs", "on", "grass", "word", "and", "at", "last")


def describer(picture: np.ndarray) -> Description:
    """Words chosen by the pixels of nine places."""
    assert picture.shape == (SIDE, SIDE, 3)
    at = [WORDS[int(v) % len(WORDS)] for v in picture[::200, ::200].mean(axis=2).reshape(-1).round()]
    return Description(" ".join(at[:3]), [" ".join(at[3:5]), " ".join(at[5:7])], [" ".join(at[7:])])


@pytest.fixture(scope="module")
def text(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> OnnxEncoder:
    return OnnxEncoder(tiny.onnx_folder(tmp_path_factory.mktemp("model") / "tiny"))


def pictures(many: int) -> list[np.ndarray]:
    return [np.random.default_rng(i).integers(0, 256, (9, 12, 3)).astype(np.uint8) for i in range(many)]


@pytest.mark.parametrize("parts", [False, True])
def test_the_contract_of_every_encoder(text: OnnxEncoder, parts: bool) -> None:
    def made() -> DescriptionEncoder:
        return DescriptionEncoder(describer, text, name="pixels", parts=parts)

    check_encoder(made(), again=made)


def test_a_picture_is_its_description(text: OnnxEncoder) -> None:
    encoder, picture = DescriptionEncoder(describer, text, name="pixels"), pictures(1)[0]
    said = str(encoder.describe(picture))
    assert encoder.encode_images([picture]).score(encoder.encode_texts([said]))[0, 0] == pytest.approx(1, abs=1e-6)  # type: ignore[arg-type]
    parts = DescriptionEncoder(describer, text, name="pixels", parts=True)
    bag = parts.encode_images([picture])
    assert len(bag.values) == 1 + len(encoder.describe(picture).parts())
    for part in encoder.describe(picture).parts():
        assert parts.encode_texts([part]).score(bag)[0, 0] == pytest.approx(1, abs=1e-6)  # type: ignore[arg-type]
    assert encoder.fingerprint != parts.fingerprint
    assert encoder.fingerprint != DescriptionEncoder(describer, text, name="other").fingerprint


def test_fields_come_in_a_fixed_order() -> None:
    said = Description("A street", ["two cars.", " "], ["a car is left of a tree"], "", "STOP")
    assert said.parts() == ["A street.", "two cars.", "a car is left of a tree.", "Text: STOP."]
    assert Description("", [" ", "."]).parts() == []


def test_what_cannot_be(text: OnnxEncoder) -> None:
    silent = DescriptionEncoder(lambda picture: " ", text, name="silent")
    with pytest.raises(InputError, match="nothing"):
        silent.encode_images(pictures(1))
    with pytest.raises(InputError, match="name"):
        DescriptionEncoder(describer, text, name=" ")
    with pytest.raises(ShapeError):
        DescriptionEncoder(describer, DescriptionEncoder(describer, text, name="x", parts=True), name="y")
    with pytest.raises(InputError):
        silent.describe(np.zeros((3, 3), np.uint8))


class Scripted:
    """A language model with one answer; None is silence."""

    name = "scripted"

    def __init__(self, value: Any) -> None:
        self.value, self.asked = value, list[Message]()

    def generate(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
    ) -> Reply:
        self.asked += messages
        assert schema is not None and max_tokens > 0
        if self.value is None:
            raise LMMError("it is down", "start it")
        return Reply("", self.value)


def test_a_language_model_describes(text: OnnxEncoder) -> None:
    answer = {"summary": "a dog", "objects": ["two dogs"], "relations": [], "background": "grass", "text": ""}
    lmm = Scripted(answer)
    encoder = DescriptionEncoder(LMMDescriber(lmm), text, name="scripted")
    assert str(encoder.describe(pictures(1)[0])) == "a dog. two dogs. grass."
    assert lmm.asked[0].images[0].shape == (SIDE, SIDE, 3)


def test_the_index_goes_on_without_a_picture_that_nobody_describes(text: OnnxEncoder, tmp_path: Path) -> None:
    images, calls = pictures(4), list[int]()

    def moody(picture: np.ndarray) -> Description:
        calls.append(1)
        if len(calls) == 2:
            raise LMMError("it is down", "start it")
        return describer(picture)

    encoder = DescriptionEncoder(moody, text, name="moody")
    index = DescriptionIndex(encoder)
    left_out = index.add([5, 6, 7, 8], images)
    assert list(left_out) == [6] and "down" in left_out[6] and len(index) == 3
    said = str(index.descriptions[7])
    assert index.search([said], 1)[0].ids.tolist() == [7] or index.search([said], 1)[0].scores[0] > 1 - 1e-6
    index.save(tmp_path / "kept.jsonl")
    again = DescriptionIndex.load(tmp_path / "kept.jsonl", encoder)
    assert again.search(["two dogs"], 3)[0].ids.tolist() == index.search(["two dogs"], 3)[0].ids.tolist()
    assert list(map(str, again.descriptions.values())) == list(map(str, index.descriptions.values()))
    again.remove([7, 99])
    assert len(again) == 2 and 7 not in again.search([said], 5)[0].ids
    with pytest.raises(InputError):
        index.add([1], images)


GOOD = '{"id": 3, "summary": "a", "objects": ["b"], "relations": [], "background": "", "text": ""}'


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        '{"id": 3}',
        GOOD.replace("3", '"3"'),
        GOOD.replace("3", "-3"),
        GOOD.replace('["b"]', '"b"'),
        GOOD.replace('["b"]', "[1]"),
        GOOD.replace('"a"', '""').replace('["b"]', "[]"),
        "[" * 100_000,
    ],
)
def test_a_line_that_is_no_description_is_named(text: OnnxEncoder, tmp_path: Path, line: str) -> None:
    encoder = DescriptionEncoder(describer, text, name="pixels")
    (tmp_path / "kept.jsonl").write_text(f"{GOOD}\n{line}\n")
    with pytest.raises(InputError, match="line 2"):
        DescriptionIndex.load(tmp_path / "kept.jsonl", encoder)
    with pytest.raises(InputError, match="cannot be read"):
        DescriptionIndex.load(tmp_path / "missing.jsonl", encoder)
