"""A tiny lexicon model that the tests build: the tiny dense one with other heads and a word list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import helper

from tests.encoders import tiny

WORDS = ("two", "dogs", "grass", "caf\u00e9", "t-shirt", "at", "last", "word")


def lexicon_folder(folder: Path) -> Path:
    """Two heads on the tiny towers; texts are told which words stand in them."""
    tiny.onnx_folder(
        folder,
        kind="lexicon",
        output="weights",
        lexicon={"words": "words.txt", "image_terms": 5, "text_terms": 7},
    )
    (folder / "words.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    rng = np.random.default_rng(3)
    for side in ("image", "text"):
        present = [tiny.value("present", tiny.FLOAT, "n", len(WORDS))] if side == "text" else []
        raw = "turned" if side == "image" else "hinted"
        tiny.save_graph(
            folder / f"{side}_head.onnx",
            [
                helper.make_node("MatMul", ["pooled", "head"], ["turned"]),
                *([helper.make_node("Max", ["turned", "present"], ["hinted"])] if present else []),
                helper.make_node("Relu", [raw], ["above"]),
                helper.make_node("Add", ["above", "one"], ["more"]),
                helper.make_node("Log", ["more"], ["weights"]),
            ],
            [tiny.value("pooled", tiny.FLOAT, "n", 6), *present],
            [tiny.value("weights", tiny.FLOAT, "n", len(WORDS))],
            {"head": rng.normal(size=(6, len(WORDS))).astype(np.float32), "one": np.ones(1, np.float32)},
        )
    return folder
