"""Where recall falls off: by language, by length of the text, by size of what is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openitr.datasets.pairs import PairDataset
from openitr.embeddings import Embeddings, Ints, joined
from openitr.encoders.base import Encoder
from openitr.errors import DatasetError, InputError
from openitr.evaluate.ranks import Positives, rank_all
from openitr.types import ImageArray


@dataclass(frozen=True)
class Stratum:
    """Text-to-picture recall of one group of queries.

    Args:
        name: Of the group.
        queries: How many.
        recall_1, recall_5: Share with the right picture first, and among the first five; ties against the model.
        error: Standard error of ``recall_5`` with pictures as the unit.
    """

    name: str
    queries: int
    recall_1: float
    recall_5: float
    error: float


def stratum(name: str, texts: Embeddings, images: Embeddings, owners: Ints) -> Stratum:
    """Recall of one group of texts among all pictures.

    Raises:
        InputError: An empty group.
    """
    if not len(texts):
        raise InputError(f"no text in the group {name!r}", "leave it out")
    first = rank_all(texts, images, Positives.of_texts(owners)).first
    five = (first <= 5).astype(np.float64)
    means = np.bincount(owners, weights=five) / np.maximum(np.bincount(owners), 1)
    of_picture = means[np.unique(owners)]
    error = float(of_picture.std() / np.sqrt(len(of_picture)))
    return Stratum(name, len(texts), float((first == 1).mean()), float(five.mean()), error)


def by_length(captions: Sequence[str], texts: Embeddings, images: Embeddings, owners: Ints) -> list[Stratum]:
    """Short, middle and long texts by their number of words, cut where a third of the texts lie on each side.

    Texts of one length stay together, so that the groups are not of one size; where all have one length there is
    one group.
    """
    words = np.array([len(text.split()) for text in captions])
    low, high = np.quantile(words, [1 / 3, 2 / 3])
    cuts = sorted({float(low), float(high)})
    group = np.searchsorted(cuts, words, side="left")
    found = []
    for number in sorted(set(group.tolist())):
        rows = np.flatnonzero(group == number)
        span = f"{words[rows].min()} to {words[rows].max()} words"
        found.append(stratum(span, texts[rows], images, owners[rows]))
    return found


def by_language(
    pairs: PairDataset, images: Embeddings, encoder: Encoder, *, least: int = 20, seed: int = 0
) -> list[Stratum]:
    """The same pictures asked for in every language that has a text for them: one text per picture and language.

    Args:
        pairs: The pictures, rows in the order of ``images``.
        images: Embedded; the gallery is the same for all languages.
        encoder: For the texts.
        least: Languages with fewer of the pictures are left out; all others are asked about the pictures that every
            one of them has, so that the questions differ in language alone.
        seed: Of the choice among several texts.

    Raises:
        DatasetError: No language is left.
    """
    codes = [code for code, cover in pairs.languages.items() if cover.pairs >= least]
    while codes:
        shared = [row for row, pair in enumerate(pairs) if all(code in pair.texts for code in codes)]
        if len(shared) >= least:
            break
        # The language with the fewest pictures goes, until enough pictures are common to the rest.
        codes.remove(min(codes, key=lambda code: pairs.languages[code].pairs))
    if not codes:
        raise DatasetError(f"no language has {least} of the {len(pairs)} pictures", "take more pictures")
    owners = np.array(shared, np.int64)
    found = []
    for code in codes:
        rng = np.random.default_rng(seed)
        said = [pairs[row].texts[code][int(rng.random() * len(pairs[row].texts[code]))] for row in shared]
        found.append(stratum(code, encoder.encode_texts(said), images, owners))
    return found


def shrunk(image: ImageArray, share: float, corner: int = 0) -> ImageArray:
    """The picture at ``share`` of its side on a canvas of its own mean colour, as a small thing in a large photo.

    Args:
        image: (h, w, 3) uint8 RGB.
        share: Above 0, at most 1.
        corner: 0 to 3; where it lies.

    Raises:
        InputError: A share out of range.

    >>> small = shrunk(np.full((8, 8, 3), 9, np.uint8), 0.5)
    >>> small.shape
    (8, 8, 3)
    """
    from PIL import Image

    if not 0 < share <= 1:
        raise InputError(f"share is {share}", "use a number above 0, at most 1")
    height, width = image.shape[:2]
    size = max(1, round(width * share)), max(1, round(height * share))
    canvas = np.empty_like(image)
    canvas[:] = image.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    left = (width - size[0]) * (corner % 2)
    top = (height - size[1]) * (corner // 2 % 2)
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    canvas[top : top + size[1], left : left + size[0]] = small
    return canvas


def by_size(
    pictures: Sequence[ImageArray],
    texts: Embeddings,
    owners: Ints,
    encoder: Encoder,
    *,
    shares: Sequence[float] = (1.0, 0.5, 0.25),
) -> list[Stratum]:
    """Recall when what is looked for fills less and less of the picture: every picture shrunk into a corner.

    The whole gallery shrinks with it, so that the loss is that of detail and place alone, not of company.

    Args:
        pictures: n pictures.
        texts: Of them, embedded.
        owners: (m,) row of the picture of each text.
        encoder: The one that made ``texts``.
        shares: Side of the shrunk picture, as a share of the whole.
    """
    found = []
    for share in shares:
        parts = [
            encoder.encode_images([shrunk(p, share, at + i) for i, p in enumerate(pictures[at : at + 32])])
            for at in range(0, len(pictures), 32)
        ]
        found.append(stratum(f"{share:.0%} of the side", texts, joined(parts), owners))
    return found
