"""How good the finished folder is in each language: the same photos, one text a photo, English among the languages."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from openitr.embeddings import DenseEmbeddings
from openitr.encoders.base import Encoder
from openitr.encoders.multilingual import MultilingualEncoder
from openitr.evaluate.by_language import LanguageRow, between_languages
from recipes.default_model.corpus import Pair, breadth, rows

from . import corpus

LOCALES = {
    "en": "en",
    "de": "de",
    "fr": "fr",
    "zh": "zh_CN",
    "ar": "ar",
    "cs": "cs",
    "es": "es",
    "it": "it",
    "ru": "ru",
}


@dataclass(frozen=True)
class Measured:
    """One language's numbers, and how many of its texts went through the English tower, in percent."""

    row: LanguageRow
    taken_for_english: float


def table(texts: dict[str, list[str]], pictures: DenseEmbeddings, encoder: Encoder) -> list[Measured]:
    """One row a language; ``texts[language][i]`` is of picture i."""
    rows = between_languages(pictures, {language: encoder.encode_texts(said) for language, said in texts.items()})
    english = cast(MultilingualEncoder, encoder).english
    return [Measured(row, float(english(texts[row.language]).mean() * 100)) for row in rows]


def captions(data: Path, split: str, seed: int = 0) -> tuple[list[int], dict[str, list[str]]]:
    """The photos of a split that every language has a caption of, by row, and one caption a photo by lot."""
    pairs = corpus.photos(data)
    said = corpus.captions(data, pairs)
    wanted = corpus.shared(pairs, said, split)
    draw = random.Random(seed)
    texts = {"en": [draw.choice(pairs[i].texts) for i in wanted]}
    return wanted, texts | {c: [s.text for s in some] for c, some in corpus.one_each(said, wanted, seed).items()}


def drawings(data: Path) -> tuple[list[Pair], dict[str, list[str]]]:
    """The breadth list of the default model, where Tux Paint's sentence is there and unique in every language asked."""
    said = {r["image"]: r["texts"] for r in rows(data, "tuxpaint")}
    pairs = [p for p in breadth(data) if all(said[p.image].get(code) for code in LOCALES.values())]
    texts = {name: [said[p.image][code] for p in pairs] for name, code in LOCALES.items()}
    alone = [i for i in range(len(pairs)) if all(t.count(t[i]) == 1 for t in texts.values())]
    return [pairs[i] for i in alone], {name: [t[i] for i in alone] for name, t in texts.items()}


def milliseconds(encoder: Encoder, text: str = "ein brauner Hund rennt mit einem Ball über das nasse Gras") -> float:
    """The least of 50 runs with one text."""
    took = []
    for _ in range(50):
        start = time.perf_counter()
        encoder.encode_texts([text])
        took.append((time.perf_counter() - start) * 1e3)
    return min(took)


def markdown(rows: Sequence[Measured]) -> str:
    """The rows as a table."""
    lines = [
        "| language | t2i R@1 / 5 / 10 | i2t R@1 / 5 / 10 | R@10, 95 % | behind English |",
        "|---|---|---|---|---|",
    ]
    for row in (one.row for one in rows):
        t, i = (" / ".join(f"{side[f'R@{k}']:.1f}" for k in (1, 5, 10)) for side in (row.t2i, row.i2t))
        behind = "" if row.language == "en" else f"{row.behind:.1f} ({_span(row.behind_interval)})"
        lines.append(f"| {row.language} | {t} | {i} | {_span(row.interval)} | {behind} |")
    return "\n".join(lines)


def _span(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.1f} to {interval[1]:.1f}"
