"""A server of jobs in a process of its own, so that a test can kill it: prints the id of each job it is told of."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from openitr.collection import Collection
from openitr.library import Library
from openitr.server.jobs import JobQueue
from tests.server.jobs_bed import SLOW, settings


def main() -> None:
    """Serve a collection's jobs until killed, or asked to end; submit one if told to."""
    base, folder = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    library = Library(Collection.open(base / "album"))
    queue = JobQueue({"album": library}, settings(base, allow_folders=[base]), command=SLOW)
    queue.start()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *about: ended.set())
    sys.stdout.write(f"{queue.index(folder=folder).id if folder else 'ready'}\n")
    sys.stdout.flush()
    ended.wait()
    queue.stop()


if __name__ == "__main__":
    main()
