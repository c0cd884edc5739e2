"""PIL's warnings switched off while it reads strange bytes, whatever the caller's filters are.

A damaged tag is a matter for the notes of a picture, not for somebody's console, and under ``-W error`` it would even
turn a good picture into a failure. Python's own ``catch_warnings`` restores in the wrong order when threads overlap;
here the first to enter switches off and the last to leave restores.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
_inside = 0
_saved: warnings.catch_warnings[None] | None = None


@contextmanager
def warnings_of_pil() -> Iterator[None]:
    """No warning of PIL is shown or raised inside; other modules' are."""
    global _inside, _saved
    with _lock:
        if _inside == 0:
            _saved = warnings.catch_warnings()
            _saved.__enter__()
            warnings.filterwarnings("ignore", module=r"(?:PIL|pillow_heif)\b")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _saved is not None:
                _saved.__exit__(None, None, None)
                _saved = None
