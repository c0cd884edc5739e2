"""The tower as a model folder: an ONNX graph with 8-bit weights, the list of pieces, model.json."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from openitr.encoders.manifest import seal
from recipes.default_model.export import export

from .bag import Bag

NAME = "multilingual"
SUMMARY = (
    "The default model, asked in German, Chinese, Arabic, French and Czech too, and in words of ten more languages."
)
TERMS = (
    "Research and other non-commercial use only: trained on Flickr8k and its captions in six languages; names of emoji "
    "are Unicode-3.0, the English tower and the guessed dictionary's encoder Apache-2.0, the written dictionaries GPL "
    "(FreeDict) and CC BY-SA 4.0 (CC-CEDICT)."
)


class Exported(nn.Module):
    """(n, L) rows of pieces and their weights, 0 where a text is shorter, to vectors and how English they look."""

    def __init__(self, bag: Bag) -> None:
        super().__init__()
        self.bag = bag
        self.table = nn.Embedding.from_pretrained(bag.table.weight.detach())

    def forward(self, pieces: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        summed = self.bag.norm((self.table(pieces) * weights.unsqueeze(2)).sum(1))
        return self.bag.vector(summed), torch.sigmoid(self.bag.english(summed))


def write(folder: Path, bag: Bag, known: list[str], weights: Path) -> None:
    """`bag.onnx`, `pieces.txt` and `model.json` beside the models in `weights`, of which "default" lends the rest."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    given = {"pieces": torch.zeros(2, 5, dtype=torch.long), "weights": torch.full((2, 5), 0.4)}
    axes = {name: {0: "n", 1: "length"} for name in given} | {"embedding": {0: "n"}, "english": {0: "n"}}
    export(Exported(bag).eval(), given, ["embedding", "english"], folder / "bag.onnx", axes)
    (folder / "pieces.txt").write_text("\n".join(known) + "\n", encoding="utf-8")
    spec = json.loads((weights / "default" / "model.json").read_text(encoding="utf-8"))
    for name in ("sha256", "calibration"):
        spec.pop(name, None)
    spec |= {"name": NAME, "summary": SUMMARY, "terms": TERMS, "card": "MODEL_CARD.md"}
    for side in ("image", "text"):
        spec[side]["graphs"] = [_beside(g) for g in spec[side]["graphs"]]
    spec["bag"] = {"graph": "bag.onnx", "pieces": "pieces.txt"}
    (folder / "model.json").write_text(json.dumps(spec, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text("being measured\n", encoding="utf-8")
    seal(folder, allow=folder.parent)


def _beside(name: str) -> str:
    """A file that the default model names, seen from the folder next to it."""
    return name if name.startswith("../") else f"../default/{name}"


def difference(folder: Path, bag: Bag, texts: list[list[np.ndarray]]) -> float:
    """The least cosine between the finished graph and the trained net; the 8 bits cost the rest."""
    session = onnxruntime.InferenceSession(str(folder / "bag.onnx"), providers=["CPUExecutionProvider"])
    wanted, _ = bag.embed(texts)
    found = []
    for text in texts:
        rows = np.concatenate(text)[None]
        weights = np.full(rows.shape, 1 / np.sqrt(rows.shape[1]), np.float32)
        found.append(session.run(["embedding"], {"pieces": rows, "weights": weights})[0][0])
    return float((np.stack(found) * wanted.numpy()).sum(1).min())
