"""From trained heads to a model folder: ONNX graphs, the word list, `model.json`, and a card with measured figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.encoders import manifest
from openitr.models import term_weights
from recipes.default_model import corpus
from recipes.default_model.export import export
from recipes.default_model.features import image_features, open_graph
from recipes.default_model.folders import MAX_TOKENS
from recipes.default_model.measure import Recall, recall
from recipes.default_model.towers import SIZE
from recipes.default_model.vectors import image_vectors, text_vectors

from .sources import class_hints
from .train import Heads, Plan, described, pruned
from .words import held_by

IMAGE_WORDS, TEXT_WORDS = 100, 48
# What lies below the heads: the default model whole.
IMAGE_GRAPHS = ("towers/image", "default/second", "default/image_head")
TEXT_GRAPHS = ("towers/text", "default/text_head")
TERMS = (
    "Research and other non-commercial use only: the heads were trained on Flickr8k and catalogue photos. "
    "The towers below them are Apache-2.0."
)


class ImageSide(nn.Module):
    """(n, d) vectors of the default model and (n, 1000) logits to (n, V) weights of words."""

    def __init__(self, heads: Heads) -> None:
        super().__init__()
        self.head = heads.image
        self.register_buffer("classes", heads.classes)

    def forward(self, embedding: Tensor, logits: Tensor) -> Tensor:
        hints = class_hints(logits, self.classes, len(self.head.trust))
        return term_weights(self.head(embedding, hints=hints))


class TextSide(nn.Module):
    """(n, d) vectors of the default model and the (n, V) words present to (n, V) weights."""

    def __init__(self, heads: Heads) -> None:
        super().__init__()
        self.head = heads.text

    def forward(self, embedding: Tensor, present: Tensor) -> Tensor:
        return term_weights(self.head(embedding, hints=present))


def write(heads: Heads, known: list[str], folder: Path) -> None:
    """Graphs, words and manifest; `folder` lies beside `towers/` and `default/`."""
    heads.eval()
    width = heads.image.config["features"]
    images = {"embedding": F.normalize(torch.randn(2, width), dim=1), "logits": torch.randn(2, 1000)}
    axes = {name: {0: "n"} for name in [*images, "weights"]}
    export(ImageSide(heads), images, ["weights"], folder / "image_head.onnx", axes)
    texts = {"embedding": F.normalize(torch.randn(2, width), dim=1), "present": torch.zeros(2, len(known))}
    axes = {name: {0: "n"} for name in [*texts, "weights"]}
    export(TextSide(heads), texts, ["weights"], folder / "text_head.onnx", axes)
    (folder / "words.txt").write_text("\n".join(known) + "\n", encoding="utf-8")
    spec = {
        "format": 1,
        "name": "lexicon",
        "kind": "lexicon",
        "dim": len(known),
        "summary": "Pictures and texts as weighted words, searched through an inverted index.",
        "image": {
            "graphs": [f"../{graph}.onnx" for graph in IMAGE_GRAPHS] + ["image_head.onnx"],
            "size": SIZE,
            "fit": "squash",
            "interpolation": "bicubic",
            "dtype": "uint8",
            "layout": "NHWC",
        },
        "text": {
            "graphs": [f"../{graph}.onnx" for graph in TEXT_GRAPHS] + ["text_head.onnx"],
            "tokenizer": "../towers/tokenizer.json",
            "max_tokens": MAX_TOKENS,
        },
        "output": "weights",
        "lexicon": {"words": "words.txt", "image_terms": IMAGE_WORDS, "text_terms": TEXT_WORDS},
        "terms": TERMS,
        "card": "MODEL_CARD.md",
    }
    (folder / "model.json").write_text(json.dumps(spec, indent=2) + "\n", encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text("being measured\n", encoding="utf-8")
    manifest.seal(folder, allow=folder.parent)


def measured(folder: Path, data: Path, cache: Path, source: str, split: str) -> tuple[Recall, Recall]:
    """Recall of the finished heads on one split, and of the dense vectors they stand on, from cached features."""
    every, default = corpus.load(data, source), folder.with_name("default")
    rows = np.flatnonzero([pair.split == split for pair in every])
    logits = image_features(data, every, cache / "towers", cache).logits[rows].astype(np.float32)
    images = image_vectors(data, every, default, cache)[rows].astype(np.float32)
    first = np.concatenate([[0], np.cumsum([len(pair.texts) for pair in every])])
    captions = [t for pair in every for t in pair.texts]
    kept = np.concatenate([np.arange(first[row], first[row + 1]) for row in rows])
    texts = text_vectors(captions, default, cache, source)[kept].astype(np.float32)
    known = (folder / "words.txt").read_text("utf-8").split()
    present = held_by([captions[t] for t in kept], known).toarray()
    heads = [open_graph(folder / f"{side}_head.onnx") for side in ("image", "text")]
    seen = heads[0].run(["weights"], {"embedding": images, "logits": logits})[0]
    told = heads[1].run(["weights"], {"embedding": texts, "present": present})[0]
    owner = np.repeat(np.arange(len(rows)), [first[row + 1] - first[row] for row in rows])
    found = pruned(torch.from_numpy(seen), torch.from_numpy(told), owner, IMAGE_WORDS, TEXT_WORDS)
    return found, recall(images, texts, owner)


def finish(heads: Heads, known: list[str], plan: Plan, data: Path, cache: Path, out: Path, share: float) -> None:
    """Write the folder, measure it, fill in its card."""
    fresh = out.with_name(f".{out.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    write(heads, known, fresh)
    sets = {
        "500 held-out photos": ("flickr8k", "held"),
        "Flickr8k val, 1,000 photos": ("flickr8k", "val"),
        "breadth": ("tuxpaint", "breadth"),
    }
    lines = []
    for label, (source, split) in sets.items():
        for what, found in zip(("words", "default, dense"), measured(fresh, data, cache, source, split), strict=True):
            t, i = (" / ".join(f"{v:.1f}" for v in side) for side in (found.t2i, found.i2t))
            lines.append(f"| {label}, {what} | {t} | {i} | {found.rsum:.1f} |")
            print(f"{label}, {what}: {found}", flush=True)
    template = Path(__file__).with_name("card.md").read_text(encoding="utf-8")
    card = template.format(
        words=len(known), image=IMAGE_WORDS, text=TEXT_WORDS, plan=described(plan), rows="\n".join(lines),
        share=share, terms=TERMS, hash=corpus.data_hash(data, ["flickr8k", "openclipart", "emoji", "fashion"]),
        megabytes=sum(p.stat().st_size for p in fresh.iterdir()) / 1e6,
    )  # fmt: skip
    (fresh / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)
    print(f"finished: {out}", flush=True)
