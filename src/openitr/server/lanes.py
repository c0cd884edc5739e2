"""Threads that do the work of requests, so that the loop that talks to clients never waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from openitr.server.problems import busy

P = ParamSpec("P")
R = TypeVar("R")


class Lane:
    """A few threads of one kind of work; what does not fit into its queue is refused at once.

    Its threads live as long as it does, and so do the database connections they open.

    Args:
        name: Of the work.
        threads: How many calls run at a time.
        waiting: How many may wait for their turn.
        retry_after: What a refused client is told, seconds.
    """

    def __init__(self, name: str, threads: int, waiting: int, retry_after: int = 1) -> None:
        self.name = name
        self.room = threads + waiting
        self.pending = 0
        self.retry_after = retry_after
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"openitr-{name}")

    async def run(self, call: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
        """Call in one of the threads.

        Raises:
            Problem: 503, when the queue is full.
        """
        if self.pending >= self.room:
            raise busy(f"{self.pending} requests of this kind are waiting already", self.retry_after)
        self.pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: call(*args, **named))
        finally:
            self.pending -= 1

    def close(self) -> None:
        """Drop what waits, and let what runs end by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
