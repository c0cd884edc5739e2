"""Writes the model folders: tokenizer, `model.json`, and the cards filled with measured figures."""

from __future__ import annotations

import json
from pathlib import Path

from .features import load_tokenizer
from .towers import SIZE

MAX_TOKENS = 64
TERMS = {
    "default": "Research and other non-commercial use only: the heads were trained on Flickr8k and catalogue photos. "
    "The towers below them are Apache-2.0; `conse` has clean terms.",
    "conse": "Apache-2.0 towers (EfficientNet-Lite2, all-MiniLM-L6-v2) and class names; no weight was trained.",
}
SUMMARY = {
    "default": "Photos and short English texts: a linear part, a trained head and ConSE on frozen public towers.",
    "conse": "Zero training, clean terms: class probabilities mixed into sentence vectors of class names.",
}


def write_tokenizer(path: Path) -> None:
    """The reader's tokenizer, without padding or truncation: the caller decides on both."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(load_tokenizer().to_str(pretty=False), encoding="utf-8")


def write_manifest(folder: Path, dim: int) -> None:
    """`model.json`, format 1."""
    name = folder.name
    second = ["second.onnx"] if (folder / "second.onnx").exists() else []
    spec = {
        "format": 1,
        "name": name,
        "kind": "dense",
        "dim": dim,
        "summary": SUMMARY[name],
        "image": {
            "graphs": ["../towers/image.onnx", *second, "image_head.onnx"],
            "size": SIZE,
            "fit": "squash",
            "interpolation": "bicubic",
            "dtype": "uint8",
            "layout": "NHWC",
            "mean": [0, 0, 0],
            "std": [1, 1, 1],
        },
        "text": {
            "graphs": ["../towers/text.onnx", "text_head.onnx"],
            "tokenizer": "../towers/tokenizer.json",
            "max_tokens": MAX_TOKENS,
        },
        "output": "embedding",
        "terms": TERMS[name],
        "card": "MODEL_CARD.md",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps(spec, indent=2) + "\n", encoding="utf-8")
