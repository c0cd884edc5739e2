"""From trained heads to a model folder: ONNX graphs, the word list, `model.json`, and a card with measured figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from openitr.encoders import manifest
from openitr.models import term_weights
from openitr.train.frozen import ImageSummary, TextSummary
from recipes.default_model import corpus
from recipes.default_model.export import export
from recipes.default_model.features import image_features, open_graph, text_features
from recipes.default_model.folders import MAX_TOKENS
from recipes.default_model.measure import Recall
from recipes.default_model.towers import SIZE

from .sources import class_hints
from .train import Heads, Plan, described, pruned
from .words import held_by

IMAGE_WORDS, TEXT_WORDS = 64, 24
TERMS = (
    "Research and other non-commercial use only: the heads were trained on Flickr8k and catalogue photos. "
    "The towers below them are Apache-2.0."
)


class ImageSide(nn.Module):
    """(n, 120, 17, 17) middle map, (n, 1280) pooled features and (n, 1000) logits to (n, V) weights of words."""

    def __init__(self, heads: Heads) -> None:
        super().__init__()
        self.head, self.summary = heads.image, ImageSummary()
        self.register_buffer("classes", heads.classes)

    def forward(self, middle: Tensor, pooled: Tensor, logits: Tensor) -> Tensor:
        hints = class_hints(logits, self.classes, len(self.head.trust))
        return term_weights(self.head(self.summary(middle, pooled), hints=hints))


class TextSide(nn.Module):
    """Middle token states, their mask, the sentence vector and the (n, V) words present to (n, V) weights."""

    def __init__(self, heads: Heads) -> None:
        super().__init__()
        self.head, self.summary = heads.text, TextSummary()

    def forward(self, states: Tensor, mask: Tensor, sentence: Tensor, present: Tensor) -> Tensor:
        return term_weights(self.head(self.summary(states, mask, sentence), hints=present))


def write(heads: Heads, known: list[str], folder: Path) -> None:
    """Graphs, words and manifest; `folder` lies beside `towers/`."""
    heads.eval()
    images = {"middle": torch.randn(2, 120, 17, 17), "pooled": torch.rand(2, 1280), "logits": torch.randn(2, 1000)}
    axes = {name: {0: "n"} for name in [*images, "weights"]}
    export(ImageSide(heads), images, ["weights"], folder / "image_head.onnx", axes)
    texts = {
        "middle_tokens": torch.randn(2, 7, 384),
        "attention_mask": torch.ones(2, 7, dtype=torch.long),
        "sentence": torch.randn(2, 384),
        "present": torch.zeros(2, len(known)),
    }
    axes = {"middle_tokens": {0: "n", 1: "length"}, "attention_mask": {0: "n", 1: "length"}}
    axes |= {name: {0: "n"} for name in ("sentence", "present", "weights")}
    export(TextSide(heads), texts, ["weights"], folder / "text_head.onnx", axes)
    (folder / "words.txt").write_text("\n".join(known) + "\n", encoding="utf-8")
    spec = {
        "format": 1,
        "name": "lexicon",
        "kind": "lexicon",
        "dim": len(known),
        "summary": "Pictures and texts as weighted words, searched through an inverted index.",
        "image": {
            "graphs": ["../towers/image.onnx", "image_head.onnx"],
            "size": SIZE,
            "fit": "squash",
            "interpolation": "bicubic",
            "dtype": "uint8",
            "layout": "NHWC",
        },
        "text": {
            "graphs": ["../towers/text.onnx", "text_head.onnx"],
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


def measured(folder: Path, data: Path, cache: Path, source: str, split: str) -> Recall:
    """Recall of the finished heads on one split, fed with the towers' outputs as the cache keeps them."""
    every = corpus.load(data, source)
    rows = np.flatnonzero([pair.split == split for pair in every])
    features = image_features(data, every, cache / "towers", cache)
    spoken = text_features([t for pair in every for t in pair.texts], cache, source)
    first = np.concatenate([[0], np.cumsum([len(pair.texts) for pair in every])])
    texts = np.concatenate([np.arange(first[row], first[row + 1]) for row in rows])
    heads = [open_graph(folder / f"{side}_head.onnx") for side in ("image", "text")]
    seen = []
    for part in np.array_split(rows, -(-len(rows) // 64)):
        given = {
            "middle": features.middle[part].astype(np.float32).transpose(0, 3, 1, 2),
            "pooled": features.pooled[part].astype(np.float32),
            "logits": features.logits[part].astype(np.float32),
        }
        seen.append(heads[0].run(["weights"], given)[0])
    known = (folder / "words.txt").read_text("utf-8").split()
    captions = [t for pair in every for t in pair.texts]
    told = []
    for part in np.array_split(texts, -(-len(texts) // 64)):
        states, mask = spoken.padded(part)
        given = {
            "middle_tokens": states.numpy(),
            "attention_mask": mask.numpy().astype(np.int64),
            "sentence": spoken.sentence[part],
            "present": held_by([captions[t] for t in part], known).toarray(),
        }
        told.append(heads[1].run(["weights"], given)[0])
    one, other = torch.from_numpy(np.concatenate(seen)), torch.from_numpy(np.concatenate(told))
    owner = np.repeat(np.arange(len(rows)), [first[row + 1] - first[row] for row in rows])
    return pruned(one, other, owner, IMAGE_WORDS, TEXT_WORDS)


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
        found = measured(fresh, data, cache, source, split)
        t, i = (" / ".join(f"{v:.1f}" for v in side) for side in (found.t2i, found.i2t))
        lines.append(f"| {label} | {t} | {i} | {found.rsum:.1f} |")
        print(f"{label}: {found}", flush=True)
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
