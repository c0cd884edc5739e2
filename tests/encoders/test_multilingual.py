"""The model with two readers: which text goes where, windows, the manifest, and who may ask whose run."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from onnx import TensorProto, helper

from openitr.encoders import grams, load, manifest
from openitr.encoders.checks import check_encoder
from openitr.encoders.multilingual import WORDS, MultilingualEncoder, same_pictures
from openitr.encoders.onnx import OnnxEncoder
from openitr.errors import InputError, ModelError, ShapeError

KNOWN = ["<hund>", "<hunde>", "<hun", "hund", "<zwei>", "<two>", "<dogs>", "狗", "只狗", "<cafe>", "zwei hunde"]
ENGLISH = {"<two>": 9.0, "<dogs>": 9.0, "<cafe>": 1.0}
DIM = 8


def table() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(len(KNOWN), DIM)).astype(np.float32)


def bag_folder(tiny: ModuleType, folder: Path, *, share: str = "Sigmoid") -> Path:
    """A tiny model whose bag sums rows of a table; "english" is high where English pieces outweigh the others."""
    made: Path = tiny.onnx_folder(folder)
    flags = np.array([[ENGLISH.get(piece, -9.0)] for piece in KNOWN], np.float32)
    node = helper.make_node
    tiny.save_graph(
        made / "bag.onnx",
        [
            node("Unsqueeze", ["weights", "last"], ["column"]),
            node("Gather", ["table", "pieces"], ["rows"]),
            node("Mul", ["rows", "column"], ["weighed"]),
            node("ReduceSum", ["weighed", "first"], ["raw"], keepdims=0),
            node("LpNormalization", ["raw"], ["embedding"], axis=1, p=2),
            node("Gather", ["flags", "pieces"], ["each"]),
            node("Mul", ["each", "column"], ["told"]),
            node("ReduceSum", ["told", "first"], ["logit"], keepdims=0),
            node(share, ["logit"], ["english"]),
        ],
        [
            tiny.value("pieces", TensorProto.INT64, "n", "l"),
            tiny.value("weights", TensorProto.FLOAT, "n", "l"),
        ],
        [tiny.value("embedding", TensorProto.FLOAT, "n", DIM), tiny.value("english", TensorProto.FLOAT, "n", 1)],
        {"table": table(), "flags": flags, "last": np.array([2]), "first": np.array([1])},
    )
    (made / "pieces.txt").write_text("\n".join(KNOWN) + "\n", encoding="utf-8")
    tiny.change(made, bag={"graph": "bag.onnx", "pieces": "pieces.txt"})
    return made


@pytest.fixture
def encoder(tiny: ModuleType, tmp_path: Path) -> MultilingualEncoder:
    found = load(str(bag_folder(tiny, tmp_path / "m")))
    assert isinstance(found, MultilingualEncoder)
    return found


def by_hand(text: str) -> np.ndarray:
    """The bag in plain loops: rows of all known pieces and pairs of words, summed, length 1."""
    total = np.zeros(DIM)
    said = grams.words(text)
    for before, word in zip([None, *said], said, strict=False):
        if f"{before} {word}" in KNOWN:
            total += table()[KNOWN.index(f"{before} {word}")]
        for piece in grams.pieces(word):
            if piece in KNOWN:
                total += table()[KNOWN.index(piece)]
    return total / np.linalg.norm(total)


@pytest.mark.parametrize("text", ["Hund", "zwei HUNDE!", "狗", "zwei unbekannte Hunde", "2只狗"])
def test_other_languages_go_through_the_bag(encoder: MultilingualEncoder, text: str) -> None:
    assert np.allclose(encoder.encode_texts([text]).values[0], by_hand(text), atol=1e-5)
    assert not encoder.english([text])[0]


@pytest.mark.parametrize("text", ["two dogs", "a dog on grass", "ελληνικά", "?!"])
def test_english_and_the_unknown_go_through_the_first_reader(
    encoder: MultilingualEncoder, tiny: ModuleType, tmp_path: Path, text: str
) -> None:
    plain = OnnxEncoder(tiny.onnx_folder(tmp_path / "plain"))
    assert np.array_equal(encoder.encode_texts([text]).values, plain.encode_texts([text]).values)
    assert encoder.english([text])[0]


def test_a_text_with_marks_must_look_more_english(encoder: MultilingualEncoder) -> None:
    # The sigmoid of 1 is 0.73: enough for letters of A to Z, too little for others.
    assert encoder.english(["cafe", "café", "two cafés", "two dogs ’"]).tolist() == [True, False, True, True]


def test_a_mixed_batch_keeps_its_order(encoder: MultilingualEncoder) -> None:
    texts = ["two dogs", "zwei Hunde", "dogs", "狗", "Hund"]
    together = encoder.encode_texts(texts).values
    alone = np.concatenate([encoder.encode_texts([t]).values for t in texts])
    assert np.allclose(together, alone, atol=1e-6)


def test_a_long_text_is_the_mean_of_its_windows(encoder: MultilingualEncoder) -> None:
    first, second = "zwei " * WORDS, "Hund " * 10
    found = encoder.encode_texts([first + second]).values[0]
    sizes = [WORDS * 1, 10 * len([p for p in grams.pieces("hund") if p in KNOWN])]
    wanted = sizes[0] * by_hand(first) + sizes[1] * by_hand(second)
    assert np.allclose(found, wanted / np.linalg.norm(wanted), atol=1e-5)


def test_a_book_without_spaces_is_read(encoder: MultilingualEncoder) -> None:
    assert np.allclose(encoder.encode_texts(["狗" * 5000]).values[0], by_hand("狗"), atol=1e-5)


def test_the_battery(tiny: ModuleType, tmp_path: Path) -> None:
    folder = bag_folder(tiny, tmp_path / "m")
    check_encoder(load(str(folder)), again=lambda: load(str(folder)), tolerance=1e-5)


def test_blank_texts_are_refused_and_none_are_fine(encoder: MultilingualEncoder) -> None:
    assert encoder.encode_texts([]).values.shape == (0, DIM)
    assert encoder.english([]).shape == (0,)
    with pytest.raises(InputError, match="blank"):
        encoder.encode_texts(["Hund", " "])


def test_a_share_that_is_none_is_refused(tiny: ModuleType, tmp_path: Path) -> None:
    broken = load(str(bag_folder(tiny, tmp_path / "m", share="Neg")))
    with pytest.raises(ShapeError, match="english"):
        broken.encode_texts(["Hund"])


@pytest.mark.parametrize(("content", "says"), [(b"ab\nab\n", "twice"), (b"\xff\xfe", "UTF-8")])
def test_a_bad_list_of_pieces(tiny: ModuleType, tmp_path: Path, content: bytes, says: str) -> None:
    folder = bag_folder(tiny, tmp_path / "m")
    (folder / "pieces.txt").write_bytes(content)
    with pytest.raises(ModelError, match=says):
        load(str(folder)).encode_texts(["Hund"])


@pytest.mark.parametrize(
    ("bag", "says"),
    [({"graph": "gone.onnx"}, "not there"), ({"pieces": "../../etc/passwd"}, "leaves"), ({"graph": 3}, "bag.graph")],
)
def test_a_bad_block_is_refused(tiny: ModuleType, tmp_path: Path, bag: dict[str, object], says: str) -> None:
    folder = tiny.change(bag_folder(tiny, tmp_path / "m"), bag=bag)
    with pytest.raises(ModelError, match=says):
        load(str(folder))


def test_the_seal_covers_both_files(tiny: ModuleType, tmp_path: Path) -> None:
    folder = bag_folder(tiny, tmp_path / "m")
    manifest.seal(folder)
    assert {"bag.onnx", "pieces.txt"} <= set(json.loads((folder / "model.json").read_text())["sha256"])
    (folder / "pieces.txt").write_text("changed\n")
    with pytest.raises(ModelError, match="SHA-256"):
        load(str(folder)).encode_texts(["Hund"])


def test_the_fingerprint_covers_the_bag_and_the_pictures_do_not(tiny: ModuleType, tmp_path: Path) -> None:
    one, other = bag_folder(tiny, tmp_path / "a"), bag_folder(tiny, tmp_path / "b")
    (other / "pieces.txt").write_text("\n".join(reversed(KNOWN)), encoding="utf-8")
    plain, strange = tiny.onnx_folder(tmp_path / "plain"), tiny.onnx_folder(tmp_path / "strange", seed=1)
    cropped = tiny.onnx_folder(tmp_path / "cropped", image={"fit": "crop"})
    assert load(str(one)).fingerprint != load(str(other)).fingerprint
    assert same_pictures(load(str(one)), load(str(other)))
    assert same_pictures(load(str(one)), load(str(plain)))
    assert not same_pictures(load(str(one)), load(str(strange)))
    assert not same_pictures(load(str(one)), load(str(cropped)))
