"""What indexing passed over, for people: the first files with their reasons, and where all of them stand."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from openitr.cli.output import say

_SHOWN = 3


def say_skipped(place: Path | None) -> None:
    """Name some files that could not be read, on standard error; one line where the collection is elsewhere.

    Args:
        place: Directory of the collection; None if it lies on a server.
    """
    from openitr.collection.skipped import NAME

    if place is None:
        say("what was skipped and why: `openitr info`")
        return
    with (place / NAME).open(encoding="utf-8") as lines:
        for line in islice(lines, _SHOWN):
            about = json.loads(line)
            say(f"skipped {about['file']}: {about['reason']}")
    say(f"all that is skipped, with reason and remedy: {place / NAME}")
