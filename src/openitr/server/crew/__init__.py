"""Processes beside the server that answer searches in words; each has an interpreter, and so a core, of its own.

The server stays the one that talks to clients and knows keys, limits, jobs and pictures. What it deals out is a
question that nothing has to be remembered for, so that any process can answer it, and answer it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.lazy import lazily

if TYPE_CHECKING:
    from openitr.server.crew.dealing import Crew
    from openitr.server.crew.door import Door, in_words

_HOMES = {"Crew": "dealing", "Door": "door", "in_words": "door"}

__all__ = ["Crew", "Door", "in_words"]

__getattr__ = lazily(__name__, _HOMES)
