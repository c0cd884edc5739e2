"""Progress of long work: a bar on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from openitr.cli.output import err

if TYPE_CHECKING:
    from openitr.collection import Progress as Step


def clock(seconds: float) -> str:
    """Seconds as people say them.

    >>> clock(75), clock(5), clock(7300)
    ('1 min 15 s', '5 s', '2 h 1 min')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Reporter:
    """Called after each commit; what it has printed as committed survives a power cut.

    Args:
        quiet: Print nothing.
        every: At least so many seconds between plain lines; the last step is always printed.
    """

    def __init__(self, *, quiet: bool = False, every: float = 0.0) -> None:
        self.quiet = quiet
        self.every = every
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._last = float("-inf")

    def __enter__(self) -> Reporter:
        if not self.quiet and sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[speed]}"),
                TimeRemainingColumn(compact=True),
                console=err,
            )
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, step: Step) -> None:
        """Show one step."""
        if self.quiet:
            return
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task("indexing", total=step.total, speed="")
            speed = f"{step.rate:.0f} images/s{_of(step)}"
            self._bar.update(self._task, completed=step.done, total=step.total, speed=speed)
            return
        now = time.monotonic()
        if step.done < step.total and now - self._last < self.every:
            return
        self._last = now
        sys.stderr.write(
            f"committed {step.committed}: {step.done} of {step.total} files, {step.skipped} skipped, "
            f"{step.rate:.1f} images/s, {clock(step.eta)} left{_of(step)}\n"
        )
        sys.stderr.flush()


def _of(step: Step) -> str:
    return f", run {step.run}" if step.run else ""
