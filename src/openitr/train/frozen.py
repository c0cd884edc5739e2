# mypy: disallow-subclassing-any=False
"""Features of the shipped frozen towers, computed once: what projectors are trained on.

The picture: the tower's pooled features, its middle map pooled over four quarters (what stands where), and that map's
maximum. The text: the sentence vector, and mean and maximum of the token states in the middle, which still hold single
words. The same modules compute them here and inside the exported graphs.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from openitr.datasets.pair import Pair
from openitr.datasets.pairs import PairDataset
from openitr.encoders import WEIGHTS, manifest
from openitr.encoders.graphs import session
from openitr.train.examples import Examples
from openitr.train.prepare import Say, labels_of, read_pixels

IMAGE_WIDTH, TEXT_WIDTH = 1280 + 4 * 120 + 120, 3 * 384
TOWERS = WEIGHTS / "towers"
BATCH = 32
FILES = ("image.onnx", "text.onnx", "tokenizer.json")


class ImageSummary(nn.Module):
    """(n, 120, 17, 17) middle map and (n, 1280) pooled features to (n, 1880)."""

    def forward(self, middle: Tensor, pooled: Tensor) -> Tensor:
        """The pooled features, the mean of each quarter, the maximum of the map."""
        rows = middle[:, :, :9].mean(2), middle[:, :, 8:].mean(2)
        quarters = [half.mean(2) for row in rows for half in (row[:, :, :9], row[:, :, 8:])]
        return torch.cat([pooled, *quarters, middle.amax((2, 3))], 1)


class TextSummary(nn.Module):
    """(n, L, 384) middle token states, their (n, L) mask and the (n, 384) sentence vector to (n, 1152)."""

    def forward(self, states: Tensor, mask: Tensor, sentence: Tensor) -> Tensor:
        """The sentence, the mean and the maximum of the real tokens."""
        weights = mask.to(states.dtype).unsqueeze(-1)
        mean = (states * weights).sum(1) / weights.sum(1).clamp(min=1)
        highest = (states - (1 - weights) * 1e4).amax(1)
        return torch.cat([sentence, mean, highest], 1)


class FrozenTowers:
    """The shipped towers as a source of features; runs on ONNX Runtime, as the exported model will.

    Args:
        threads: Of the runtime; None for one per physical core.

    Attributes:
        preparation: How a picture becomes the image tower's square.
        max_tokens: Longest text; the rest is cut.
        digest: Of the files of both towers.
    """

    def __init__(self, *, threads: int | None = None) -> None:
        from tokenizers import Tokenizer

        shipped = manifest.read(WEIGHTS / "default", allow=WEIGHTS)
        self.preparation, self.max_tokens = shipped.image.preparation, shipped.text.max_tokens
        self.digest = sha256("|".join(shipped.digests[(TOWERS / f).resolve()] for f in FILES).encode()).hexdigest()
        paths = TOWERS / "image.onnx", TOWERS / "text.onnx"
        self._image, self._text = (session(path.read_bytes(), path, threads) for path in paths)
        self._tokenizer = Tokenizer.from_file(str(TOWERS / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.max_tokens)
        self._of_image, self._of_text = ImageSummary(), TextSummary()

    def images(self, pixels: Tensor) -> Tensor:
        """(n, 3, s, s) uint8 squares to (n, 1880)."""
        found = []
        for batch in pixels.split(BATCH):
            squares = batch.permute(0, 2, 3, 1).contiguous().numpy()
            middle, pooled = self._image.run(["middle", "pooled"], {"pixels": squares})
            found.append(self._of_image(torch.from_numpy(middle), torch.from_numpy(pooled)))
        return torch.cat(found)

    def maps(self, pixels: Tensor, name: str = "middle") -> Tensor:
        """(n, 3, s, s) uint8 squares to a map, what is where: "middle" (n, 120, 17, 17), "grid" (n, 1280, 9, 9)."""
        squares = (batch.permute(0, 2, 3, 1).contiguous().numpy() for batch in pixels.split(BATCH))
        return torch.cat([torch.from_numpy(self._image.run([name], {"pixels": each})[0]) for each in squares])

    def texts(self, texts: Sequence[str]) -> Tensor:
        """Texts to (n, 1152)."""
        encodings = self._tokenizer.encode_batch(list(texts))
        order = sorted(range(len(encodings)), key=lambda i: len(encodings[i].ids))
        found = torch.empty(len(encodings), TEXT_WIDTH)
        for at in range(0, len(order), BATCH):
            rows = order[at : at + BATCH]
            ids = np.zeros((len(rows), len(encodings[rows[-1]].ids)), np.int64)
            mask = np.zeros_like(ids)
            for row, encoding in enumerate(encodings[i] for i in rows):
                ids[row, : len(encoding.ids)], mask[row, : len(encoding.ids)] = encoding.ids, 1
            asked = {"input_ids": ids, "attention_mask": mask}
            states, sentence = self._text.run(["middle_tokens", "sentence"], asked)
            found[rows] = self._of_text(torch.from_numpy(states), torch.from_numpy(mask), torch.from_numpy(sentence))
        return found


def feature_examples(
    data: PairDataset,
    towers: FrozenTowers,
    *,
    lang: str,
    label: str = "",
    say: Say,
    cache: Path | None = None,
    chunk: int = 256,
) -> Examples:
    """Pairs as features of the frozen towers, rounded to half precision; computed once where a cache is given.

    Args:
        data: Every pair with a text in ``lang``.
        towers: Where features come from.
        lang: Language of the texts.
        label: Metadata field that becomes the labels; none if empty.
        say: Told what is going on.
        cache: Folder; features are kept there by the hash of data and towers.
        chunk: Pictures whose pixels are held at once.
    """
    kept = cache / f"{sha256(f'1|{towers.digest}|{lang}|{data.hash}'.encode()).hexdigest()[:24]}.npz" if cache else None
    found = _read(kept) if kept else None
    if found is None:
        found = _compute(data, towers, lang, say, chunk)
        if kept:
            _write(kept, found)
    rows = found["rows"].tolist()
    there = PairDataset([data[row] for row in rows], data.name)
    return Examples(
        torch.from_numpy(found["pictures"].astype(np.float32)),
        torch.from_numpy(found["texts"].astype(np.float32)),
        there.texts(lang)[1],
        labels_of(there, label) if label else None,
        str(found["content"]),
    )


def _compute(data: PairDataset, towers: FrozenTowers, lang: str, say: Say, chunk: int) -> dict[str, Any]:
    place = {pair.id: row for row, pair in enumerate(data)}
    pictures, kept, stamps = [], list[Pair](), []
    for at in range(0, len(data), chunk):
        pixels, read, content = read_pixels(data[at : at + chunk], towers.preparation, say)
        pictures.append(towers.images(pixels).half())
        kept += list(read)
        stamps.append(content)
        say(f"features of {len(kept):,} of {len(data):,} pictures")
    texts, _ = PairDataset(kept, data.name).texts(lang)
    return {
        "pictures": torch.cat(pictures).numpy(),
        "texts": towers.texts(texts).half().numpy(),
        "rows": np.array([place[pair.id] for pair in kept], np.int64),
        "content": np.array(sha256("\n".join(stamps).encode()).hexdigest()),
    }


def _read(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in ("pictures", "texts", "rows", "content")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # nothing kept, or half of it: it is made again


def _write(path: Path, found: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(file, **found)
    part.replace(path)
