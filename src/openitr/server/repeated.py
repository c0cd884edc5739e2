"""Duplicates, found in a process of their own: files are decoded for it, which is never done in the server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any

from openitr.collection.browse import briefs
from openitr.server.problems import Problem, busy

if TYPE_CHECKING:
    from openitr.server.served import ServedCollection

_PATIENCE = 20.0
_LIMIT = 3600.0


async def duplicates(served: ServedCollection) -> list[dict[str, Any]]:
    """Groups of the collection as it is now; worked out once per state of the collection.

    Raises:
        Problem: 503 while a large collection is still being looked at; 409 where there is nothing to look at yet.
    """
    served.run()
    work = asyncio.ensure_future(served.house.slow.run(served.kept.get, "duplicates", lambda: _found(served)))
    done, _ = await asyncio.wait([work], timeout=_PATIENCE)
    if not done:
        # The work goes on and its answer is kept; an error is for who asks again.
        work.add_done_callback(lambda future: future.cancelled() or future.exception())
        raise busy("duplicates are still being looked for", 5)
    return work.result()


def _found(served: ServedCollection) -> list[dict[str, Any]]:
    command = [sys.executable, "-P", "-m", "openitr", "duplicates", str(served.library.path), "--json"]
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
        try:
            _finish(process, served.house.stopping)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            raise Problem(503, "duplicates could not be looked for", "try `openitr duplicates` on the server")
        out.seek(0)
        # File names that are no text come as the bytes they are; only ids are taken from here.
        groups = json.loads(out.read().decode("utf-8", "surrogateescape"))["groups"]
    wanted = [item["id"] for group in groups for item in group["items"]]
    known = {brief.id: brief.to_json() | {"size": brief.size} for brief in briefs(served.library.collection, wanted)}
    found = []
    for group in groups:
        items = [known[item["id"]] | {"why": item["why"]} for item in group["items"] if item["id"] in known]
        if len(items) > 1:
            found.append({"kind": group["kind"], "keeper": group["keep"], "items": items})
    return found


def _finish(process: subprocess.Popen[bytes], stopping: threading.Event) -> None:
    """Wait for a process; not beyond its time, nor beyond the server's own end."""
    until = time.monotonic() + _LIMIT
    while process.poll() is None:
        if stopping.wait(0.1) or time.monotonic() > until:
            return
