"""Late interaction from a folder against NumPy on tiny graphs: the battery, alignment, and what a model gets wrong."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from openitr.embeddings import TokenEmbeddings
from openitr.encoders import load
from openitr.encoders.checks import (
    ContractError,
    check_encoder,
    check_refusals,
    pictures,
)
from openitr.encoders.late import Alignment, LateEncoder
from openitr.errors import InputError, ModelError, ShapeError

DIM = 8


def late_folder(tiny: ModuleType, folder: Path, *, length: float = 1.0, patches: bool = True) -> Path:
    """Each pixel is a place, the top left quarter the tokens; each word a token, and their sum before them."""
    made: Path = tiny.onnx_folder(folder, kind="late", dim=DIM, output="token_embeddings")
    rng = np.random.default_rng(1)
    n = helper.make_node
    stretch = {"stretch": np.float32(length)}
    unit = [n("LpNormalization", ["raw"], ["unit"], axis=2, p=2), n("Mul", ["unit", "stretch"], ["all"])]
    tiny.save_graph(
        folder / "image.onnx",
        [
            n("Cast", ["pixels"], ["wide"], to=tiny.FLOAT),
            n("Reshape", ["wide", "shape"], ["places"]),
            n("MatMul", ["places", "mix"], ["turned"]),
            n("Add", ["turned", "shift"], ["raw"]),
            *unit,
            n("Identity", ["all"], ["patch_embeddings" if patches else "unused"]),
            n("Gather", ["all", "corner"], ["token_embeddings"], axis=1),
        ],
        [tiny.value("pixels", tiny.BYTE, "n", 4, 4, 3)],
        [
            tiny.value("token_embeddings", tiny.FLOAT, "n", 4, DIM),
            *([tiny.value("patch_embeddings", tiny.FLOAT, "n", 16, DIM)] if patches else []),
        ],
        {
            "shape": np.array([0, 16, 3], np.int64),
            "mix": rng.normal(size=(3, DIM)).astype(np.float32) / 255,
            "shift": rng.normal(size=DIM).astype(np.float32) / 5,
            "corner": np.array([0, 1, 4, 5], np.int64),
            **stretch,
        },
    )
    tiny.save_graph(
        folder / "text.onnx",
        [
            n("Gather", ["table", "input_ids"], ["words"]),
            n("Cast", ["attention_mask"], ["seen"], to=tiny.FLOAT),
            n("Unsqueeze", ["seen", "last"], ["column"]),
            n("Mul", ["words", "column"], ["kept"]),
            n("ReduceSum", ["kept", "first"], ["whole"], keepdims=1),
            n("Concat", ["whole", "words"], ["raw"], axis=1),
            *unit,
            n("Identity", ["all"], ["token_embeddings"]),
            n("ReduceMax", ["attention_mask"], ["one"], axes=[1], keepdims=1),
            n("Concat", ["one", "attention_mask"], ["both"], axis=1),
            n("Cast", ["both"], ["token_mask"], to=onnx.TensorProto.BOOL),
        ],
        [tiny.value("input_ids", tiny.LONG, "n", "l"), tiny.value("attention_mask", tiny.LONG, "n", "l")],
        [
            tiny.value("token_embeddings", tiny.FLOAT, "n", "m", DIM),
            tiny.value("token_mask", onnx.TensorProto.BOOL, "n", "m"),
        ],
        {
            "table": rng.normal(size=(tiny.VOCAB, DIM)).astype(np.float32),
            "last": np.array([2], np.int64),
            "first": np.array([1], np.int64),
            **stretch,
        },
    )
    tiny.change(made, image={"graphs": ["image.onnx"]}, text={"graphs": ["text.onnx"]})
    return made


@pytest.fixture
def folder(tiny: ModuleType, tmp_path: Path) -> Path:
    return late_folder(tiny, tmp_path / "late")


def weights(path: Path) -> dict[str, np.ndarray]:
    return {w.name: numpy_helper.to_array(w) for w in onnx.load(path).graph.initializer}


def ids_of(folder: Path, text: str) -> list[int]:
    from tokenizers import Tokenizer

    found: list[int] = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids
    return found


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_the_battery(folder: Path) -> None:
    check_encoder(LateEncoder(folder), again=lambda: LateEncoder(folder))


def test_the_battery_sees_a_token_that_is_no_unit_vector(folder: Path) -> None:
    class Stretched(LateEncoder):
        def encode_texts(self, texts: object) -> TokenEmbeddings:
            found = super().encode_texts(texts)  # type: ignore[arg-type]
            return TokenEmbeddings(2 * found.values, found.offsets)

    with pytest.raises(ContractError, match="not of length 1"):
        check_encoder(Stretched(folder))


def test_pictures_and_texts_against_numpy(folder: Path) -> None:
    encoder = LateEncoder(folder)
    known = weights(folder / "image.onnx")
    images = pictures()
    found = encoder.encode_images(images)
    assert found.offsets.tolist() == [4 * i for i in range(len(images) + 1)]
    for row, image in enumerate(images):
        places = unit(encoder.preparation(image).reshape(16, 3) @ known["mix"] + known["shift"])
        np.testing.assert_allclose(found[[row]].values, places[[0, 1, 4, 5]], atol=1e-5)
    table = weights(folder / "text.onnx")["table"]
    texts = ["two dogs on grass", "a dog", "word and word"]
    said = encoder.encode_texts(texts)
    for row, text in enumerate(texts):
        rows = table[ids_of(folder, text)]
        np.testing.assert_allclose(said[[row]].values, unit(np.concatenate([rows.sum(0)[None], rows])), atol=1e-5)


def test_a_long_text_keeps_the_tokens_of_all_its_windows(folder: Path) -> None:
    encoder = LateEncoder(folder)
    found = encoder.encode_texts(["a dog", "word " * 40 + "grass", "grass"])
    table = unit(weights(folder / "text.onnx")["table"])
    grass = table[ids_of(folder, "grass")[1]]
    assert len(found) == 3 and np.diff(found.offsets).tolist()[1] > 41
    assert np.isclose(found[[1]].values @ grass, 1, atol=1e-5).sum() == 1
    assert np.isclose(found[[2]].values @ grass, 1, atol=1e-5).sum() == 1


def test_alignment_is_the_cosine_of_word_and_place(folder: Path) -> None:
    encoder = LateEncoder(folder)
    image = pictures()[4]
    found = encoder.alignment(image, "Two dogs on grass")
    assert list(found.words) == ["Two", "dogs", "on", "grass"] and found.spans[1] == (4, 8)
    known, table = weights(folder / "image.onnx"), unit(weights(folder / "text.onnx")["table"])
    places = unit(encoder.preparation(image).reshape(16, 3) @ known["mix"] + known["shift"])
    expected = (table[ids_of(folder, "two dogs on grass")[1:-1]] @ places.T).reshape(4, 4, 4)
    np.testing.assert_allclose(found.maps, expected, atol=1e-5)
    assert found.best("grass") == divmod(int(expected[3].argmax()), 4)
    with pytest.raises(InputError, match="cat"):
        found.best("cat")


def test_a_word_of_several_tokens_has_their_mean(folder: Path) -> None:
    encoder = LateEncoder(folder)
    found = encoder.alignment(pictures()[5], "cat dog")
    assert list(found.words) == ["cat", "dog"]
    table = unit(weights(folder / "text.onnx")["table"])
    letters = ids_of(folder, "cat")[1:-1]
    assert len(letters) == 2
    known = weights(folder / "image.onnx")
    places = unit(encoder.preparation(pictures()[5]).reshape(16, 3) @ known["mix"] + known["shift"])
    np.testing.assert_allclose(found.maps[0], (table[letters] @ places.T).mean(0).reshape(4, 4), atol=1e-5)


def test_what_a_model_gets_wrong_is_said(tiny: ModuleType, tmp_path: Path) -> None:
    long = LateEncoder(late_folder(tiny, tmp_path / "long", length=1.5))
    for encode in (lambda: long.encode_texts(["a dog"]), lambda: long.encode_images(pictures())):
        with pytest.raises(ShapeError, match=r"length 1\.5"):
            encode()
    narrow = LateEncoder(tiny.change(late_folder(tiny, tmp_path / "narrow"), dim=DIM + 1))
    with pytest.raises(ShapeError, match="dim"):
        narrow.encode_texts(["a dog"])
    blind = LateEncoder(late_folder(tiny, tmp_path / "blind", patches=False))
    with pytest.raises(ShapeError, match="patch_embeddings"):
        blind.alignment(pictures()[0], "a dog")
    with pytest.raises(ModelError, match="late models"):
        LateEncoder(tiny.onnx_folder(tmp_path / "dense"))
    with pytest.raises(InputError, match="blank"):
        blind.encode_texts([" "])


def test_an_alignment_without_words_is_empty() -> None:
    assert Alignment([], [], np.zeros((0, 3, 3), np.float32)).maps.shape == (0, 3, 3)


@pytest.fixture(scope="module")
def shipped() -> LateEncoder:
    found = load("late")
    assert isinstance(found, LateEncoder)
    return found


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    """The two photographs that scikit-learn carries: a Chinese palace and a red flower."""
    from PIL import Image
    from sklearn import datasets

    folder = Path(datasets.__file__).parent / "images"
    return [np.asarray(Image.open(folder / name).convert("RGB")) for name in ("china.jpg", "flower.jpg")]


def test_the_shipped_model_says_what_it_is(shipped: LateEncoder) -> None:
    check_refusals(shipped)
    assert shipped.spec == "late" and shipped.manifest.terms and shipped.manifest.card is not None
    # Words that point at nothing get no vector where there are others; four more stand for the whole.
    assert np.diff(shipped.encode_texts(["a dog on the beach", "dog beach"]).offsets).tolist() == [6, 6]


def test_the_shipped_model_tells_a_flower_from_a_palace(shipped: LateEncoder, photos: list[np.ndarray]) -> None:
    images = shipped.encode_images(photos)
    scores = shipped.encode_texts(["a red flower with green leaves", "a large building with a roof"]).score(images)
    assert scores[0, 1] > scores[0, 0] and scores[1, 0] > scores[1, 1]
    found = shipped.alignment(photos[1], "A red flower with green leaves")
    assert list(found.words) == ["red", "flower", "green", "leaves"] and found.maps.shape == (4, 9, 9)
    assert np.abs(found.maps).max() <= 1 + 1e-5
    assert len({found.maps[word].tobytes() for word in range(4)}) == 4
