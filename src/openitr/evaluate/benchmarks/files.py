"""The files of a benchmark, read with errors that say which file, which row, and where to get it."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar, cast

from openitr.datasets.decoding import json_file, json_lines
from openitr.datasets.roots import Root
from openitr.datasets.sources import FileImage
from openitr.errors import DatasetError

T = TypeVar("T")

MAX_CELL = 16 << 20
"""Characters in one cell of a table."""


class Folder:
    """What lies below the root of a benchmark; no name in its files leads out of there.

    Args:
        root: The folder.
        get: Where its files are to be had, for the error when one is missing.
    """

    def __init__(self, root: Path, get: str) -> None:
        self.root, self._get = Path(root), get
        self._roots: dict[str, Root] = {}

    def path(self, *names: str) -> Path:
        """The first of some files that is there. Raises DatasetError naming the first when none is."""
        for name in names:
            if (self.root / name).exists():
                return self.root / name
        raise DatasetError(f"{self.root / names[0]} is not there", f"get it from {self._get}")

    def json(self, *names: str) -> Any:
        """The JSON document in the first of some files that is there."""
        return json_file(self.path(*names))

    def lines(self, *names: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(where, object) of every line of a JSON lines file."""
        return json_lines(self.path(*names))

    def words(self, *names: str) -> list[str]:
        """The lines of a text file, without their ends."""
        with self.path(*names).open(encoding="utf-8", errors="replace", newline="\n") as file:
            return file.read().removesuffix("\n").split("\n")

    def table(self, *names: str, delimiter: str = ",", quoting: bool = True) -> Iterator[tuple[str, dict[str, str]]]:
        """(where, row by column) of a CSV or TSV file with a header, also gzipped."""
        path = self.path(*names)
        # The limit is one for the whole process: other readers of tables keep theirs.
        limit = csv.field_size_limit(MAX_CELL)
        with _opened(path) as file:
            reader = csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE)
            try:
                head = next(reader, [])
                for row in reader:
                    where = f"{path}, line {reader.line_num}"
                    if len(row) != len(head):
                        raise DatasetError(f"{where}: {len(row)} fields under {len(head)} columns", "mend that row")
                    yield where, dict(zip(head, row, strict=True))
            except (csv.Error, EOFError, OSError, UnicodeDecodeError) as error:
                raise DatasetError(f"{path}, line {reader.line_num}: {error}", "fetch the file again") from error
            finally:
                csv.field_size_limit(limit)

    def picture(self, folder: str | Sequence[str], name: Any, where: str) -> FileImage:
        """A picture by the name that a file gives it, in a folder below the root or in the first of some that has it.

        Raises:
            DatasetError: The name is none, or leads out of the folder.
        """
        folders = [folder] if isinstance(folder, str) else list(folder)
        named = text(name, where, "the picture's name")
        found = [self._root(one).file(named, where) for one in folders]
        return FileImage(next((path for path in found if path.is_file()), found[0]))

    def _root(self, folder: str) -> Root:
        if folder not in self._roots:
            self._roots[folder] = Root(self.root / folder)
        return self._roots[folder]


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8", errors="replace", newline=""))
    return path.open(encoding="utf-8", errors="replace", newline="")


def listed(value: Any, where: str) -> list[Any]:
    """A list. Raises DatasetError naming where it should be."""
    return _of(value, list, where, "a list")


def mapped(value: Any, where: str) -> dict[str, Any]:
    """An object. Raises DatasetError naming where it should be."""
    return _of(value, dict, where, "an object")


def field(record: Any, name: str, where: str) -> Any:
    """A value of an object. Raises DatasetError when it has none of that name."""
    found = mapped(record, where)
    if name not in found:
        raise DatasetError(f"{where}: no {name!r}", f"it has: {', '.join(map(str, list(found)[:12])) or 'nothing'}")
    return found[name]


def text(value: Any, where: str, what: str = "a text") -> str:
    """A string that is not blank. Raises DatasetError."""
    if not isinstance(value, str) or not value.strip():
        raise DatasetError(f"{where}: {what} is {str(value)[:80]!r}", "it should be a string that is not blank")
    return value


def texts(value: Any, where: str, blanks: bool = False) -> list[str]:
    """A list of strings. Raises DatasetError, also for a blank one, unless ``blanks`` are to be left out."""
    found = [one for one in listed(value, where) if not (blanks and isinstance(one, str) and not one.strip())]
    return [text(one, where) for one in found]


def key(value: Any, where: str) -> str:
    """An id as a string, from a string or a whole number. Raises DatasetError."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise DatasetError(f"{where}: the id is {str(value)[:80]!r}", "ids are strings or whole numbers")
    return str(value)


def known(things: Mapping[str, T], name: str, where: str) -> T:
    """What stands under a name. Raises DatasetError when nothing does."""
    if name not in things:
        raise DatasetError(f"{where}: {name!r} is not there", "the files do not fit together")
    return things[name]


def box(value: Any, where: str) -> tuple[float, float, float, float]:
    """Four finite numbers, left, top, width, height. Raises DatasetError."""
    numbers = listed(value, where)
    good = len(numbers) == 4 and all(isinstance(n, int | float) and abs(n) < 1e9 for n in numbers)
    if not good or numbers[2] <= 0 or numbers[3] <= 0:
        raise DatasetError(f"{where}: {str(value)[:80]} is no box", "it should be [left, top, width, height]")
    return (float(numbers[0]), float(numbers[1]), float(numbers[2]), float(numbers[3]))


def _of(value: Any, kind: type[T], where: str, what: str) -> T:
    if not isinstance(value, kind):
        raise DatasetError(f"{where}: a {type(value).__name__}, not {what}", "is this the published file?")
    return value
