"""What there is to learn from in a pair dataset: counts, repeats, labels, and how many pairs are probably wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, cast

import numpy as np

from openitr.datasets.pairs import PairDataset
from openitr.embeddings import DenseEmbeddings, Floats
from openitr.encoders.base import Encoder
from openitr.errors import DatasetError, UnreadableImage
from openitr.media.images import decode
from openitr.types import ImageArray

LEAST = 20  # pictures below which nothing can be held out
_SURE = 100  # sampled pairs below which an estimate of the noise says nothing


@dataclass(frozen=True)
class Label:
    """A metadata field that puts every picture into one of several groups.

    Args:
        field: Its name, dotted where it is nested ("attributes.season").
        values: Different values.
        per_value: Pictures per value, mean.
    """

    field: str
    values: int
    per_value: float


@dataclass(frozen=True)
class Survey:
    """A dataset in numbers; shares are 0 to 1.

    Args:
        name: Of the dataset.
        lang: Language of the texts that were looked at.
        pictures, texts: How many.
        most_texts: Texts of the picture with the most.
        words: Words of a text, median and 95th percentile.
        languages: Pictures by language, most first.
        shared_texts: Share of the pictures one of whose texts also stands under another picture.
        sampled: Pictures whose bytes were read.
        same_pictures: Share of these whose bytes are those of another of them.
        unreadable: Share of these that cannot be decoded.
        side: Median of their longer side, pixels.
        labels: Fields that every picture has, the finest first.
        noise: Share of pairs that are probably wrong, at most; None when it was not estimated.
        known: Share of sampled pairs whose text the judge ranks in the best twentieth for its picture; None likewise.
        judge: The model that judged.
    """

    name: str
    lang: str
    pictures: int
    texts: int
    most_texts: int
    words: tuple[float, float]
    languages: Mapping[str, int]
    shared_texts: float
    sampled: int = 0
    same_pictures: float = 0.0
    unreadable: float = 0.0
    side: int = 0
    labels: tuple[Label, ...] = ()
    noise: float | None = None
    known: float | None = None
    judge: str = ""

    @property
    def per_picture(self) -> float:
        """Texts per picture, mean."""
        return self.texts / self.pictures

    def to_json(self) -> dict[str, Any]:
        """As plain data, shares rounded to three digits."""
        found = {**asdict(self), "languages": dict(self.languages), "words": list(self.words)}
        found["labels"] = [asdict(label) for label in self.labels]
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in found.items()}


def survey(
    data: PairDataset,
    lang: str,
    *,
    encoder: Encoder | None = None,
    sample: int = 300,
    seed: int = 0,
    progress: Callable[[str], None] = lambda line: None,
) -> Survey:
    """Look at the pairs that have a text in one language.

    Args:
        data: What would be trained on.
        lang: Language of the texts.
        encoder: A dense model that judges whether picture and text belong together; None leaves the noise unestimated.
        sample: Pictures that are read, drawn with the seed; 0 reads none.
        seed: Of the draw.
        progress: Told what is going on.

    Raises:
        DatasetError: No text in that language, or fewer than 20 pictures with one.

    >>> from openitr.datasets.scenes import make_pairs
    >>> seen = survey(make_pairs(40, size=16, languages=("en",), lengths=("short",)), "en", sample=5)
    >>> seen.pictures, seen.texts, seen.sampled, seen.noise
    (40, 40, 5, None)
    """
    view = data.language(lang)
    if len(view) < LEAST:
        raise DatasetError(f"{len(view)} pictures with a text in {lang!r} are too few to train on", "give 20 or more")
    texts, owners = view.texts(lang)
    spread = np.bincount(owners, minlength=len(view))
    lengths = [len(text.split()) for text in texts]
    whose: dict[str, set[int]] = {}
    for text, owner in zip(texts, owners.tolist(), strict=True):
        whose.setdefault(" ".join(text.lower().split()), set()).add(owner)
    shared = set[int]().union(*(rows for rows in whose.values() if len(rows) > 1))
    drawn = view.take(sample, seed)
    pictures, sides, stamps, kept = _read(drawn, progress)
    repeats = Counter(stamps)
    noise = known = None
    if encoder is not None and encoder.kind == "dense" and len(kept) >= _SURE:
        progress(f"judging {len(kept)} pairs with {encoder.spec}")
        rng = np.random.default_rng([seed, 1])
        said = [str(rng.choice(drawn[row].texts[lang])) for row in kept]
        noise, known = estimate(_scores(encoder, pictures, said))
    return Survey(
        name=data.name or "pairs",
        lang=lang,
        pictures=len(view),
        texts=len(texts),
        most_texts=int(spread.max()),
        words=(float(np.median(lengths)), float(np.percentile(lengths, 95))),
        languages={code: n.pairs for code, n in data.languages.items()},
        shared_texts=len(shared) / len(view),
        sampled=len(drawn),
        same_pictures=sum(n for n in repeats.values() if n > 1) / max(1, len(stamps)),
        unreadable=1 - len(kept) / max(1, len(drawn)),
        side=int(np.median(sides)) if sides else 0,
        labels=tuple(labels(view)),
        noise=noise,
        known=known,
        judge=encoder.spec if encoder is not None and noise is not None else "",
    )


def estimate(scores: Floats) -> tuple[float, float]:
    """At most how many of the pairs are wrong, and how many the judge is sure of.

    For each picture, p is the share of the other pictures' texts that score at least as well as its own. Wrong pairs
    have p spread evenly over 0 to 1, right ones near 0, so twice the share above one half bounds the wrong ones from
    above (the null proportion of Storey 2002, J. R. Stat. Soc. B 64, with lambda 1/2; its use here is ours). Right
    pairs that the judge does not understand count as wrong.

    Args:
        scores: (n, n) of pictures and texts, a pair's own on the diagonal.

    Returns:
        The bound, and the share of pairs with p of at most 1/20.

    >>> estimate(np.eye(4, dtype=np.float32))
    (0.0, 1.0)
    """
    own = scores.diagonal()[:, None]
    others = ~np.eye(len(scores), dtype=bool)
    # Half of the ties: many pictures may say the very same thing.
    better = ((scores > own) + 0.5 * (scores == own)) * others
    p = better.sum(1) / max(1, len(scores) - 1)
    return float(min(1.0, 2 * (p > 0.5).mean())), float((p <= 0.05).mean())


def labels(data: PairDataset) -> list[Label]:
    """Metadata fields that every picture has and that group them, finest first: at least two pictures per value.

    >>> from openitr.datasets.pair import Pair
    >>> rows = [Pair(str(i), b"", {"en": "x"}, "", {"kind": "ab"[i % 2], "number": i}) for i in range(6)]
    >>> labels(PairDataset(rows))
    [Label(field='kind', values=2, per_value=3.0)]
    """
    seen: dict[str, list[str]] = {}
    for pair in data:
        for field, value in _flat(pair.metadata):
            seen.setdefault(field, []).append(value)
    found = []
    for field, values in seen.items():
        different = len(set(values))
        if len(values) == len(data) and 2 <= different <= len(values) / 2:
            found.append(Label(field, different, len(values) / different))
    return sorted(found, key=lambda label: (-label.values, label.field))


def _flat(metadata: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in metadata.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, str | int | bool):
            yield f"{prefix}{name}", str(value)


def _read(
    data: PairDataset, progress: Callable[[str], None]
) -> tuple[list[ImageArray], list[int], list[bytes], list[int]]:
    """Pictures that can be decoded, their longer sides, stamps of the bytes of all, and the rows of the former."""
    pictures, sides, stamps, rows = list[ImageArray](), list[int](), list[bytes](), list[int]()
    for row, pair in enumerate(data):
        try:
            raw = pair.read()
            stamps.append(blake2b(raw, digest_size=16).digest())
            # No larger than a model wants them: a sample of photographs fits in memory.
            seen = decode(raw, shrink_to=512)
        except UnreadableImage:
            continue
        pictures.append(seen.array)
        sides.append(max(seen.width, seen.height))
        rows.append(row)
        if row % 100 == 99:
            progress(f"read {row + 1} of {len(data)} pictures")
    return pictures, sides, stamps, rows


def _scores(encoder: Encoder, pictures: list[ImageArray], texts: list[str]) -> Floats:
    parts = [encoder.encode_images(pictures[at : at + 32]) for at in range(0, len(pictures), 32)]
    seen = np.concatenate([cast(DenseEmbeddings, part).values for part in parts])
    return np.asarray(seen @ cast(DenseEmbeddings, encoder.encode_texts(texts)).values.T, np.float32)
