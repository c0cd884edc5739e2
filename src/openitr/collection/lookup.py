"""Items by id, those asked for lately without the database: what comes up for one question comes up for the next."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from openitr.collection.changes import Changes
from openitr.collection.lines import read_items
from openitr.collection.store import Store
from openitr.types import Item

# Some tens of MB with captions, and more than the first pages of a hundred questions.
_ROOM = 8192
# Pages that are larger would push out all others; they are read past what is kept.
_PAGE = 500


class Lookup:
    """Reads items; what was read holds until something is committed, by whomever. Safe to use from several threads.

    Args:
        store: Of the collection.
        room: How many items are kept; when there are more, all are forgotten.
    """

    def __init__(self, store: Store, room: int = _ROOM) -> None:
        self._store, self._room = store, room
        self._changes: Changes | None = None
        self._state = -1
        self._known: dict[int, Item] = {}
        self._lock = threading.Lock()

    def items(self, ids: Sequence[int]) -> dict[int, Item]:
        """Items by id; those that do not exist are left out."""
        if len(ids) > _PAGE:
            return read_items(self._store.read, ids)
        state = self._now()
        with self._lock:
            if state != self._state:
                self._state, self._known = state, {}
            found = {id: item for id in ids if (item := self._known.get(id)) is not None}
        missing = [id for id in ids if id not in found]
        if missing:
            read = read_items(self._store.read, missing)
            # Read after the state was asked for: at worst it is newer, and then forgotten with the next question.
            with self._lock:
                if state == self._state:
                    if len(self._known) + len(read) > self._room:
                        self._known = {}
                    self._known |= read
            found |= read
        return found

    def close(self) -> None:
        """Release the connection and what was kept; idempotent."""
        with self._lock:
            changes, self._changes, self._state, self._known = self._changes, None, -1, {}
        if changes is not None:
            changes.close()

    def _now(self) -> int:
        with self._lock:
            if self._changes is None:
                self._changes = Changes(self._store)
            changes = self._changes
        return changes.state()
