"""Searches of words and tokens by machine code, made in the background: nobody waits for the compiler."""

from __future__ import annotations

import threading
import weakref

from openitr.collection.kept import KeptIndex
from openitr.errors import MissingExtra
from openitr.index.base import Index
from openitr.server.problems import log


class Quickening:
    """Has each lexicon or late index compiled once, where numba is installed (``openitr[compiled]``).

    Making the machine code takes some seconds. Questions that come meanwhile are answered as they are without it: the
    same hits, only later.

    >>> from openitr.index.memory import MemoryIndex
    >>> Quickening().wanted(MemoryIndex("dense", 4))
    False
    """

    def __init__(self) -> None:
        self._begun: weakref.WeakSet[KeptIndex] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._possible = True

    def wanted(self, index: Index) -> bool:
        """Whether there is anything to do for an index; whoever hears yes calls :meth:`quicken`."""
        if not isinstance(index, KeptIndex) or index.compiled or not self._possible:
            return False
        with self._lock:
            if index in self._begun:
                return False
            self._begun.add(index)
            return True

    def quicken(self, index: Index) -> None:
        """Compile, in the caller's thread; a failure leaves the search as it was."""
        if not isinstance(index, KeptIndex):
            return
        try:
            index.compile()
        except MissingExtra:
            self._possible = False
        except Exception as error:
            log.warning("the search of %s embeddings stays as it is: %s", index.kind, error)
