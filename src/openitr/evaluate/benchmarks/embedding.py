"""Queries and galleries of tasks through a dual encoder; every picture and every text once.

What a dual encoder does with an item that is not simply a picture or a text:

    both       pictures and text     sum of the unit vectors, normalised: the "vector sum" baseline
    turns      a dialogue            the turns joined by ", " (Levy et al. 2023, the ChatIR code)
    box        part of a picture     the pixels inside it, as a picture of its own
    several texts (a class)          mean of their unit vectors, normalised (Radford et al. 2021, section 3.1.4)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from openitr.datasets.pair import Pair
from openitr.datasets.pairs import PairDataset
from openitr.datasets.sources import ImageSource
from openitr.embeddings import DenseEmbeddings, Embeddings, joined
from openitr.encoders.base import Encoder
from openitr.errors import DatasetError, InputError
from openitr.evaluate.benchmarks.boxes import BoxImage
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.encode import encode_dataset_images, encode_dataset_texts

SEPARATOR = ", "
Item = QueryItem | GalleryItem


class Embedded:
    """The pictures and texts of some tasks as vectors.

    Args:
        tasks: What will be asked for.
        encoder: Any dual encoder; items of both kinds and classes of several texts need dense embeddings.
        say: Called now and then with a line for people.

    Raises:
        DatasetError: No picture can be decoded.
    """

    def __init__(self, tasks: Sequence[Task], encoder: Encoder, say: Callable[[str], None]) -> None:
        items: list[Item] = [*(q for task in tasks for q in task.queries), *(g for task in tasks for g in task.gallery)]
        sources = list(dict.fromkeys(source for item in items for source in pictures_of(item)))
        words = list(dict.fromkeys(text for item in items for text in texts_of(item)))
        self._encoder = encoder
        self._image_row: dict[ImageSource, int] = {}
        self._images: Embeddings | None = None
        self.dropped: list[tuple[str, str]] = []
        self.pictures = len(sources)
        self.content_hash = ""
        if sources:
            dataset = PairDataset([Pair(str(row), source) for row, source in enumerate(sources)])
            found = encode_dataset_images(dataset, encoder, say)
            self.dropped = [(_name(sources[int(row)]), reason) for row, reason in found.dropped]
            if found.embeddings is None:
                name, reason = self.dropped[0]
                raise DatasetError(
                    f"none of {len(sources):,} pictures can be read, first {name}: {reason}", "fetch them"
                )
            self._images, self.content_hash = found.embeddings, found.content_hash
            self._image_row = {sources[int(row)]: at for at, row in enumerate(found.rows)}
        self._texts = encode_dataset_texts(words, encoder, say) if words else None
        self._text_row = {text: row for row, text in enumerate(words)}

    def of(self, items: Sequence[Item]) -> tuple[list[int], Embeddings | None]:
        """Which of the items could be embedded, and their embeddings; None when none could."""
        kept = [row for row, item in enumerate(items) if self._there(item)]
        if not kept:
            return [], None
        chosen = [items[row] for row in kept]
        if all(not pictures_of(item) and len(texts_of(item)) == 1 for item in chosen):
            return kept, self._text([texts_of(item)[0] for item in chosen])
        if all(len(pictures_of(item)) == 1 and not texts_of(item) for item in chosen):
            return kept, self._image([pictures_of(item)[0] for item in chosen])
        return kept, joined([self._one(item) for item in chosen])

    def _there(self, item: Item) -> bool:
        return all(source in self._image_row for source in pictures_of(item))

    def _one(self, item: Item) -> Embeddings:
        words = texts_of(item)
        parts: list[Embeddings] = [self._image([source]) for source in pictures_of(item)]
        if words:
            said = self._text(words)
            parts.append(said if len(words) == 1 else _mean([self._dense(said)]))
        return parts[0] if len(parts) == 1 else _mean([self._dense(part) for part in parts])

    def _dense(self, embeddings: Embeddings) -> DenseEmbeddings:
        if not isinstance(embeddings, DenseEmbeddings):
            raise InputError(
                f"the model {self._encoder.spec!r} makes {embeddings.kind} embeddings",
                "sums of vectors need a model that makes one dense vector per item",
            )
        return embeddings

    def _image(self, sources: Iterable[ImageSource]) -> Embeddings:
        assert self._images is not None
        return self._images[np.array([self._image_row[source] for source in sources], np.int64)]

    def _text(self, words: Iterable[str]) -> Embeddings:
        assert self._texts is not None
        return self._texts[np.array([self._text_row[text] for text in words], np.int64)]


def pictures_of(item: Item) -> list[ImageSource]:
    """The pictures that stand for an item, cut to its box."""
    if item.image is None:
        return []
    return [item.image if item.box is None else BoxImage(item.image, item.box), *item.also]


def texts_of(item: Item) -> list[str]:
    """The texts that stand for an item, none of them blank.

    >>> texts_of(QueryItem("1", turns=("a bedroom", "is it tidy? no")))
    ['a bedroom, is it tidy? no']
    """
    if isinstance(item, GalleryItem):
        return [text for text in item.texts if text.strip()]
    if item.turns:
        return [SEPARATOR.join(turn for turn in item.turns if turn.strip())]
    return [item.text] if item.text.strip() else []


def _mean(parts: Sequence[DenseEmbeddings]) -> DenseEmbeddings:
    """Mean over all rows of all parts, normalised; opposite vectors that cancel out leave the first."""
    rows = np.concatenate([part.values for part in parts])
    mean = rows.mean(axis=0, keepdims=True)
    return DenseEmbeddings.normalise(mean if np.linalg.norm(mean) > 1e-6 else rows[:1])


def _name(source: ImageSource) -> str:
    return str(source.path or source.name or "a picture without a name")
