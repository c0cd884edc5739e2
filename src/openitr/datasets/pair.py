"""One row of a pair dataset: a picture and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from openitr.datasets.sources import FileImage, ImageSource, MemoryImage
from openitr.errors import DatasetError

UNDETERMINED = "und"
"""The language of texts that do not say theirs (ISO 639-2)."""

_SAME_SPLIT = {"validation": "val", "valid": "val", "dev": "val", "training": "train", "testing": "test"}


def split_name(name: str) -> str:
    """One name for what sources call by several: "validation", "valid" and "dev" are "val".

    >>> split_name("validation"), split_name("Train"), split_name("restval"), split_name("Extra")
    ('val', 'train', 'restval', 'Extra')
    """
    lower = name.strip().lower()
    if lower in _SAME_SPLIT:
        return _SAME_SPLIT[lower]
    return lower if lower in ("train", "val", "test") else name.strip()


@dataclass(frozen=True, eq=False, slots=True)
class Pair:
    """A picture, its texts by language, and its place in the dataset.

    Args:
        id: Unique in the dataset; the relative path where the picture is a file.
        image: A path, the encoded bytes, or anything with the calls of
            :class:`~openitr.datasets.sources.ImageSource`.
        texts: By language code, each a text or a list of texts; codes are kept as the source has them.
        split: "" where the source has none; see :func:`split_name`.
        metadata: Everything else the source says of the picture.

    Raises:
        DatasetError: No id, a text that is no string, or an image of another type.

    >>> pair = Pair("1", b"...", {"en": ["a cat", "my cat"]}, "validation", {"indoors": True})
    >>> pair.texts["en"], pair.split, pair.read(), pair.path
    (('a cat', 'my cat'), 'val', b'...', None)
    """

    id: str
    image: ImageSource | Path | bytes
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    split: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id:
            raise DatasetError(f"a pair has the id {self.id!r}", "ids are strings that are not empty")
        image = self.image
        if isinstance(image, Path):
            image = FileImage(image)
        elif isinstance(image, bytes):
            image = MemoryImage(image)
        elif not isinstance(image, ImageSource):
            raise DatasetError(f"the picture of {self.id!r} is a {type(image).__name__}", "give a Path or bytes")
        texts = {lang: _strings(value, self.id) for lang, value in self.texts.items()}
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "texts", MappingProxyType({k: v for k, v in texts.items() if v}))
        object.__setattr__(self, "split", split_name(self.split))
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    @property
    def source(self) -> ImageSource:
        """Where the picture's bytes are."""
        assert isinstance(self.image, ImageSource)
        return self.image

    @property
    def path(self) -> Path | None:
        """The picture's file, or None when it has none of its own (a shard, a table, memory)."""
        return self.source.path

    def read(self) -> bytes:
        """The encoded bytes of the picture.

        Raises:
            UnreadableImage: They cannot be had.
        """
        return self.source.read()

    def __reduce__(self) -> tuple[Any, ...]:
        return Pair, (self.id, self.image, dict(self.texts), self.split, dict(self.metadata))


def _strings(value: object, owner: str) -> tuple[str, ...]:
    values: Sequence[object] = (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]
    for text in values:
        if not isinstance(text, str):
            raise DatasetError(f"a text of {owner!r} is a {type(text).__name__}", "texts are strings")
    return tuple(values)  # type: ignore[arg-type]
