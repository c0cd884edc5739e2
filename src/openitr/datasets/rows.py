"""From a record as it is found (a JSON object, a line of a table) to image, texts, split and metadata."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openitr.datasets.pair import UNDETERMINED
from openitr.errors import DatasetError

# What each role goes by in published data sets; earlier names win.
NAMES: dict[str, tuple[str, ...]] = {
    "image": (
        "image", "filepath", "file_path", "file_name", "filename", "image_path", "image_file", "image_name", "path",
        "img", "file", "jpg",
    ),
    "text": (
        "texts", "captions", "caption", "text", "title", "sentences", "sentence", "caption_text", "comment",
        "description", "txt", "raw",
    ),
    "split": ("split", "partition"),
    "lang": ("lang", "language"),
    "id": ("id", "image_id"),
}  # fmt: skip

_NUMBERED = re.compile(r"(?:captions?|texts?|sentences?|comments?)[ _-]?\d+")


@dataclass(frozen=True)
class Columns:
    """Which columns of a record play which role.

    >>> found = Columns.of(["id", "filepath", "caption_1", "caption_2", "split", "mood"], {})
    >>> found.image, found.texts, found.split, found.id
    ('filepath', ('caption_1', 'caption_2'), 'split', 'id')
    """

    image: str = ""
    texts: tuple[str, ...] = ()
    split: str = ""
    lang: str = ""
    id: str = ""
    used: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, names: list[str], chosen: Mapping[str, str | None]) -> Columns:
        """Find the roles by name; ``chosen`` (role to column, None for no such column) goes first."""
        unknown = set(chosen) - set(NAMES)
        if unknown:
            raise DatasetError(f"no column role is called {sorted(unknown)[0]!r}", f"roles: {', '.join(NAMES)}")
        lower = {name.strip().lower(): name for name in reversed(names)}
        roles: dict[str, str] = {}
        for role, candidates in NAMES.items():
            if role in chosen:
                wanted = chosen[role]
                if wanted is not None and wanted not in names:
                    raise DatasetError(f"there is no column {wanted!r}", f"there is: {', '.join(names)}")
                roles[role] = wanted or ""
            else:
                roles[role] = next((lower[c] for c in candidates if c in lower), "")
        texts: tuple[str, ...] = (roles["text"],) if roles["text"] else ()
        if not texts and "text" not in chosen:
            texts = tuple(name for name in names if _NUMBERED.fullmatch(name.strip().lower()))
        used = frozenset({roles["image"], roles["split"], roles["lang"], roles["id"], *texts} - {""})
        return cls(roles["image"], texts, roles["split"], roles["lang"], roles["id"], used)

    def rest(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """What is left as metadata; a column or key "metadata" that holds an object is spread out."""
        left = {str(key): value for key, value in record.items() if key not in self.used and key is not None}
        own = left.get("metadata")
        if isinstance(own, str) and own.startswith("{"):
            try:
                own = json.loads(own)
            except (ValueError, RecursionError):
                return left
        if isinstance(own, Mapping):
            left.pop("metadata")
            return {**own, **left}
        return left


def texts_of(value: Any, lang: str, where: str) -> dict[str, list[str]]:
    """Texts by language from any of the forms in use: a string, a list, an object by language, Karpathy's sentences.

    >>> texts_of({"en": ["a cat", "my cat"], "de": "eine Katze"}, "und", "row 1")
    {'en': ['a cat', 'my cat'], 'de': ['eine Katze']}
    >>> texts_of([{"raw": "A cat.", "tokens": ["a", "cat"]}], "en", "row 1")
    {'en': ['A cat.']}
    """
    if isinstance(value, Mapping):
        single = next((key for key in ("raw", "caption", "text") if key in value), None)
        if (
            single
            and not isinstance(value[single], Mapping)
            and ("tokens" in value or "sentid" in value or len(value) == 1)
        ):
            return {lang: _strings(value[single], where)}
        return {str(code) or UNDETERMINED: _strings(said, where) for code, said in value.items()}
    return {lang: _strings(value, where)}


def _strings(value: Any, where: str) -> list[str]:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return [""]
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping) and isinstance(value.get("raw", value.get("caption")), str):
        return [value.get("raw", value.get("caption"))]
    if isinstance(value, list | tuple):
        return [text for part in value for text in _strings(part, where)]
    raise DatasetError(f"{where}: a text is a {type(value).__name__}: {str(value)[:80]}", "texts are strings")
