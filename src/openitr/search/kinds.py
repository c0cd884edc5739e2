"""How a collection is asked, in one word: by one kind of embeddings, or by all that there is.

dense    one vector per picture
lexicon  weighted words per picture
late     one vector per patch and per word
hybrid   all runs of the collection, and what is written of the pictures
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from openitr.embeddings import Kind
from openitr.errors import QueryError

if TYPE_CHECKING:
    from openitr.collection import Collection, Run

Asked: TypeAlias = Literal["dense", "lexicon", "late", "hybrid"]
ASKED: tuple[Asked, ...] = get_args(Asked)
# The shipped model of each kind.
MODEL_OF: dict[Kind, str] = {"dense": "default", "lexicon": "lexicon", "late": "late"}


def check_asked(kind: str | None) -> Asked | None:
    """The word, if it is one of the four.

    Raises:
        QueryError: It is none.

    >>> check_asked("hybrid")
    'hybrid'
    """
    if kind is not None and kind not in ASKED:
        raise QueryError(f"there is no kind {kind!r}", f"use {', '.join(ASKED)}")
    return kind


def kinds_of(asked: str | None) -> tuple[Kind, ...]:
    """Kinds of runs that indexing for this word needs; none where no word was said.

    >>> kinds_of("hybrid"), kinds_of("late"), kinds_of(None)
    (('dense', 'lexicon'), ('late',), ())
    """
    found = check_asked(asked)
    if found is None:
        return ()
    return ("dense", "lexicon") if found == "hybrid" else (found,)


def runs_for(collection: Collection, asked: str | None = None, name: str | None = None) -> list[Run]:
    """The runs that answer, the one whose probabilities count first.

    Args:
        collection: To be asked.
        asked: A word of the four, or None for the active run alone.
        name: A run by its name; it must be of the kind that is asked for.

    Raises:
        QueryError: An unknown kind, or a run that is not of it.
        CollectionError: There is no such run, or none of that kind.
    """
    kind = check_asked(asked)
    if name is not None:
        run = collection.run(name)
        if kind not in (None, run.kind):
            raise QueryError(f"the run {name!r} is of kind {run.kind}, not {kind}", "leave one of the two out")
        return [run]
    if kind is None:
        return [collection.run()]
    if kind != "hybrid":
        return [collection.run(kind=kind)]
    there = collection.kinds()
    if not there:
        return [collection.run()]
    return [collection.run(kind=one) for one in sorted(there, key=lambda one: (one != "dense", there.index(one)))]
