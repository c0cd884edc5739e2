"""Everything the frozen towers say about pictures and texts, computed once and kept on disk (resumable, no pickle)."""

from __future__ import annotations

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from PIL import Image
from tokenizers import Tokenizer

from .corpus import Pair
from .towers import SIZE, load_reader, reader_folder

BATCH, LENGTH = 32, 64
TEXT_CUT = 3  # the reader's layers below this one stay frozen


def read_pixels(path: Path) -> np.ndarray:
    """What the ONNX runner does: RGB on white, squashed to a square, uint8."""
    with Image.open(path) as opened:
        image = opened
        if image.mode in ("RGBA", "LA", "P", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
        image = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        return np.asarray(image, dtype=np.uint8)


def load_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(reader_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _progress(label: str, start: float, done: int, total: int, skipped: int) -> None:
    rate = (done - skipped) / max(time.time() - start, 1e-9)
    print(f"{label}: {done}/{total}, {rate:.0f}/s, {(total - done) / max(rate, 1e-9):.0f} s left", flush=True)


def key(names: list[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]


@dataclass
class ImageFeatures:
    """`middle` (n, 17, 17, 120), `pooled` (n, 1280) and `logits` (n, 1000), float16, one row per picture."""

    middle: np.ndarray
    pooled: np.ndarray
    logits: np.ndarray


def open_graph(path: Path) -> onnxruntime.InferenceSession:
    """A session on both cores that does not spin while it waits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def image_features(data: Path, pairs: list[Pair], towers: Path, cache: Path, mirror: bool = False) -> ImageFeatures:
    """The shipped tower's middle maps and class logits of `pairs`, from `cache` as far as it goes."""
    cache.mkdir(parents=True, exist_ok=True)
    label = f"{pairs[0].source}{'-mirror' if mirror else ''}"
    stem = cache / f"{label}-{key([p.image for p in pairs])}"
    n, shapes = len(pairs), {"middle": (17, 17, 120), "pooled": (1280,), "logits": (1000,)}
    fresh = not stem.with_suffix(".json").exists()
    files = {
        k: np.lib.format.open_memmap(f"{stem}-{k}.npy", "w+" if fresh else "r+", np.float16, (n, *s))
        if fresh
        else np.lib.format.open_memmap(f"{stem}-{k}.npy", "r+")
        for k, s in shapes.items()
    }
    done = 0 if fresh else int(json.loads(stem.with_suffix(".json").read_text())["done"])
    if done < n:
        tower = open_graph(towers / "image.onnx")
        start, first = time.time(), done
        with ThreadPoolExecutor(2) as pool:
            while done < n:
                stop = min(done + BATCH, n)
                pixels = np.stack(list(pool.map(lambda p: read_pixels(data / p.source / p.image), pairs[done:stop])))
                if mirror:
                    pixels = pixels[:, :, ::-1].copy()
                middle, *rest = tower.run(list(shapes), {"pixels": pixels})
                files["middle"][done:stop] = middle.transpose(0, 2, 3, 1)
                files["pooled"][done:stop], files["logits"][done:stop] = rest
                done = stop
                if done == n or (done // BATCH) % 20 == 0:
                    for f in files.values():
                        f.flush()
                    stem.with_suffix(".json").write_text(json.dumps({"done": done}))
                    _progress(label, start, done, n, first)
    return ImageFeatures(files["middle"], files["pooled"], files["logits"])


@dataclass
class TextFeatures:
    """Token states at the cut, end to end; text i owns rows starts[i]:starts[i + 1]. `sentence` is (n, 384)."""

    states: np.ndarray
    starts: np.ndarray
    sentence: np.ndarray

    def padded(self, which: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, longest, 384) states and their 0/1 mask."""
        lengths = self.starts[which + 1] - self.starts[which]
        states = torch.zeros(len(which), int(lengths.max()), self.states.shape[1])
        mask = torch.zeros(len(which), int(lengths.max()))
        for row, (i, length) in enumerate(zip(which, lengths, strict=True)):
            begin = self.starts[i]
            states[row, :length] = torch.from_numpy(self.states[begin : begin + length].astype(np.float32))
            mask[row, :length] = 1
        return states, mask


def text_features(texts: list[str], cache: Path, label: str) -> TextFeatures:
    """The reader's token states after layer `TEXT_CUT`, and its sentence vectors, kept as one .npz."""
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"{label}-texts-{TEXT_CUT}-{key(texts)}.npz"
    if not path.exists():
        tokenizer, reader = load_tokenizer(), load_reader()
        ids = [
            e.ids[: LENGTH - 1] + e.ids[-1:] if len(e.ids) > LENGTH else e.ids for e in tokenizer.encode_batch(texts)
        ]
        lengths = np.array([len(i) for i in ids])
        starts = np.concatenate([[0], lengths.cumsum()])
        states = np.zeros((starts[-1], 384), np.float16)
        sentence = np.zeros((len(ids), 384), np.float32)
        order, start = np.argsort(lengths, kind="stable"), time.time()
        with torch.inference_mode():
            for begin in range(0, len(order), 256):
                rows = order[begin : begin + 256]
                batch = torch.zeros(len(rows), int(lengths[rows].max()), dtype=torch.long)
                for at, i in enumerate(rows):
                    batch[at, : lengths[i]] = torch.tensor(ids[i])
                mask = (torch.arange(batch.shape[1])[None] < torch.from_numpy(lengths[rows])[:, None]).float()
                out = reader.states(batch, mask)
                total = (out[-1] * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
                sentence[rows] = torch.nn.functional.normalize(total, dim=1).numpy()
                for at, i in enumerate(rows):
                    states[starts[i] : starts[i + 1]] = out[TEXT_CUT][at, : lengths[i]].numpy()
                if (begin // 256) % 20 == 0:
                    _progress(path.stem, start, begin + len(rows), len(order), 0)
        np.savez(path, states=states, starts=starts, sentence=sentence)
    with np.load(path) as kept:
        return TextFeatures(kept["states"], kept["starts"], kept["sentence"])
