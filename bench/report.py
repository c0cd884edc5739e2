"""A table on the terminal, and the same as plain data."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any


def show(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Print rows under their columns; return them for the JSON file."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(columns), *cells]) for i in range(len(columns))]
    for line in [list(columns), *cells]:
        first, *rest = (
            text.ljust(w) if i == 0 else text.rjust(w) for i, (text, w) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *rest]))
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


class PeakMemory:
    """Highest resident memory of this process and its children while the block runs, in MB."""

    def __init__(self) -> None:
        self.mb = 0.0

    def __enter__(self) -> PeakMemory:
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *about: object) -> None:
        self._done.set()
        self._watch.join()

    def _look(self) -> None:
        import psutil

        own = psutil.Process()
        # Seldom: asking for the children walks the whole process table, which costs the run that is being measured.
        while not self._done.wait(1.0):
            total = 0
            for process in [own, *own.children(recursive=True)]:
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue
            self.mb = max(self.mb, total / 1e6)
