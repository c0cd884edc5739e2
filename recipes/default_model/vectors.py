"""Vectors of the finished default model from cached features, kept beside them: what other heads stand on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from .corpus import Pair
from .features import image_features, key, open_graph, text_features
from .line import token_ids
from .second import second_features

BATCH = 64


def image_vectors(data: Path, pairs: list[Pair], folder: Path, cache: Path, mirror: bool = False) -> np.ndarray:
    """(n, d) float16 vectors of pictures; `folder` is that of the default model, beside `towers/`."""
    label = f"{pairs[0].source}{'-mirror' if mirror else ''}-{key([pair.image for pair in pairs])}"
    path = _place(cache, label, folder, "image")
    if path.exists():
        return np.load(path)
    seen = image_features(data, pairs, cache / "towers", cache, mirror)
    second = second_features(data, pairs, folder / "second.onnx", cache, mirror).numpy()
    head, found = open_graph(folder / "image_head.onnx"), []
    for at in range(0, len(pairs), BATCH):
        part = slice(at, at + BATCH)
        given = {
            "middle": seen.middle[part].astype(np.float32).transpose(0, 3, 1, 2),
            "pooled": seen.pooled[part].astype(np.float32),
            "logits": seen.logits[part].astype(np.float32),
            "second": second[part],
        }
        found.append(head.run(["embedding"], given)[0].astype(np.float16))
    np.save(path, np.concatenate(found))
    return np.load(path)


def text_vectors(texts: list[str], folder: Path, cache: Path, label: str) -> np.ndarray:
    """(n, d) float16 vectors of texts."""
    path = _place(cache, f"{label}-texts-{key(texts)}", folder, "text")
    if path.exists():
        return np.load(path)
    said, ids = text_features(texts, cache, label), token_ids(texts)
    head = open_graph(folder / "text_head.onnx")
    order = np.argsort([len(one) for one in ids], kind="stable")
    found: list[np.ndarray] = []
    for at in range(0, len(order), BATCH):
        rows = order[at : at + BATCH]
        states, mask = said.padded(rows)
        asked = np.zeros(mask.shape, np.int64)
        for place, row in enumerate(rows):
            asked[place, : len(ids[row])] = ids[row]
        given = {
            "middle_tokens": states.numpy(),
            "attention_mask": mask.numpy().astype(np.int64),
            "sentence": said.sentence[rows],
            "input_ids": asked,
        }
        found.append(head.run(["embedding"], given)[0].astype(np.float16))
    out = np.empty((len(texts), found[0].shape[1]), np.float16)
    out[order] = np.concatenate(found)
    np.save(path, out)
    return out


def _place(cache: Path, label: str, folder: Path, side: str) -> Path:
    head = hashlib.sha256((folder / f"{side}_head.onnx").read_bytes()).hexdigest()
    return cache / f"{label}-vectors-{head[:12]}.npy"
