"""The ONNX runner against NumPy on a tiny two-graph model, and every way a model can be wrong."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from openitr.encoders.checks import check_encoder, pictures
from openitr.encoders.onnx import OnnxEncoder
from openitr.errors import InputError, ModelError, ShapeError


@pytest.fixture
def folder(tiny: ModuleType, tmp_path: Path) -> Path:
    made: Path = tiny.onnx_folder(tmp_path / "tiny")
    return made


def weights(path: Path) -> dict[str, np.ndarray]:
    return {w.name: numpy_helper.to_array(w) for w in onnx.load(path).graph.initializer}


def oracle_image(folder: Path, square: np.ndarray) -> np.ndarray:
    head = weights(folder / "image_head.onnx")
    raw = square.astype(np.float64).reshape(-1) @ weights(folder / "image.onnx")["mix"] @ head["head"] + head["shift"]
    return raw / np.linalg.norm(raw)


def oracle_text(folder: Path, ids: list[int]) -> np.ndarray:
    head, table = weights(folder / "text_head.onnx"), weights(folder / "text.onnx")["table"]
    raw = sum(table[i].astype(np.float64) for i in ids) @ head["head"] + head["shift"]
    return raw / np.linalg.norm(raw)


def test_the_battery(folder: Path) -> None:
    check_encoder(OnnxEncoder(folder), again=lambda: OnnxEncoder(folder))


def test_pictures_against_numpy(folder: Path) -> None:
    encoder = OnnxEncoder(folder)
    images = pictures()
    found = encoder.encode_images(images).values
    for image, row in zip(images, found, strict=True):
        # float32 sums of 48 products: 1e-5 is a hundred times their rounding.
        np.testing.assert_allclose(row, oracle_image(folder, encoder.preparation(image)), atol=1e-5)


def test_texts_against_numpy(folder: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = ["two dogs on grass", "a dog", "word", "a a a a a a a a a a"]
    found = OnnxEncoder(folder).encode_texts(texts).values
    for text, row in zip(texts, found, strict=True):
        np.testing.assert_allclose(row, oracle_text(folder, tokenizer.encode(text).ids), atol=1e-5)


def test_a_long_text_is_the_weighted_mean_of_its_windows(folder: Path) -> None:
    # 16 tokens with 2 special ones: windows of 14 words, the next starting 14 - 14 // 8 = 13 words later.
    words = (["dog"] * 10 + ["grass"] * 10 + ["two"] * 3 + ["last"] * 9)[:32]
    spans = [words[0:14], words[13:27], words[26:32]]
    encoder = OnnxEncoder(folder)
    parts = encoder.encode_texts([" ".join(span) for span in spans]).values
    mean = sum(len(span) * part.astype(np.float64) for span, part in zip(spans, parts, strict=True))
    found = encoder.encode_texts([" ".join(words)]).values[0]
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-5)


def test_the_last_sentence_of_ten_thousand_words_matters(folder: Path) -> None:
    start = "word " * 10_000
    encoder = OnnxEncoder(folder)
    same, again, other = encoder.encode_texts([start + "a dog", start + "a dog", start + "two grass"]).values
    # Entries of a unit vector in 8 dimensions differ by about a window's share, 1 in 770, far above rounding.
    assert np.abs(same - again).max() < 1e-6
    assert np.abs(same - other).max() > 1e-5


def test_batches_larger_than_one_run_keep_their_order(folder: Path) -> None:
    encoder = OnnxEncoder(folder)
    texts = [" ".join(["dog"] * (1 + (n * 7) % 13)) + f" {n}" for n in range(100)]
    many = encoder.encode_texts(texts).values
    one = np.concatenate([encoder.encode_texts([text]).values for text in texts])
    np.testing.assert_allclose(many, one, atol=1e-6)
    images = pictures([(5, 5 + n) for n in range(70)])
    alone = np.concatenate([encoder.encode_images([image]).values for image in images])
    np.testing.assert_allclose(encoder.encode_images(images).values, alone, atol=1e-6)


def test_float32_input_in_either_layout(tiny: ModuleType, tmp_path: Path) -> None:
    mean, std = [10.0, 20.0, 30.0], [2.0, 3.0, 4.0]
    image = pictures([(4, 4)])[0]
    for layout in ("NHWC", "NCHW"):
        folder = tiny.onnx_folder(
            tmp_path / layout, image={"dtype": "float32", "layout": layout, "mean": mean, "std": std}
        )
        wanted = (image - np.array(mean)) / np.array(std)
        wanted = wanted.transpose(2, 0, 1) if layout == "NCHW" else wanted
        found = OnnxEncoder(folder).encode_images([image]).values[0]
        np.testing.assert_allclose(found, oracle_image(folder, wanted), atol=1e-5)


def test_a_text_search_never_opens_the_image_side(folder: Path) -> None:
    (folder / "image.onnx").write_bytes(b"not a graph")
    encoder = OnnxEncoder(folder)
    assert len(encoder.encode_texts(["a dog"])) == 1
    with pytest.raises(ModelError, match=r"image\.onnx cannot be opened"):
        encoder.encode_images(pictures([(4, 4)]))


def test_many_threads_open_a_side_once_and_agree(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = OnnxEncoder(folder)
    opened: list[int] = []
    chain = encoder.chain
    monkeypatch.setattr(encoder, "chain", lambda graphs: opened.append(1) or chain(graphs))
    together = threading.Barrier(8)

    def ask(number: int) -> np.ndarray:
        together.wait()
        return encoder.encode_texts(["a dog", "two dogs on grass"][:: 1 if number % 2 else -1]).values

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert len(opened) == 1
    for number, values in enumerate(found):
        np.testing.assert_array_equal(values if number % 2 else values[::-1], found[1])


@pytest.mark.parametrize(
    ("ending", "fields", "says"),
    [
        ("NAN", {}, "NaN"),
        ("LONG_VECTORS", {}, "norm"),
        ("NORMALISE", {"dim": 9}, "not \\(n, 9\\)"),
    ],
)
def test_a_model_that_answers_wrongly(
    tiny: ModuleType, tmp_path: Path, ending: str, fields: dict[str, int], says: str
) -> None:
    folder = tiny.onnx_folder(tmp_path / "bad", ending=getattr(tiny, ending), **fields)
    encoder = OnnxEncoder(folder)
    for ask in (lambda: encoder.encode_texts(["a dog"]), lambda: encoder.encode_images(pictures([(4, 4)]))):
        with pytest.raises(ShapeError, match=says) as caught:
            ask()
        assert str(folder) in str(caught.value), "the message names the model"
        assert caught.value.remedy


def test_graphs_that_do_not_fit_together(tiny: ModuleType, folder: Path) -> None:
    tiny.change(folder, image={"graphs": ["image_head.onnx"]})
    with pytest.raises(ModelError, match="takes 'pooled', which nothing before it gives"):
        OnnxEncoder(folder).encode_images(pictures([(4, 4)]))
    tiny.change(folder, output="logits")
    with pytest.raises(ModelError, match="has no output 'logits'"):
        OnnxEncoder(folder).encode_texts(["a dog"])


def test_a_run_that_fails_inside_names_the_graph(tiny: ModuleType, folder: Path) -> None:
    tiny.change(folder, image={"size": 5})
    with pytest.raises(ModelError, match=r"image\.onnx failed"):
        OnnxEncoder(folder).encode_images(pictures([(4, 4)]))


def test_a_tokenizer_that_is_none(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer\.json is no tokenizer"):
        OnnxEncoder(folder).encode_texts(["a dog"])


@pytest.mark.parametrize("location", ["secret.bin", "../secret.bin", "{here}/secret.bin"])
def test_weights_outside_the_graph_file_are_refused(
    folder: Path, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The file is there, of the right size, in the working directory and beside the graph: still it is not read.
    model = onnx.load(folder / "image.onnx")
    weight = model.graph.initializer[0]
    for place in (folder, folder.parent):
        (place / "secret.bin").write_bytes(weight.raw_data)
    monkeypatch.chdir(folder)
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location.format(here=folder))
    (folder / "image.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="weights inside it"):
        OnnxEncoder(folder).encode_images(pictures([(4, 4)]))


def test_a_sealed_model_refuses_an_edited_graph(folder: Path) -> None:
    from openitr.encoders import manifest

    manifest.seal(folder)
    with (folder / "text.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match=r"text\.onnx is not the file"):
        OnnxEncoder(folder).encode_texts(["a dog"])


def test_fixed_padding_of_the_tokenizer_file_is_obeyed(folder: Path) -> None:
    from tokenizers import Tokenizer

    from openitr.encoders.onnx import _tokens

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(pad_id=7, pad_token="x", length=16)
    tokenizer.save(str(folder / "tokenizer.json"))
    encoder = OnnxEncoder(folder)
    inner, padding = encoder._tokenizer()
    arrays = _tokens(inner.encode_batch(["a dog"]), padding)
    assert arrays["input_ids"].shape == (1, 16)
    assert arrays["input_ids"][0, -1] == 7
    assert arrays["attention_mask"].sum() == 4


def test_what_is_no_picture(folder: Path) -> None:
    encoder = OnnxEncoder(folder)
    good = pictures([(4, 4)])[0]
    for bad in (good.astype(np.float32), good[:, :, :2], good[:, :, 0], good[:0], "cat.jpg"):
        with pytest.raises(InputError, match="picture 1"):
            encoder.encode_images([good, bad])  # type: ignore[list-item]


def test_threads(folder: Path) -> None:
    with pytest.raises(InputError, match="threads is 0"):
        OnnxEncoder(folder, threads=0)
    one, default = OnnxEncoder(folder, threads=1), OnnxEncoder(folder)
    np.testing.assert_allclose(one.encode_texts(["a dog"]).values, default.encode_texts(["a dog"]).values, atol=1e-6)


def test_no_torch_is_needed(folder: Path) -> None:
    code = (
        "import sys; from openitr.encoders import load\n"
        "e = load(sys.argv[1]); e.encode_texts(['a dog']); print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
