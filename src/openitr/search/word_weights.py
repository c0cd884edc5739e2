"""Words of a lexicon run, weighed by hand: boosted, brought in, forbidden; and which words a hit was found by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from openitr.embeddings import Floats, Ints, LexiconEmbeddings
from openitr.encoders.base import Encoder
from openitr.encoders.lexicon import LexiconEncoder
from openitr.errors import QueryError
from openitr.index.base import Index
from openitr.search.pipeline import Asked, Column
from openitr.types import Part

# A word is taken to be shown where it weighs more than this; below, it is rather a guess. Ours, not fitted.
SHOWN = 0.1
_SAID = 4


@runtime_checkable
class Spells(Protocol):
    """An index that knows the weights of single terms, as :class:`openitr.index.LexiconIndex` does."""

    def weights(self, ids: Ints, terms: Ints) -> Floats:
        """(n, t) of items and terms."""
        ...

    def holding(self, term: int, least: float = 0.0) -> Ints:
        """Ids of the items in which a term weighs more than ``least``."""
        ...


def parse_terms(boost: Iterable[str] = (), forbid: Iterable[str] = ()) -> dict[str, float]:
    """Factor per word from ``"red=2"`` (2 where no number is given) and from forbidden words (0).

    Raises:
        QueryError: No word, or a factor that is no number above 0.

    >>> parse_terms(["red=3", "dog"], ["snow"])
    {'red': 3.0, 'dog': 2.0, 'snow': 0.0}
    """
    found: dict[str, float] = {}
    for text in boost:
        word, _, factor = text.partition("=")
        try:
            found[word.strip()] = float(factor or 2)
        except ValueError:
            raise QueryError(f"{factor!r} in {text!r} is no number", 'write "red=2"') from None
        if not word.strip() or not 0 < found[word.strip()] < np.inf:
            raise QueryError(f"{text!r} boosts nothing", 'write "red=2", with a factor above 0')
    return found | {word.strip(): 0.0 for word in forbid}


def weighed(asked: Asked, terms: Mapping[str, float], encoder: Encoder) -> Asked:
    """A query whose texts have some words weighed anew; pictures and negatives stay as they are.

    Raises:
        InputError: A word that the model does not know.
    """
    if not isinstance(encoder, LexiconEncoder):
        raise QueryError("the model that answers here knows no words", "ask the collection where it lies")
    rows = list(asked.rows)
    for place, part in enumerate(asked.parts[: asked.positives]):
        row = rows[place]
        if part.image is None and isinstance(row, LexiconEmbeddings):
            rows[place] = encoder.reweighed(row, terms)
    return replace(asked, rows=rows)


def without(terms: Mapping[str, float], runs: Sequence[tuple[Index, Encoder]], passing: Ints | None) -> Ints | None:
    """What passes the filter and shows none of the words with factor 0: ids, ascending; None for all.

    Raises:
        QueryError: None of the runs is a lexicon run, or its index cannot tell.
        InputError: A word that the model does not know.
    """
    for index, encoder in runs:
        if index.kind != "lexicon":
            continue
        if not isinstance(encoder, LexiconEncoder) or not isinstance(index, Spells):
            raise QueryError("words cannot be weighed here", "ask the collection where it lies, with its own index")
        banned = [index.holding(encoder.term(word), SHOWN) for word, factor in terms.items() if factor == 0]
        if not banned:
            return passing
        left = index.ids() if passing is None else passing
        return np.setdiff1d(left, np.concatenate(banned), assume_unique=False)
    raise QueryError(
        "words can be weighed in a lexicon run only", "ask with --kind lexicon (openitr reindex C --kind lexicon)"
    )


@dataclass(frozen=True, eq=False)
class _Why:
    """Words that hits share with the query, looked up when somebody reads them."""

    index: Spells
    encoder: LexiconEncoder
    row: LexiconEmbeddings
    ids: Ints

    def __getitem__(self, rows: Any) -> Any:
        ids = np.atleast_1d(self.ids[rows])
        if not np.isscalar(rows) and not isinstance(rows, np.integer):
            return replace(self, ids=ids)
        terms, weights = self.row.matrix.indices.astype(np.int64), self.row.matrix.data
        adds = self.index.weights(ids, terms)[0] * weights
        order = [at for at in np.lexsort((terms, -adds))[:_SAID] if adds[at] > 0]
        return " + ".join(f"{self.encoder.words[terms[at]]} {adds[at]:.2f}" for at in order)


def spelled(column: Column, index: Index, encoder: Encoder, asked: Asked, ids: Ints) -> Column:
    """The same column, saying which words a hit shares with a query of one part; as it was where none can tell."""
    parts: Sequence[Part] = asked.parts[: asked.positives]
    row = asked.rows[0] if asked.rows else None
    known = isinstance(encoder, LexiconEncoder) and isinstance(index, Spells) and isinstance(row, LexiconEmbeddings)
    if len(parts) != 1 or not known:
        return column
    assert isinstance(encoder, LexiconEncoder) and isinstance(index, Spells) and isinstance(row, LexiconEmbeddings)
    how = "has the words" if parts[0].image is None else "shares the words"
    return Column(
        column.stage, column.scores, lambda score, words: f"{how} {words}" if words else "shares no word",
        [_Why(index, encoder, row, ids)],
    )  # fmt: skip
