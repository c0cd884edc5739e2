"""How well duplicates are told: transformed copies of real photos against all other photos."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

from openitr.encoders.base import Encoder
from openitr.index.memory import MemoryIndex
from openitr.media import decode
from openitr.search.duplicates import Thresholds, close_pairs, judge
from openitr.search.lookalike import Looks
from recipes.default_model.corpus import flickr8k


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _crop(image: Image.Image, share: float) -> Image.Image:
    w, h = image.size
    dx, dy = round(w * share / 2), round(h * share / 2)
    return image.crop((dx, dy, w - dx, h - dy))


def _text(image: Image.Image) -> Image.Image:
    made = image.copy()
    draw = ImageDraw.Draw(made)
    draw.text((8, made.height - 30), "Holiday 2024", fill="white", font_size=max(12, made.height // 10))
    return made


TRANSFORMATIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half size": lambda i: i.resize((i.width // 2, i.height // 2), Image.Resampling.LANCZOS),
    "twice the size": lambda i: i.resize((i.width * 2, i.height * 2), Image.Resampling.BICUBIC),
    "JPEG quality 30": lambda i: _jpeg(i, 30),
    "cropped 5%": lambda i: _crop(i, 0.05),
    "cropped 10%": lambda i: _crop(i, 0.10),
    "brighter 25%": lambda i: ImageEnhance.Brightness(i).enhance(1.25),
    "grey": lambda i: i.convert("L").convert("RGB"),
    "mirrored": lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "text over it": _text,
}


def measure(
    data: Path, encoder: Encoder, *, split: str = "val", photos: int = 200, distractors: int = 1000
) -> list[dict[str, Any]]:
    """Per transformation: how many of ``photos`` are found as near copies; and near pairs among different
    photos.

    The originals are searched among all photos of the split, so that every one of ``distractors`` may be
    taken for one.
    """
    files = [data / "flickr8k" / p.image for p in flickr8k(data) if p.split == split][:distractors]
    pictures = [decode(file).array for file in files]
    vectors = _encode(pictures, encoder)
    limits = Thresholds()
    rows = [_false(pictures, vectors, limits)]
    base = Looks.of(pictures)
    for name, change in TRANSFORMATIONS.items():
        changed = [np.asarray(change(Image.fromarray(p)).convert("RGB")) for p in pictures[:photos]]
        more = _encode(changed, encoder)
        looks = Looks.of(changed)
        both = Looks(*(np.concatenate([getattr(base, n), getattr(looks, n)]) for n in ("hashes", "contrast", "layout")))
        index = MemoryIndex("dense", encoder.dim)
        ids = np.arange(len(files) + photos)
        index.add(ids, type(vectors)(np.concatenate([vectors.values, more.values])))
        pairs = close_pairs(index, ids, limits.near_closeness, limits.neighbours)
        like = judge(both, pairs, limits)
        right = (pairs.a < photos) & (pairs.b == pairs.a + len(files))
        crossing = (pairs.a < len(files)) & (pairs.b >= len(files))
        found = int((right & like.near).sum())
        wrong = int((crossing & ~right & like.near).sum())
        hash_alone = int((right & (like.bits <= limits.near_bits)).sum())
        rows.append(
            {
                "what": name,
                "recall": round(found / photos, 3),
                "precision": round(found / max(1, found + wrong), 3),
                "close": round(int(right.sum()) / photos, 3),
                "close_and_hash": round(hash_alone / photos, 3),
            }
        )
    return rows


def _false(pictures: list[np.ndarray], vectors: Any, limits: Thresholds) -> dict[str, Any]:
    """Near pairs among photos that are all different: those of the hash alone, and those of both signals."""
    looks = Looks.of(pictures)
    n = len(pictures)
    a, b = np.triu_indices(n, 1)
    bits = np.concatenate([looks.compare(a[i : i + 50_000], b[i : i + 50_000])[0] for i in range(0, len(a), 50_000)])
    index = MemoryIndex("dense", vectors.dim)
    index.add(np.arange(n), vectors)
    pairs = close_pairs(index, np.arange(n), limits.near_closeness, limits.neighbours)
    return {
        "what": f"{n} different photos",
        "pairs": len(a),
        "hash_alone": int((bits <= limits.near_bits).sum()),
        "embedding_alone": len(pairs.a),
        "near": int(judge(looks, pairs, limits).near.sum()),
    }


def _encode(pictures: list[np.ndarray], encoder: Encoder) -> Any:
    rows = [encoder.encode_images(pictures[i : i + 64]) for i in range(0, len(pictures), 64)]
    return type(rows[0])(np.concatenate([r.values for r in rows]))  # type: ignore[union-attr]
