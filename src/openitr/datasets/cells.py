"""Pictures in the cells of Arrow tables: bytes, or Hugging Face's struct of ``bytes`` and ``path``. Needs pyarrow."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from openitr.datasets.builder import Builder, Options
from openitr.datasets.roots import Root, picture_folder
from openitr.datasets.rows import Columns, texts_of
from openitr.datasets.sources import FileImage, ImageSource, refuse_huge
from openitr.errors import DatasetError, MissingExtra, UnreadableImage


def pyarrow() -> Any:
    """The pyarrow package. Raises MissingExtra."""
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtra("Parquet and Arrow files", "parquet") from error
    return pyarrow


def broken() -> tuple[type[Exception], ...]:
    """What pyarrow raises over a damaged file; damaged names come as decoding errors, lost columns as lookup errors."""
    return pyarrow().ArrowException, OSError, ValueError, LookupError, TypeError


class Part(Protocol):
    """A run of rows of a table on disk: a row group of Parquet, a file of Arrow."""

    @property
    def file(self) -> Path:
        """Where it is."""
        ...

    def column(self, name: str) -> Any:
        """One column as a pyarrow array."""
        ...


class Shelf:
    """Keeps the column that was read last, so that neighbours do not read their part of the table again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: object = None
        self._column: Any = None

    def column(self, part: Part, name: str) -> Any:
        with self._lock:
            if self._key != (part, name):
                self._column, self._key = part.column(name), (part, name)
            return self._column

    def __reduce__(self) -> tuple[Any, ...]:
        return Shelf, ()


@dataclass(frozen=True)
class CellImage:
    """A picture in row ``row`` of a part of a table."""

    part: Part
    column: str
    row: int
    size: int
    name: str
    shelf: Shelf

    @property
    def path(self) -> Path | None:
        return None

    def read(self) -> bytes:
        refuse_huge(self.size, self.name)
        try:
            value = self.shelf.column(self.part, self.column)[self.row].as_py()
        except broken() as error:
            raise UnreadableImage("cannot be read from its table", f"{self.part.file}, row {self.row}") from error
        data = value.get("bytes") if isinstance(value, Mapping) else value
        if not isinstance(data, bytes):
            raise UnreadableImage("no bytes in its table", f"{self.part.file}, row {self.row}")
        return data


class CellReader:
    """Adds the rows of parts to a builder, pictures by reference."""

    def __init__(self, builder: Builder, options: Options, beside: Path) -> None:
        self._builder, self._options, self._beside = builder, options, beside
        self._shelf = Shelf()
        self._root: Root | None = None

    def add(self, part: Part, schema: Any, split: str, first: int) -> int:
        """Add a part whose rows are numbered from ``first``; gives how many."""
        pa = pyarrow()
        columns = Columns.of(list(schema.names), self._options.columns)
        if not columns.image:
            raise DatasetError(f"{part.file}: no column for the picture", f"columns: {', '.join(schema.names)}")
        kind = schema.field(columns.image).type
        holds_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        is_struct = pa.types.is_struct(kind)
        if not (holds_bytes or is_struct or pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise DatasetError(f"{part.file}: column {columns.image!r} is {kind}", "it should hold paths or bytes")
        others = [name for name in schema.names if name != columns.image and not _is_heavy(pa, schema.field(name).type)]
        table = {name: part.column(name) for name in others}
        count = 0
        for count, (size, name) in enumerate(_pictures(pa, part.column(columns.image), is_struct, holds_bytes), 1):
            record = {other: table[other][count - 1].as_py() for other in others}
            where = f"{part.file}, row {first + count - 1}"
            image: ImageSource
            if size >= 0:
                key = f"{split + '/' if split else ''}{first + count - 1:08d}"
                image = CellImage(part, columns.image, count - 1, size, name, self._shelf)
            else:
                if self._root is None:
                    self._root = Root(self._options.images or picture_folder(self._beside, name))
                image = FileImage(self._root.file(name, where))
                key = self._root.id_of(image.path)
            self._add(key, image, record, columns, split, where)
        return count

    def _add(
        self, key: str, image: ImageSource, record: dict[str, Any], columns: Columns, split: str, where: str
    ) -> None:
        lang = str(record.get(columns.lang) or self._options.lang)
        texts: dict[str, list[str]] = {}
        for column in columns.texts:
            value = record.get(column)
            if isinstance(value, Mapping):
                # A struct column has every language in every row; null where the row has none.
                value = {code: said for code, said in value.items() if said is not None}
            for code, said in texts_of(value, lang, where).items():
                texts.setdefault(code, []).extend(said)
        number = record.get(columns.id) if columns.id else None
        own = record.get(columns.split) if columns.split else None
        metadata = columns.rest(record)
        self._builder.add(
            key,
            image,
            texts,
            id="" if number is None else str(number),
            split=str(own or split),
            metadata=metadata,
            where=where,
        )


def _is_heavy(pa: Any, kind: Any) -> bool:
    """Whether a column may hold files: those are not metadata."""
    if pa.types.is_struct(kind):
        return any(_is_heavy(pa, kind.field(i).type) for i in range(kind.num_fields))
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _pictures(pa: Any, column: Any, is_struct: bool, holds_bytes: bool) -> Iterator[tuple[int, str]]:
    """(size, name) of every cell; size -1 when the cell names a file."""
    import pyarrow.compute as pc

    if not is_struct:
        values = pc.binary_length(column) if holds_bytes else column
        for value in values.to_pylist():
            yield (value or 0, "") if holds_bytes else (-1, value or "")
        return
    fields = {column.type.field(i).name for i in range(column.type.num_fields)}
    nothing = [None] * len(column)
    sizes = pc.binary_length(pc.struct_field(column, "bytes")).to_pylist() if "bytes" in fields else nothing
    names = pc.struct_field(column, "path").to_pylist() if "path" in fields else nothing
    for size, name in zip(sizes, names, strict=True):
        yield (-1 if size is None else size), name or ""
