"""Lines of TREC files, read with limits and errors that name the line.

    qrels   query  iteration  document  grade                   https://trec.nist.gov/data/qrels_eng/
    run     query  Q0  document  rank  score  tag                trec_eval's README

Words are parted by white space, so an id that holds some cannot be written in this format.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from openitr.errors import DatasetError, InputError

MAX_BYTES = 4 << 30
MAX_LINE = 4096


def rows(path: str | Path, columns: int) -> Iterator[tuple[str, list[str]]]:
    """(``FILE:LINE``, words) of every line that is not empty.

    Raises:
        DatasetError: No such file, one of more than 4 GiB, a line of another number of words, or bytes not in UTF-8.
    """
    file = Path(path)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise DatasetError(f"{file} is larger than {MAX_BYTES >> 30} GiB", "split it by query")
        with file.open("rb") as lines:
            number = 0
            while line := lines.readline(MAX_LINE + 1):
                number += 1
                where = f"{file}:{number}"
                if len(line) > MAX_LINE:
                    raise DatasetError(f"{where} is longer than {MAX_LINE} bytes", "a TREC line is a few words")
                words = line.decode("utf-8-sig" if number == 1 else "utf-8").split()
                if not words:
                    continue
                if len(words) != columns:
                    raise DatasetError(f"{where} has {len(words)} words, not {columns}", "is it the right file?")
                yield where, words
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file} is not UTF-8 text", "convert it first") from error
    except OSError as error:
        raise DatasetError(f"{file} cannot be read: {error.strerror}", "check the path") from error


def number(word: str, where: str, what: str) -> float:
    """A finite number.

    >>> number("0.5", "run.txt:1", "score")
    0.5
    """
    try:
        found = float(word)
    except ValueError as error:
        raise DatasetError(f"{where}: {what} {word!r} is not a number", "check the order of the columns") from error
    if not math.isfinite(found):
        raise DatasetError(f"{where}: {what} {word!r} is not finite", "scores and grades are ordinary numbers")
    return found


def word(text: str, what: str) -> str:
    """An id as one word of a line.

    Raises:
        InputError: It is empty or holds white space.
    """
    if not text or text.split() != [text]:
        raise InputError(f"{what} id {text!r} cannot stand in a TREC file", "ids there have no white space; use JSON")
    return text
