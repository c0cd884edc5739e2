"""What can go wrong, named.

    OpenITRError                      everything the package raises on purpose
    ├── InputError                    the call or the data it was given is wrong
    │   ├── QueryError                a query that cannot be answered (empty, bad weight, bad k)
    │   ├── FilterError               a --where expression or its JSON form
    │   ├── UnreadableImage           bytes that are no usable picture (corrupt, bomb, too slow, unsupported)
    │   ├── DatasetError              a pair dataset whose files do not hold what they should
    │   └── ShapeError                embeddings of the wrong kind, dimension or value (NaN)
    ├── ModelError                    a model that cannot be found, read or trusted
    │   └── FingerprintMismatch       vectors of another model than the collection's
    ├── CollectionError               a collection on disk
    │   ├── NoSuchCollection
    │   ├── NewerFormat               written by a newer OpenITR
    │   ├── CollectionBusy            another process is writing to it
    │   └── DamagedCollection         `openitr verify` says what, and what to do
    ├── LMMError                      a language model that is down, too slow, or answers what cannot be used
    ├── ServerError                   a server that cannot be reached, refuses, or answers nonsense
    └── MissingExtra                  an optional dependency; the message has the pip command

Every message says what was wrong, with which file or value; ``remedy`` says what to do about it.
"""

from __future__ import annotations


class OpenITRError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: What was wrong, with which file or value.
        remedy: What the reader can do about it; shown on a line of its own.

    >>> str(OpenITRError("k is 0", remedy="use 1 to 10000"))
    'k is 0 (use 1 to 10000)'
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class InputError(OpenITRError, ValueError):
    """The call, or the data it was given, is wrong."""


class QueryError(InputError):
    """A query that cannot be answered: empty, a weight that is no number, k out of range."""


class FilterError(InputError):
    """A filter expression that cannot be read, or that asks of a field what its type has not."""


class UnreadableImage(InputError):
    """Bytes that are no usable picture.

    Args:
        reason: A short phrase, stable enough to group by ("truncated", "too many pixels").
        path: The file, where there is one.
        remedy: What to do about it.
    """

    def __init__(self, reason: str, path: str = "", remedy: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason, remedy)
        self.reason = reason
        self.path = path


class DatasetError(InputError):
    """A pair dataset whose files do not hold what they should."""


class ShapeError(InputError):
    """Embeddings of the wrong kind or dimension, or with values that are not finite."""


class ModelError(OpenITRError):
    """A model that cannot be found, read or trusted."""


class FingerprintMismatch(ModelError):
    """Vectors made by another model than the one a collection was built with."""


class CollectionError(OpenITRError):
    """A collection on disk that cannot be used as asked."""


class NoSuchCollection(CollectionError):
    """There is no collection at that place."""


class NewerFormat(CollectionError):
    """The collection was written by a newer version of OpenITR."""


class CollectionBusy(CollectionError):
    """Another process is writing to the collection."""


class DamagedCollection(CollectionError):
    """The collection is not whole."""


class LMMError(OpenITRError):
    """A language model that is down, too slow, or whose reply is of no use after one repair.

    Whatever takes a language model catches it, goes on with what works without one, and says so.
    """


class ServerError(OpenITRError):
    """A server that cannot be reached, that refuses, or that answers something else than OpenITR would."""


class MissingExtra(OpenITRError, ImportError):
    """An optional dependency is not installed.

    >>> str(MissingExtra("HEIC pictures", "heic"))
    'HEIC pictures need an extra (pip install "openitr[heic]")'
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} need an extra", f'pip install "openitr[{extra}]"')
        self.extra = extra
