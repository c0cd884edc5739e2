"""What file names tell: the split, and the members of a family of shards."""

from __future__ import annotations

import re

from openitr.datasets.pair import split_name
from openitr.errors import DatasetError

_SPLIT = re.compile(r"(?:^|[^a-z])(train|training|val|valid|validation|dev|test|testing)(?![a-z])", re.IGNORECASE)
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MOST = 1_000_000


def split_in_name(name: str) -> str:
    """The split that a file or folder name carries, "" when none.

    >>> split_in_name("data/validation-00000-of-00001.parquet"), split_in_name("contest/000.tar")
    ('val', '')
    """
    found = _SPLIT.search(name)
    return split_name(found[1]) if found else ""


def expanded(pattern: str) -> list[str]:
    """Brace expansion as WebDataset's users know it from the shell.

    Raises:
        DatasetError: More than a million names, or a range that runs backwards.

    >>> expanded("train-{008..010}.tar")
    ['train-008.tar', 'train-009.tar', 'train-010.tar']
    >>> expanded("{a,b}-{0..1}.tar")
    ['a-0.tar', 'a-1.tar', 'b-0.tar', 'b-1.tar']
    """
    found = _BRACES.search(pattern)
    if not found:
        return [pattern]
    between = _RANGE.fullmatch(found[1])
    choices: list[str]
    if between:
        first, last = int(between[1][-18:]), int(between[2][-18:])
        if not 0 <= last - first < _MOST:
            raise DatasetError(f"{pattern}: the range {{{found[1]}}} is empty or too long", "write {000..009}")
        width = len(between[1]) if between[1].startswith("0") or len(between[1]) == len(between[2]) else 0
        choices = [f"{number:0{width}d}" for number in range(first, last + 1)]
    else:
        choices = found[1].split(",")
    tails = expanded(pattern[found.end() :])
    if len(choices) * len(tails) > _MOST:
        raise DatasetError(f"{pattern} stands for more than {_MOST:,} names", "read it in pieces")
    return [pattern[: found.start()] + choice + tail for choice in choices for tail in tails]
