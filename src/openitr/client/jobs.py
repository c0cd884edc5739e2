"""Long work on a server: watch it, wait for it, cancel it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from openitr.client.transport import Interrupted, Transport, understood
from openitr.errors import OpenITRError, ServerError

_SILENCE = 40.0  # the server gives a sign of life every 15 s
_PATIENCE = 60.0  # a restart takes some seconds, after which jobs go on
_PAUSE = 1.0
_MAX_EVENT = 1 << 22


class RemoteJob:
    """A job of a server. It goes on without the client; only :meth:`cancel` ends it.

    Args:
        transport: To the server.
        document: The job as the server told it last.
    """

    def __init__(self, transport: Transport, document: Mapping[str, Any]) -> None:
        self._transport = transport
        self._take(document)

    def _take(self, document: Mapping[str, Any]) -> RemoteJob:
        with understood("a job"):
            self.id = str(document["id"])
            self.document = document
            self.state, self.progress = str(document["state"]), dict(document["progress"])
        return self

    def __repr__(self) -> str:
        return f"RemoteJob({self.id!r}, {self.state}, {self.progress.get('line', '')!r})"

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("done", "failed", "cancelled")

    def refresh(self) -> RemoteJob:
        """Ask where it stands."""
        return self._take(self._transport.json("GET", f"/v1/jobs/{self.id}"))

    def cancel(self) -> RemoteJob:
        """End it behind its last commit; it is over some moments later."""
        return self._take(self._transport.json("DELETE", f"/v1/jobs/{self.id}"))

    def events(self) -> Iterator[Mapping[str, Any]]:
        """The job as JSON whenever it changed, until it is over; a broken connection is taken up again.

        Raises:
            ServerError: The server stays away for a minute, refuses, or answers something else.
            InputError: There is no such job.
        """
        seen, heard = "", time.monotonic()
        while True:
            try:
                for id, document in self._listen(seen):
                    self._take(document)
                    seen, heard = id, time.monotonic()
                    yield document
                    if self.over:
                        return
            except Interrupted:
                if time.monotonic() - heard > _PATIENCE:
                    raise
            time.sleep(_PAUSE)

    def wait(self, on_progress: Callable[[Mapping[str, Any]], None] | None = None) -> Mapping[str, Any]:
        """Wait until it is over; its result.

        Args:
            on_progress: Called with the job's progress (``done``, ``total``, ``line``) whenever that changed.

        Raises:
            OpenITRError: It failed or was cancelled.
        """
        told: Any = None
        for document in self.events():
            if on_progress and document["progress"] != told and document["state"] != "queued":
                told = document["progress"]
                on_progress(told)
        if self.state == "done":
            result: Mapping[str, Any] = self.document["result"]
            return result
        if self.state == "cancelled":
            raise OpenITRError(f"the job {self.id} was cancelled", "start it again; it goes on where it stopped")
        raise OpenITRError(str(self.document["error"]))

    def _listen(self, seen: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Events of one connection: id and job."""
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": seen} if seen else {})}
        with self._transport.stream(f"/v1/jobs/{self.id}/events", headers=headers, timeout=_SILENCE) as lines:
            id, data, size = seen, [], 0
            for line in lines:
                field, _, value = line.partition(":")
                value = value.removeprefix(" ")
                size += len(value)
                if size > _MAX_EVENT:
                    raise ServerError(f"an event of {self.id} does not end", "check the address")
                if field == "id":
                    id = value
                elif field == "data":
                    data.append(value)
                elif not line:
                    if data:
                        with understood("an event"):
                            yield id, json.loads("\n".join(data))
                    data, size = [], 0
