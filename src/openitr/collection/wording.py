"""What is written of pictures, searchable: file names, tags and other texts of the user, captions, and texts in them.

SQLite's own full-text index (FTS5) keeps it in the database of the items, so that both change together. It ranks by
BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework", section 3; k1 = 1.2, b = 0.75), folds
accents and English endings (Porter), and is part of every usual build of Python.

name      the path, folders too
tags      texts and lists of texts of sidecars (a text that was read in the picture among them) and of the file itself
captions  as they came with the picture
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from openitr.collection.lines import Value, read_items
from openitr.collection.spacing import spaced, wanted
from openitr.embeddings import Floats, Ints
from openitr.index.base import Ranking
from openitr.index.ranking import best

COLUMNS = ("name", "tags", "captions")
_SCHEMA = (
    "CREATE VIRTUAL TABLE words USING fts5(name, tags, captions, tokenize = 'porter unicode61 remove_diacritics 2')"
)
_PAGE = 2000
_OPEN, _CLOSE = "\x02", "\x03"


def there(db: sqlite3.Connection) -> bool:
    """Whether the texts of a collection are indexed."""
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'words'").fetchone() is not None


def lay_out(db: sqlite3.Connection) -> None:
    """Make the index of all texts where it is missing; inside a transaction. Without FTS5 there is none."""
    if there(db):
        return
    try:
        db.execute(_SCHEMA)
    except sqlite3.OperationalError as error:
        if "fts5" in str(error):
            return
        raise
    ids = [id for (id,) in db.execute("SELECT id FROM items ORDER BY id")]
    for start in range(0, len(ids), _PAGE):
        for item in read_items(db, ids[start : start + _PAGE]).values():
            put(db, item.id, item.path, (*item.facts.values(), *item.metadata.values()), item.captions)


def put(db: sqlite3.Connection, id: int, path: str, values: Iterable[Value], captions: Sequence[str]) -> None:
    """Replace what is written of one item; inside a transaction that knows that the index is there.

    Args:
        db: The writer's connection.
        id: Of the item.
        path: Of the file, with folders.
        values: Of its fields; those that are no text are passed over.
        captions: Of the picture.
    """
    texts: list[str] = []
    for value in values:
        texts += [value] if isinstance(value, str) else [] if isinstance(value, int | float) else value
    stem = path.rpartition(".")[0] or path
    row = (id, spaced(stem), spaced("\n".join(texts)), spaced("\n".join(captions)))
    db.execute("INSERT OR REPLACE INTO words (rowid, name, tags, captions) VALUES (?, ?, ?, ?)", row)


def put_again(db: sqlite3.Connection, id: int) -> None:
    """Replace what is written of an item by what the database knows of it."""
    item = read_items(db, [id])[id]
    put(db, id, item.path, (*item.facts.values(), *item.metadata.values()), item.captions)


def drop(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Forget items."""
    db.execute("DELETE FROM words WHERE rowid IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),))


class WordIndex:
    """The texts of a collection, to be asked; safe to use from several threads.

    Args:
        connect: This thread's connection for reading.

    >>> import tempfile
    >>> from openitr.collection import Collection
    >>> with tempfile.TemporaryDirectory() as folder, Collection.create(folder + "/photos") as collection:
    ...     len(collection.words().search(["beach"], k=10))
    0
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect

    def search(self, texts: Sequence[str], k: int, allowed: Ints | None = None) -> Ranking:
        """The k pictures whose texts hold words of ``texts``, by BM25; pictures without any are left out.

        Args:
            texts: What is asked; a picture need not have all words.
            k: At most so many.
            allowed: Ids to choose from; None for all.
        """
        ids, scores = self.every(texts)
        if allowed is not None:
            inside = np.isin(ids, allowed)
            ids, scores = ids[inside], scores[inside]
        return Ranking(*best(ids, scores, k))

    def every(self, texts: Sequence[str]) -> tuple[Ints, Floats]:
        """Ids (ascending) of all pictures of which any of the words is written, and their BM25."""
        ids, scores, _ = self.told(texts)
        return ids, scores

    def told(self, texts: Sequence[str]) -> tuple[Ints, Floats, Floats]:
        """The same, and how much of the question is written of each, 0 to 1, rare words more than common ones.

        Each word is asked for by itself: BM25 is the sum over words, and SQLite does not say which of them it found.
        """
        db = self._connect()
        (total,) = db.execute("SELECT count(*) FROM words_docsize").fetchone()
        found: list[tuple[Ints, npt.NDArray[np.float64], float]] = []
        for word in _quoted(texts):
            rows = db.execute("SELECT rowid, -bm25(words) FROM words WHERE words MATCH ?", (word,))
            flat = np.fromiter(chain.from_iterable(rows), np.float64).reshape(-1, 2)
            # As FTS5 has it: what more than half of all have counts next to nothing.
            weight = max(math.log((total - len(flat) + 0.5) / (len(flat) + 0.5)), 1e-6)
            found.append((flat[:, 0].astype(np.int64), flat[:, 1], weight))
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32)
        ids, places = np.unique(np.concatenate([ids for ids, _, _ in found]), return_inverse=True)
        weights = np.repeat([weight for *_, weight in found], [len(one) for one, _, _ in found])
        summed = np.bincount(places, np.concatenate([scores for _, scores, _ in found]), len(ids))
        shares = np.bincount(places, weights, len(ids)) / sum(weight for *_, weight in found)
        return ids, summed.astype(np.float32), shares.astype(np.float32)

    def described(self, ids: Ints) -> npt.NDArray[np.bool_]:
        """Which pictures have a caption, or a text of a sidecar: their name and the camera's notes are not meant."""
        wanted_ids = json.dumps([int(i) for i in ids])
        rows = self._connect().execute(
            "SELECT item FROM captions WHERE item IN (SELECT value FROM json_each(?1)) UNION SELECT item FROM fields "
            "WHERE source = 'meta' AND kind IN ('text', 'set') AND item IN (SELECT value FROM json_each(?1))",
            (wanted_ids,),
        )
        return np.isin(ids, np.array([row[0] for row in rows], np.int64))

    def matched(self, texts: Sequence[str], ids: Sequence[int]) -> Mapping[int, dict[str, list[str]]]:
        """For each picture that has any: by column, the words that are written there, as they are written."""
        asked = _match(texts)
        if not asked:
            return {}
        marked = ", ".join(f"highlight(words, {n}, '{_OPEN}', '{_CLOSE}')" for n in range(len(COLUMNS)))
        rows = self._connect().execute(
            f"SELECT rowid, {marked} FROM words WHERE words MATCH ? AND +rowid IN (SELECT value FROM json_each(?))",
            (asked, json.dumps([int(i) for i in ids])),
        )
        found: dict[int, dict[str, list[str]]] = {}
        for id, *texts_of in rows:
            words = {column: _marked(text) for column, text in zip(COLUMNS, texts_of, strict=True)}
            found[id] = {column: said for column, said in words.items() if said}
        return found


def _match(texts: Sequence[str]) -> str:
    """An FTS5 expression: any of the words."""
    return " OR ".join(_quoted(texts))


def _quoted(texts: Sequence[str]) -> list[str]:
    """The words, each once and quoted, so that nothing in it is an operator."""
    words = dict.fromkeys(word for text in texts for word in wanted(text))
    return ['"{}"'.format(word.replace('"', '""')) for word in words]


def _marked(text: str) -> list[str]:
    parts = text.split(_OPEN)[1:]
    return list(dict.fromkeys(part.partition(_CLOSE)[0].lower() for part in parts))
