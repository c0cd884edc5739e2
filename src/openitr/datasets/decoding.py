"""Text files of unknown encoding, and JSON of unknown manners."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openitr.errors import DatasetError

MAX_LINE = 16 << 20
"""Characters in one line of JSON, and bytes of a sidecar."""
MAX_DOCUMENT = 2 << 30
"""Bytes of one JSON document."""


def decoded(data: bytes) -> tuple[str, str]:
    """Text of unknown encoding, and which it was: a byte order mark decides, else UTF-8, else latin-1 (any bytes).

    >>> decoded("né".encode("utf-8")), decoded("né".encode("latin-1")), decoded("né".encode("utf-16"))
    (('né', 'utf-8'), ('né', 'latin-1'), ('né', 'utf-16'))
    """
    encoding = _marked(data)
    if encoding:
        return data.decode(encoding, "replace"), encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def encoding_of(path: Path) -> str:
    """The encoding of a file by the rule of :func:`decoded`, without holding the file."""
    with path.open("rb") as file:
        marked = _marked(file.read(4096))
        if marked:
            return marked
        file.seek(0)
        reader = codecs.getincrementaldecoder("utf-8")()
        try:
            while block := file.read(1 << 20):
                reader.decode(block)
            reader.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8"


def _marked(head: bytes) -> str:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) >= 2 and head[:2].count(0) == 1:
        # No mark, but every other byte is zero: UTF-16 of a western text.
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if max(even, odd) > len(head) // 4 and min(even, odd) == 0:
            return "utf-16-be" if even else "utf-16-le"
    return ""


def json_value(text: str, where: str) -> Any:
    """One JSON value. Raises DatasetError naming ``where``."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise DatasetError(f"{where}: nested too deeply for JSON", "flatten the file") from error
    except ValueError as error:
        raise DatasetError(f"{where}: not JSON: {error}", "mend the file, or leave that row out") from error


def json_file(path: Path) -> Any:
    """The JSON document of a file. Raises DatasetError when it is too large or broken."""
    size = path.stat().st_size
    if size > MAX_DOCUMENT:
        raise DatasetError(f"{path} has {size:,} bytes, the limit is {MAX_DOCUMENT:,}", "write it as JSON lines")
    return json_value(decoded(path.read_bytes())[0], str(path))


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, object) for every line of a JSON lines file that is not blank. Raises DatasetError with file and line."""
    with path.open(encoding=encoding_of(path), errors="replace", newline="\n") as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            where = f"{path}, line {number}"
            if len(line) > MAX_LINE:
                raise DatasetError(f"{where}: longer than {MAX_LINE:,} characters", "one object per line")
            if line.isspace():
                continue
            row = json_value(line, where)
            if not isinstance(row, dict):
                raise DatasetError(
                    f"{where}: a {type(row).__name__}, not an object", 'write {"image": ..., "texts": ...}'
                )
            yield where, row
