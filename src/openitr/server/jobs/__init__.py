"""Long work that a server is asked for: a queue on disk that survives restarts, and a process of its own per job.

store.py     the jobs, in one SQLite file; the truth
queue.py     takes, starts, cancels; one job at a time per collection
process.py   one job as the server sees it: a process that may crash or be ended without harm
worker.py    the same job from inside
admit.py     which folders and models a client may name
events.py    progress as server-sent events
"""

from __future__ import annotations

from openitr.server.jobs.queue import JobQueue
from openitr.server.jobs.store import Job

__all__ = ["Job", "JobQueue"]
