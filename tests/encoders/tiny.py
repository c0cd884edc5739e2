"""Tiny models that the tests build: seeded, a few kilobytes, no network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DIM, VOCAB = 8, 300
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "two", "dog", "dogs", "on", "grass", "word", "and", "at", "last"]


def tokenizer_file(path: Path, *, ends: tuple[str, str] = ("[CLS]", "[SEP]"), words: list[str] = WORDS) -> Path:
    """A word-level tokenizer over words and letters, with special tokens at both ends."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    names = [*words, *ends, *"abcdefghijklmnopqrstuvwxyz0123456789"]
    vocab = {word: number for number, word in enumerate(dict.fromkeys(names))}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", continuing_subword_prefix=""))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{ends[0]} $A {ends[1]}", special_tokens=[(end, vocab[end]) for end in ends]
    )
    tokenizer.save(str(path))
    return path


def save_graph(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: dict[str, Any]) -> None:
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def value(name: str, kind: int, *shape: Any) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


FLOAT, BYTE, LONG = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT64
NORMALISE = [helper.make_node("LpNormalization", ["raw"], ["embedding"], axis=1, p=2)]
# log(-1) is NaN; the model then answers the way a broken export does.
NAN = [
    helper.make_node("Abs", ["raw"], ["size"]),
    helper.make_node("Neg", ["size"], ["below"]),
    helper.make_node("Log", ["below"], ["embedding"]),
]
LONG_VECTORS = [helper.make_node("Add", ["raw", "raw"], ["embedding"])]


def onnx_folder(folder: Path, *, seed: int = 0, ending: list[Any] = NORMALISE, **fields: Any) -> Path:
    """A model folder: mean colour and mean token vector, each through a linear head in a second graph.

    Args:
        folder: Made, with model.json, four graphs and a tokenizer.
        seed: Of the weights.
        ending: Nodes from "raw" to "embedding" at the end of both heads.
        fields: Replace fields of model.json; "image" and "text" are merged.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    floating = fields.get("image", {}).get("dtype") == "float32"
    channels_first = fields.get("image", {}).get("layout") == "NCHW"
    pixels = value("pixels", FLOAT if floating else BYTE, "n", *((3, 4, 4) if channels_first else (4, 4, 3)))
    save_graph(
        folder / "image.onnx",
        [
            helper.make_node("Cast", ["pixels"], ["wide"], to=FLOAT),
            helper.make_node("Flatten", ["wide"], ["flat"], axis=1),
            helper.make_node("MatMul", ["flat", "mix"], ["pooled"]),
        ],
        [pixels],
        [value("flat", FLOAT, "n", 48), value("pooled", FLOAT, "n", 6)],
        {"mix": rng.normal(size=(48, 6)).astype(np.float32) / 255},
    )
    save_graph(
        folder / "text.onnx",
        [
            helper.make_node("Gather", ["table", "input_ids"], ["tokens"]),
            helper.make_node("Cast", ["attention_mask"], ["seen"], to=FLOAT),
            helper.make_node("Unsqueeze", ["seen", "last"], ["column"]),
            helper.make_node("Mul", ["tokens", "column"], ["kept"]),
            helper.make_node("ReduceSum", ["kept", "first"], ["pooled"], keepdims=0),
        ],
        [value("input_ids", LONG, "n", "l"), value("attention_mask", LONG, "n", "l")],
        [value("pooled", FLOAT, "n", 6)],
        {
            "table": rng.normal(size=(VOCAB, 6)).astype(np.float32),
            "last": np.array([2], np.int64),
            "first": np.array([1], np.int64),
        },
    )
    for side in ("image", "text"):
        save_graph(
            folder / f"{side}_head.onnx",
            [
                helper.make_node("MatMul", ["pooled", "head"], ["turned"]),
                helper.make_node("Add", ["turned", "shift"], ["raw"]),
                *ending,
            ],
            [value("pooled", FLOAT, "n", 6)],
            [value("embedding", FLOAT, "n", DIM)],
            {
                "head": rng.normal(size=(6, DIM)).astype(np.float32),
                # Keeps a black picture away from the zero vector, which has no direction.
                "shift": np.full(DIM, 0.5, np.float32),
            },
        )
    tokenizer_file(folder / "tokenizer.json")
    stored: dict[str, Any] = {
        "format": 1,
        "name": "tiny",
        "kind": "dense",
        "dim": DIM,
        "summary": "a tiny model",
        "image": {
            "graphs": ["image.onnx", "image_head.onnx"],
            "size": 4,
            "fit": "squash",
            "interpolation": "bicubic",
            "dtype": "uint8",
            "layout": "NHWC",
        },
        "text": {"graphs": ["text.onnx", "text_head.onnx"], "tokenizer": "tokenizer.json", "max_tokens": 16},
        "output": "embedding",
    }
    for key, new in fields.items():
        stored[key] = {**stored[key], **new} if isinstance(stored.get(key), dict) else new
    (folder / "model.json").write_text(json.dumps(stored))
    return folder


def change(folder: Path, **fields: Any) -> Path:
    """Change fields of model.json; a field set to None goes."""
    stored = json.loads((folder / "model.json").read_text())
    for key, new in fields.items():
        stored[key] = {**stored[key], **new} if isinstance(new, dict) and key in stored else new
    (folder / "model.json").write_text(json.dumps({k: v for k, v in stored.items() if v is not None}))
    return folder
