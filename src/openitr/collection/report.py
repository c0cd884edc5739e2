"""What ingesting tells: progress after each commit, and a report at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """Where ingesting stands, told after each commit: what it counts survives a power cut.

    Args:
        done, total: Files looked at, and to look at; unchanged ones count as done.
        added: Items that are new.
        skipped: Files that could not be read.
        rate: Pictures per second since the start.
        eta: Seconds that are left at this rate.
        committed: Items that are in the collection for good.
        current: Path of the last file.
        run: A further run that is brought up to date, once the pictures are in; then files are those of its items.
    """

    done: int
    total: int
    added: int
    skipped: int
    rate: float
    eta: float
    committed: int
    current: str = ""
    run: str = ""


@dataclass
class IngestReport:
    """What ingesting a folder changed.

    Args:
        added: Items that are new, copies of known content too.
        updated: Files that were edited or touched, or whose sidecars were.
        unchanged: Files that were not opened.
        moved: Items whose file has another path now.
        removed: Items whose file is gone.
        skipped: Files that look like pictures and cannot be read, those from earlier runs too.
        seconds: In all.
        images_per_second: Files that were decoded per second.
        notes: What went wrong and was worked around (a folder that cannot be listed, a broken sidecar).
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    removed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    images_per_second: float = 0.0
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As in the contract of ``openitr index --json``."""
        return {
            "added": self.added,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "moved": self.moved,
            "removed": self.removed,
            "skipped": self.skipped,
            "seconds": round(self.seconds, 3),
            "images_per_second": round(self.images_per_second, 2),
        }
