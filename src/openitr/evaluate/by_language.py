"""The same pictures asked in several languages: what each loses against the first, and how sure that is.

Languages are comparable on the same pictures with the same number of texts alone: five captions a photo find more from
picture to text than one, and photos without a translation may be the harder ones. So every picture takes part that
has a text in all of the languages, with one text in each, drawn by lot.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.datasets import PairDataset
from openitr.embeddings import Embeddings
from openitr.encoders.base import Encoder
from openitr.errors import DatasetError, InputError, ShapeError
from openitr.evaluate.bootstrap import Interval, Resampling, interval
from openitr.evaluate.both import rank_both
from openitr.evaluate.encode import encode_dataset_images, encode_dataset_texts
from openitr.evaluate.metrics import all_metrics
from openitr.evaluate.protocol import choose_split

AT = 10


@dataclass(frozen=True)
class LanguageRow:
    """One language's numbers, in percent.

    Args:
        language: Its code.
        t2i, i2t: Metrics from text to picture and back, as of :class:`openitr.evaluate.Report`.
        interval: 95 % of R@10 from text to picture.
        behind: By how much that R@10 is below the first language's, on the same pictures.
        behind_interval: 95 % of it.
    """

    language: str
    t2i: Mapping[str, float]
    i2t: Mapping[str, float]
    interval: Interval
    behind: float
    behind_interval: Interval


@dataclass(frozen=True)
class ByLanguage:
    """Rows in the order that was asked for, the one all are compared with first, and what was compared."""

    rows: list[LanguageRow]
    protocol: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"languages": [asdict(row) for row in self.rows], "protocol": dict(self.protocol)}

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Columns and rows for people."""
        first = self.rows[0].language
        columns = ["language", "t2i R@1", "R@5", "R@10", "95 %", "i2t R@1", "R@5", "R@10", f"behind {first}", "95 %"]
        found = []
        for row in self.rows:
            numbers = [[f"{side[f'R@{k}']:.1f}" for k in (1, 5, 10)] for side in (row.t2i, row.i2t)]
            own = row.language == first
            behind = ["", ""] if own else [f"{row.behind:.1f}", _span(row.behind_interval)]
            found.append([row.language, *numbers[0], _span(row.interval), *numbers[1], *behind])
        return columns, found


def between_languages(
    images: Embeddings, texts: Mapping[str, Embeddings], *, samples: int = 1000, seed: int = 0
) -> list[LanguageRow]:
    """Rank both ways in each language; row i of every language's texts is of picture i.

    The bootstrap draws the same pictures for all languages, so an interval of a difference is that of pairs.

    Raises:
        InputError: No language.
        ShapeError: A language whose texts are not one for each picture.

    >>> from openitr.embeddings import DenseEmbeddings
    >>> e = DenseEmbeddings(np.eye(12, dtype=np.float32))
    >>> turned = DenseEmbeddings(np.eye(12, dtype=np.float32)[::-1].copy())
    >>> [row.behind for row in between_languages(e, {"en": e, "xx": turned})]
    [0.0, 100.0]
    """
    if not texts:
        raise InputError("no language", "name two or more")
    draws, own = Resampling(len(images), samples, seed), np.arange(len(images))
    rows: list[LanguageRow] = []
    base: npt.NDArray[np.floating[Any]] = np.zeros(len(images))
    for language, said in texts.items():
        if len(said) != len(images):
            raise ShapeError(f"{len(said)} texts in {language!r} for {len(images)} pictures", "give one text a picture")
        t2i, i2t = rank_both(images, said, own)
        found: npt.NDArray[np.floating[Any]] = (t2i.first <= AT) * 100.0
        base = base if rows else found
        rows.append(
            LanguageRow(
                language,
                all_metrics(t2i),
                all_metrics(i2t),
                interval(draws.mean(found, own)),
                float((base - found).mean()),
                interval(draws.mean(base - found, own)),
            )
        )
    return rows


def compare_languages(
    dataset: PairDataset,
    encoder: Encoder,
    languages: Sequence[str],
    *,
    split: str | None = None,
    progress: Callable[[str], None] | None = None,
    samples: int = 1000,
    seed: int = 0,
) -> ByLanguage:
    """Compare languages on the pictures that have a text in all of them, one text a picture.

    Args:
        dataset: The pairs.
        encoder: Embeds pictures and texts into one space.
        languages: Their codes; the others are compared with the first.
        split: Which split; by default test, else val, else all. "all" takes every pair.
        progress: Called now and then with a line for people.
        samples: Bootstrap draws.
        seed: Of the bootstrap, and of the lot that draws texts.

    Raises:
        DatasetError: No such split or language, or no picture has a text in all of them.
        InputError: Fewer than two languages, or one named twice.
    """
    if len(languages) < 2 or len(set(languages)) != len(languages):
        raise InputError(f"languages are {', '.join(languages) or 'none'}", "name two or more, each once")
    chosen = choose_split(dataset, split)
    part = dataset if chosen.name == "all" else dataset.split(chosen.name)
    for language in languages:
        part.language(language)
    shared = part.filter(lambda pair: all(language in pair.texts for language in languages))
    say = progress or (lambda line: None)
    if not len(shared):
        raise DatasetError(f"no picture has a text in each of {', '.join(languages)}", "compare fewer languages")
    images = encode_dataset_images(shared, encoder, say)
    if images.embeddings is None:
        name, reason = images.dropped[0]
        raise DatasetError(
            f"none of {len(shared):,} pictures can be decoded, first {name}: {reason}", "check the files"
        )
    kept = [shared[row] for row in images.rows.tolist()]
    draw = random.Random(seed)
    texts = {
        language: encode_dataset_texts([draw.choice(pair.texts[language]) for pair in kept], encoder, say)
        for language in languages
    }
    protocol = {
        "dataset": dataset.name,
        "split": chosen.name,
        "images": len(kept),
        "texts_per_image": [1, 1],
        "gallery": "pictures of the split with a text in every language; one text of each, drawn by lot",
        "seed": seed,
        "bootstrap_samples": samples,
        "data_hash": images.content_hash,
        "model": encoder.spec,
        "model_fingerprint": encoder.fingerprint,
    }
    return ByLanguage(between_languages(images.embeddings, texts, samples=samples, seed=seed), protocol)


def _span(found: Interval) -> str:
    return f"{found[0]:.1f}–{found[1]:.1f}"
