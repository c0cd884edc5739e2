"""Train the heads of `late`, write their folder, measure it: ``python -m recipes.late --data $OPENITR_DATA``."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch

from openitr.encoders import manifest
from openitr.encoders.late import LateEncoder
from recipes.command import DRAFT, given, options
from recipes.default_model import corpus
from recipes.default_model.export import export
from recipes.default_model.features import read_pixels
from recipes.default_model.vectors import image_vectors, text_vectors

from . import card
from .features import photos, words
from .heads import DIM, ImageSide, Reduce, TextSide, counting
from .measure import Bags, bags_of, figures, learned_tokens
from .train import Late, Plan, Split, late, splits, train
from .whole import KEPT, PARTS, Whole


def read(data: Path, towers: Path, cache: Path, features: Path) -> tuple[dict[str, Split], Reduce]:
    """Features of the photos by split, from the cache as far as it goes."""
    pairs = corpus.load(data, "flickr8k")
    seen = photos(data, pairs, towers, cache, "flickr8k")
    texts = [text for pair in pairs for text in pair.texts]
    said, default = words(texts, towers, cache, "flickr8k"), towers.with_name("default")
    dense = image_vectors(data, pairs, default, features), text_vectors(texts, default, features, "flickr8k")
    names, many = np.array([pair.split for pair in pairs]), np.array([len(pair.texts) for pair in pairs])
    return splits(seen, said, dense, counting(towers / "tokenizer.json"), names, many)


def write(folder: Path, model: Late, reduce: Reduce, whole: Whole, towers: Path) -> None:
    """`image_head.onnx`, `text_head.onnx` and `model.json`."""
    images = {"middle": torch.rand(2, 120, 17, 17), "grid": torch.rand(2, 1280, 9, 9), "pooled": torch.rand(2, 1280)}
    about = json.loads((towers.with_name("default") / "model.json").read_text(encoding="utf-8"))
    vectors = {"embedding": torch.nn.functional.normalize(torch.randn(2, about["dim"]), dim=1)}
    images |= vectors
    outputs = ["token_embeddings", "patch_embeddings"]
    axes = {name: {0: "n"} for name in [*images, *outputs]}
    export(ImageSide(reduce, model.image, whole), images, outputs, folder / "image_head.onnx", axes)
    texts = {
        "middle_tokens": torch.randn(2, 7, 384),
        "tokens": torch.randn(2, 7, 384),
        "sentence": torch.randn(2, 384),
        "input_ids": torch.randint(1000, 2000, (2, 7)),
        "attention_mask": torch.ones(2, 7, dtype=torch.long),
        **vectors,
    }
    outputs = ["token_embeddings", "token_mask"]
    axes = {name: {0: "n", 1: "length"} for name in texts} | {"sentence": {0: "n"}, "embedding": {0: "n"}}
    axes |= {name: {0: "n", 1: "longer"} for name in outputs}
    export(
        TextSide(model.text, counting(towers / "tokenizer.json"), whole),
        texts,
        outputs,
        folder / "text_head.onnx",
        axes,
    )
    for name in ("sha256", "calibration"):
        about.pop(name, None)
    # Below the heads lies the default model whole.
    for side in ("image", "text"):
        graphs = about[side]["graphs"]
        graphs = [graph if graph.startswith("../") else f"../default/{graph}" for graph in graphs]
        about[side]["graphs"] = [*graphs, f"{side}_head.onnx"]
    about |= {"name": "late", "kind": "late", "dim": KEPT + PARTS + 1, "output": "token_embeddings"}
    about |= {"summary": card.SUMMARY, "terms": card.TERMS}
    (folder / "model.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    (folder / "MODEL_CARD.md").touch()
    manifest.seal(folder, allow=towers.parent)


def agree(folder: Path, wanted: tuple[Bags, Bags], data: Path, pairs: list[corpus.Pair]) -> float:
    """The least cosine between tokens of the finished files and of the trained heads, on some pictures and texts."""
    encoder = LateEncoder(folder, allow=folder.parent)
    images = encoder.encode_images([read_pixels(data / pair.source / pair.image) for pair in pairs])
    texts = encoder.encode_texts([pair.texts[0] for pair in pairs])
    pairs_of = zip((images, texts), wanted, strict=True)
    return min(float((found.values * tokens[mask].numpy()).sum(1).min()) for found, (tokens, mask) in pairs_of)


def main() -> None:
    parser = options(__doc__, cache=Path(".cache/late"), draft=f"{DRAFT} and write no model")
    parser.add_argument("--features", type=Path, default=Path(".cache/default_model"), help="of the default model")
    said = given(parser)
    start, plan = time.time(), Plan()
    data, towers, folder = said.data, said.out / "towers", said.out / "late"
    parts, reduce = read(data, towers, said.cache, said.features)
    model, learned = late(parts["train"], plan), parts["train"]
    train(model, learned, plan, "late", said.cache / f"late-{plan.key}.safetensors")
    whole = Whole(DIM)
    with torch.no_grad():
        whole.fit(*learned.dense, *learned_tokens(model, learned))
    reached = figures(model, whole, parts, ["held"] if said.draft else list(card.SPLITS))
    if said.draft:
        return
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, model, reduce, whole, towers)
    held = [pair for pair in corpus.load(data, "flickr8k") if pair.split == "held"][:32]
    rows = np.arange(len(held))
    texts = np.searchsorted(parts["held"].owner, rows)
    cosine = agree(folder, bags_of(model, whole, parts["held"], rows, texts), data, held)
    print(f"finished files against trained heads: cosine of every token at least {cosine:.4f}", flush=True)
    text = card.write(folder, reached, plan, cosine, time.time() - start)
    (folder / "MODEL_CARD.md").write_text(text, encoding="utf-8")
    print(f"done in {time.time() - start:.0f} s: {folder}", flush=True)


if __name__ == "__main__":
    main()
