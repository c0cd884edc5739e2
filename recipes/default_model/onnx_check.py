"""Embeds with the finished files, the way any reader of a model folder does, and times them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from .corpus import Pair
from .features import open_graph, read_pixels
from .measure import Recall, recall


class Finished:
    """A model folder, run graph after graph."""

    def __init__(self, folder: Path) -> None:
        self.spec = json.loads((folder / "model.json").read_text())
        self.image = [open_graph(folder / g) for g in self.spec["image"]["graphs"]]
        self.text = [open_graph(folder / g) for g in self.spec["text"]["graphs"]]
        self.tokenizer = Tokenizer.from_file(str(folder / self.spec["text"]["tokenizer"]))
        self.tokenizer.enable_truncation(self.spec["text"]["max_tokens"])

    def _run(self, graphs: list, given: dict[str, np.ndarray]) -> np.ndarray:
        for graph in graphs:
            names = [o.name for o in graph.get_outputs()]
            given |= dict(
                zip(names, graph.run(names, {i.name: given[i.name] for i in graph.get_inputs()}), strict=True)
            )
        return given[self.spec["output"]]

    def images(self, paths: list[Path], batch: int = 8) -> np.ndarray:
        parts = [paths[i : i + batch] for i in range(0, len(paths), batch)]
        return np.concatenate([self._run(self.image, {"pixels": np.stack([read_pixels(p) for p in q])}) for q in parts])

    def texts(self, texts: list[str], batch: int = 32) -> np.ndarray:
        encoded = self.tokenizer.encode_batch(texts)
        order = np.argsort([len(e.ids) for e in encoded], kind="stable")
        out = np.zeros((len(texts), self.spec["dim"]), np.float32)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            length = max(len(encoded[r].ids) for r in rows)
            ids = np.zeros((len(rows), length), np.int64)
            for at, r in enumerate(rows):
                ids[at, : len(encoded[r].ids)] = encoded[r].ids
            mask = np.zeros_like(ids)
            for at, r in enumerate(rows):
                mask[at, : len(encoded[r].ids)] = 1
            out[rows] = self._run(self.text, {"input_ids": ids, "attention_mask": mask})
        return out

    def recall(self, data: Path, pairs: list[Pair]) -> Recall:
        images = self.images([data / p.source / p.image for p in pairs])
        texts = self.texts([t for p in pairs for t in p.texts])
        return recall(images, texts, np.repeat(np.arange(len(pairs)), [len(p.texts) for p in pairs]))

    def milliseconds(self) -> tuple[float, float]:
        """The least of 20 runs: one picture in a batch of 8 (decoding not counted), one short text."""
        size = self.spec["image"]["size"]
        pixels = np.random.default_rng(0).integers(0, 255, (8, size, size, 3), dtype=np.uint8)
        image, text = [], []
        for _ in range(20):
            start = time.perf_counter()
            self._run(self.image, {"pixels": pixels})
            image.append((time.perf_counter() - start) / 8 * 1e3)
            start = time.perf_counter()
            self.texts(["a brown dog runs over the wet grass with a ball"])
            text.append((time.perf_counter() - start) * 1e3)
        return min(image), min(text)
