"""The lexicon runner on a tiny model: against NumPy, the battery, words, windows, and how a folder can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from onnx import helper
from scipy.sparse import csr_matrix

from openitr.embeddings import LexiconEmbeddings
from openitr.encoders import load, manifest
from openitr.encoders.checks import check_encoder, pictures
from openitr.encoders.lexicon import LexiconEncoder, words_in
from openitr.errors import InputError, ModelError, ShapeError
from tests.encoders.test_onnx import weights
from tests.encoders.tiny_lexicon import WORDS, lexicon_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return lexicon_folder(tmp_path / "tiny")


def kept(weights: np.ndarray, count: int) -> np.ndarray:
    """The heaviest, at length 1, one by one."""
    order = sorted(range(len(weights)), key=lambda u: (-weights[u], u))[:count]
    row = np.zeros(len(weights))
    row[order] = weights[order]
    return row / np.linalg.norm(row)


def test_the_battery(folder: Path) -> None:
    check_encoder(LexiconEncoder(folder), again=lambda: load(str(folder)))


def test_pictures_and_texts_against_numpy(folder: Path) -> None:
    from tokenizers import Tokenizer

    encoder, images = LexiconEncoder(folder), pictures()
    found = encoder.encode_images(images).matrix.toarray()
    mix, head = weights(folder / "image.onnx")["mix"], weights(folder / "image_head.onnx")["head"]
    for image, row in zip(images, found, strict=True):
        raw = encoder.preparation(image).astype(np.float64).reshape(-1) @ mix @ head
        np.testing.assert_allclose(row, kept(np.log1p(np.maximum(raw, 0)), 5), atol=1e-5)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    table, head = weights(folder / "text.onnx")["table"], weights(folder / "text_head.onnx")["head"]
    texts = ["two dogs on grass", "a Dog", "TWO t-shirt"]
    for text, row in zip(texts, encoder.encode_texts(texts).matrix.toarray(), strict=True):
        raw = sum(table[i].astype(np.float64) for i in tokenizer.encode(text).ids) @ head
        present = np.array([float(word in words_in(text)) for word in WORDS])
        np.testing.assert_allclose(row, kept(np.log1p(np.maximum(np.maximum(raw, present), 0)), 7), atol=1e-5)


def test_a_word_of_a_long_text_counts_wherever_it_stands(folder: Path) -> None:
    """Windows are joined by the maximum: the last of them brings its words in."""
    encoder = LexiconEncoder(folder)
    start = "on " * 300
    one, other = encoder.encode_texts([start + "grass", start + "dogs"]).matrix.toarray()
    assert one[WORDS.index("grass")] > other[WORDS.index("grass")]
    assert other[WORDS.index("dogs")] > one[WORDS.index("dogs")]


def test_words_are_readable_heaviest_first(folder: Path) -> None:
    encoder = LexiconEncoder(folder)
    rows = LexiconEmbeddings(csr_matrix([[0.1, 0, 0.7, 0, 0, 0.7, 0, 0], [0] * 8]))
    assert encoder.words == WORDS
    assert [[(word, round(weight, 3)) for word, weight in row] for row in encoder.terms(rows)] == [
        [("grass", 0.7), ("at", 0.7), ("two", 0.1)],
        [],
    ]
    assert encoder.term("Dogs") == 1
    with pytest.raises(InputError, match="did you mean grass"):
        encoder.term("gras")
    with pytest.raises(InputError, match="list"):
        encoder.term("xylophone")


def test_words_can_be_boosted_left_out_and_brought_in(folder: Path) -> None:
    encoder = LexiconEncoder(folder)
    query = LexiconEmbeddings(csr_matrix([[0.6, 0.8, 0, 0, 0, 0, 0, 0]]))
    plain = encoder.reweighed(query, {}).matrix.toarray()[0]
    np.testing.assert_allclose(plain, query.matrix.toarray()[0], atol=1e-6)
    for factors, raw in (
        ({"two": 2.0}, [1.2, 0.8, 0]),
        ({"dogs": 0.0}, [0.6, 0, 0]),
        ({"grass": 3.0}, [0.6, 0.8, 3 * 0.7]),
    ):
        row = encoder.reweighed(query, factors).matrix.toarray()[0]
        np.testing.assert_allclose(row[:3], np.array(raw) / np.linalg.norm(raw), atol=1e-6)
    nothing = encoder.reweighed(query, {"two": 0, "dogs": 0})
    assert nothing.matrix.nnz == 0 or not nothing.matrix.toarray().any()
    for factors in ({"two": -1.0}, {"two": float("nan")}, {"two": float("inf")}, {"nobody": 1.0}):
        with pytest.raises(InputError):
            encoder.reweighed(query, factors)


def test_the_fingerprint_knows_the_words_and_how_many_are_kept(folder: Path) -> None:
    before = LexiconEncoder(folder).fingerprint
    (folder / "words.txt").write_text("\n".join(reversed(WORDS)))
    other = LexiconEncoder(folder).fingerprint
    stored = json.loads((folder / "model.json").read_text())
    stored["lexicon"]["image_terms"] = 4
    (folder / "model.json").write_text(json.dumps(stored))
    assert len({before, other, LexiconEncoder(folder).fingerprint}) == 3


def test_a_sealed_word_list_is_not_read_when_it_was_changed(folder: Path) -> None:
    manifest.seal(folder)
    assert LexiconEncoder(folder).words == WORDS
    (folder / "words.txt").write_text("\n".join(reversed(WORDS)))
    with pytest.raises(ModelError, match="SHA-256"):
        _ = LexiconEncoder(folder).words


@pytest.mark.parametrize("words", ["two dogs", " ".join(["two"] * 8), b"\xff" * 8])
def test_a_word_list_that_does_not_fit_is_refused(folder: Path, words: str | bytes) -> None:
    (folder / "words.txt").write_bytes(words if isinstance(words, bytes) else words.encode())
    with pytest.raises(ModelError, match="word"):
        LexiconEncoder(folder).encode_texts(["two dogs"])


@pytest.mark.parametrize("wrong", [None, {}, {"words": "../words.txt", "image_terms": 5, "text_terms": 3},
                                   {"words": "gone.txt", "image_terms": 5, "text_terms": 3},
                                   {"words": "words.txt", "image_terms": 0, "text_terms": 3}])  # fmt: skip
def test_a_manifest_without_words_is_refused(folder: Path, wrong: object) -> None:
    stored = json.loads((folder / "model.json").read_text())
    stored["lexicon"] = wrong
    (folder / "model.json").write_text(json.dumps(stored))
    with pytest.raises(ModelError):
        LexiconEncoder(folder)


def test_a_model_that_gives_what_is_no_weight_is_named(tiny: ModuleType, folder: Path) -> None:
    for ending in (
        [helper.make_node("Neg", ["turned"], ["weights"])],
        [helper.make_node("Log", ["turned"], ["weights"])],
    ):
        tiny.save_graph(
            folder / "image_head.onnx",
            [helper.make_node("MatMul", ["pooled", "head"], ["turned"]), *ending],
            [tiny.value("pooled", tiny.FLOAT, "n", 6)],
            [tiny.value("weights", tiny.FLOAT, "n", len(WORDS))],
            {"head": np.random.default_rng(0).normal(size=(6, len(WORDS))).astype(np.float32)},
        )
        with pytest.raises(ShapeError, match="negative or not finite"):
            LexiconEncoder(folder).encode_images(pictures())
    stored = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**stored, "dim": 9}))
    with pytest.raises(ShapeError, match="not \\(n, 9\\)"):
        LexiconEncoder(folder).encode_images(pictures())


def test_a_dense_model_is_not_a_lexicon_one(tiny: ModuleType, tmp_path: Path) -> None:
    dense = tiny.onnx_folder(tmp_path / "dense")
    with pytest.raises(ModelError, match="dense"):
        LexiconEncoder(dense)
    assert load(str(dense)).kind == "dense"
