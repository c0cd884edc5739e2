"""What the frozen towers say of patches and words, computed once and kept on disk (resumable, no pickle)."""

from __future__ import annotations

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from openitr.models.token_head import Patches
from openitr.train.frozen import ImageSummary, TextSummary
from recipes.default_model.corpus import Pair
from recipes.default_model.features import open_graph, read_pixels

BATCH, LENGTH = 32, 64
SHAPES = {"patches": (25, 1400), "summary": (1880,)}


@dataclass
class Photos:
    """`patches` (n, 25, 1400) and `summary` (n, 1880), float16 on disk, one row per picture."""

    patches: np.ndarray
    summary: np.ndarray


@dataclass
class Words:
    """Token states end to end; text i owns rows starts[i]:starts[i + 1]. `states` (rows, 768), `summary` (n, 1152)."""

    states: np.ndarray
    ids: np.ndarray
    starts: np.ndarray
    summary: np.ndarray


def _stem(cache: Path, label: str, names: list[str], towers: Path, file: str) -> Path:
    cache.mkdir(parents=True, exist_ok=True)
    tower = hashlib.sha256((towers / file).read_bytes()).hexdigest()
    return cache / f"{label}-{hashlib.sha256(chr(10).join([tower, *names]).encode()).hexdigest()[:12]}"


def photos(data: Path, pairs: list[Pair], towers: Path, cache: Path, label: str, mirror: bool = False) -> Photos:
    """The image tower's maps as 5 x 5 patches, and their summary; mirrored pictures on demand."""
    label += "-mirror" if mirror else ""
    stem = _stem(cache, label, [f"{p.source}/{p.image}" for p in pairs], towers, "image.onnx")
    n, note = len(pairs), stem.with_suffix(".json")
    fresh = not note.exists()
    kept = {
        name: np.lib.format.open_memmap(f"{stem}-{name}.npy", "w+", np.float16, (n, *shape))
        if fresh
        else np.lib.format.open_memmap(f"{stem}-{name}.npy", "r+")
        for name, shape in SHAPES.items()
    }
    done = json.loads(note.read_text())["done"] if note.exists() else 0
    if done < n:
        tower, cut, whole = open_graph(towers / "image.onnx"), Patches(), ImageSummary()
        begin, first = time.time(), done
        with ThreadPoolExecutor(2) as pool:
            while done < n:
                stop = min(done + BATCH, n)
                pixels = np.stack(list(pool.map(lambda p: read_pixels(data / p.source / p.image), pairs[done:stop])))
                pixels = np.ascontiguousarray(pixels[:, :, ::-1]) if mirror else pixels
                maps = tower.run(["middle", "grid", "pooled"], {"pixels": pixels})
                middle, grid, pooled = (torch.from_numpy(found) for found in maps)
                kept["patches"][done:stop] = cut.coarse(cut(middle, grid)).numpy()
                kept["summary"][done:stop] = whole(middle, pooled).numpy()
                done = stop
                if done == n or (done // BATCH) % 20 == 0:
                    for values in kept.values():
                        values.flush()
                    note.write_text(json.dumps({"done": done}))
                    rate = (done - first) / (time.time() - begin)
                    print(f"{label}: {done}/{n}, {(n - done) / rate:.0f} s left", flush=True)
    return Photos(kept["patches"], kept["summary"])


def words(texts: list[str], towers: Path, cache: Path, label: str) -> Words:
    """The text tower's states of every token, middle and last side by side, and the summary."""
    stem = _stem(cache, f"{label}-texts", texts, towers, "text.onnx")
    path = stem.with_suffix(".npz")
    if not path.exists():
        tokenizer = Tokenizer.from_file(str(towers / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(LENGTH)
        found = [np.array(encoding.ids) for encoding in tokenizer.encode_batch(texts)]
        lengths = np.array([len(one) for one in found])
        starts = np.concatenate([[0], lengths.cumsum()])
        states, summary = np.zeros((starts[-1], 768), np.float16), np.zeros((len(texts), 1152), np.float16)
        tower, whole = open_graph(towers / "text.onnx"), TextSummary()
        order = np.argsort(lengths, kind="stable")
        for at in range(0, len(order), BATCH):
            rows = order[at : at + BATCH]
            ids = np.zeros((len(rows), lengths[rows].max()), np.int64)
            mask = np.arange(ids.shape[1])[None] < lengths[rows][:, None]
            ids[mask] = np.concatenate([found[row] for row in rows])
            asked = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
            middle, last, sentence = tower.run(["middle_tokens", "tokens", "sentence"], asked)
            summary[rows] = whole(*(torch.from_numpy(x) for x in (middle, mask.astype(np.int64), sentence))).numpy()
            both = np.concatenate([middle, last], 2)
            for row, one in enumerate(rows):
                states[starts[one] : starts[one + 1]] = both[row, : lengths[one]]
        np.savez(path, states=states, ids=np.concatenate(found), starts=starts, summary=summary)
    with np.load(path) as kept:
        return Words(kept["states"], kept["ids"], kept["starts"], kept["summary"])
