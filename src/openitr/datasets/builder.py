"""What all readers share: rows collected, checked, counted, and made a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from openitr.datasets.pair import UNDETERMINED, Pair
from openitr.datasets.pairs import PairDataset
from openitr.datasets.sources import FileImage, ImageSource
from openitr.errors import DatasetError


@dataclass(frozen=True)
class Options:
    """How to read; see :func:`openitr.datasets.read` for what each says."""

    missing: Literal["error", "skip"] = "error"
    lang: str = UNDETERMINED
    images: Path | None = None
    columns: Mapping[str, str | None] = field(default_factory=dict)
    merge: bool | None = None
    name: str = ""


@dataclass(frozen=True)
class Layout:
    """One way in which pairs lie on disk.

    Args:
        name: What ``layout=`` calls it.
        looks_for: How it is recognised, in words for an error message.
        claims: Whether a path looks like it; cheap.
        read: Path and options to a dataset.
    """

    name: str
    looks_for: str
    claims: Callable[[Path], bool]
    read: Callable[[Path, Options], PairDataset]


@dataclass(slots=True)
class _Row:
    key: str
    id: str
    image: ImageSource
    split: str
    where: str
    texts: dict[str, list[str]] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)


class Builder:
    """Collects rows and makes the dataset.

    Args:
        source: What is read, for messages and the name.
        options: As given to ``read``.
        merge: Whether rows of one picture are joined (a row per text) or refused (a row per picture).
    """

    def __init__(self, source: Path, options: Options, merge: bool = False) -> None:
        self._source, self._options = source, options
        self._merge = merge if options.merge is None else options.merge
        self._rows: dict[str, _Row] = {}
        self._missing: dict[str, None] = {}
        self._counts: Counter[str] = Counter()
        self._ids_differ = False

    def note(self, what: str, count: int = 1) -> None:
        """Count an oddity; the dataset's notes say how often each was met."""
        self._counts[what] += count

    def add(
        self,
        key: str,
        image: ImageSource,
        texts: Mapping[str, list[str]],
        *,
        id: str = "",
        split: str = "",
        metadata: Mapping[str, Any] | None = None,
        where: str = "",
    ) -> None:
        """One row. ``key`` tells pictures apart; ``id`` is what the source calls this one, if it does."""
        row = self._rows.get(key)
        if row is None and isinstance(image, FileImage) and not image.path.is_file():
            self._missing[key] = None
            return
        if row is None:
            row = self._rows[key] = _Row(key, id, image, split, where, metadata=dict(metadata or {}))
        elif not self._merge:
            raise DatasetError(
                f"{where}: {key!r} was there before, in {row.where}",
                "one row per picture; with merge=True rows of one picture are joined",
            )
        elif split and row.split and split != row.split:
            raise DatasetError(
                f"{where}: {key!r} is in split {split!r} and in {row.split!r}", "a picture has one split"
            )
        elif id != row.id:
            self._ids_differ = True
        for lang, said in texts.items():
            for text in said:
                clean = self._clean(text)
                if clean:
                    row.texts.setdefault(lang, []).append(clean)
                else:
                    self.note("empty texts were dropped")

    def _clean(self, text: str) -> str:
        text = text.strip()
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            # Half of a surrogate pair is no character; models and files refuse it.
            self.note('texts held half a character, now "?"')
            text = text.encode("utf-8", "replace").decode("utf-8")
        return text

    def done(self) -> PairDataset:
        """The dataset. Raises DatasetError for missing pictures (unless skipped), ids used twice, or no row at all."""
        if self._missing:
            first = ", ".join(list(self._missing)[:3])
            if self._options.missing == "error":
                raise DatasetError(
                    f"{self._source}: {len(self._missing):,} of {len(self._missing) + len(self._rows):,} pictures "
                    f"are not there, first {first}",
                    'give their folder as images=..., or pass over them with missing="skip"',
                )
            self.note(f"pictures were not there and were passed over, first {first}", len(self._missing))
        if not self._rows:
            raise DatasetError(f"{self._source} holds no picture that could be read", "check the path")
        silent = sum(not row.texts for row in self._rows.values())
        if silent:
            self.note("pictures have no text", silent)
        if self._ids_differ:
            self._counts['the column "id" numbers texts, not pictures: the paths are the ids'] = 0
        notes = [f"{count:,} {what}" if count else what for what, count in self._counts.items()]
        return PairDataset([self._pair(row) for row in self._ids()], self._options.name or self._source.name, notes)

    def _ids(self) -> list[_Row]:
        rows = list(self._rows.values())
        if self._ids_differ:
            for row in rows:
                row.id = ""
        first: dict[str, _Row] = {}
        for row in rows:
            other = first.setdefault(row.id or row.key, row)
            if other is not row:
                raise DatasetError(
                    f"{row.where}: the id {row.id or row.key!r} was there before, in {other.where}",
                    'give every picture an id of its own, or ignore ids with columns={"id": None}',
                )
        return rows

    def _pair(self, row: _Row) -> Pair:
        return Pair(row.id or row.key, row.image, row.texts, row.split, row.metadata)
