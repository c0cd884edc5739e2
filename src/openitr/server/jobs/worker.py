"""One job in a process of its own: the call comes as a line on standard input, what happens goes out as lines.

    {"progress": {"done": 128, "total": 5000, "line": "...", ...}}
    {"result": {...}}   or   {"error": {"message": "...", "remedy": "..."}}

Standard input stays open while the job is wanted. When it ends, because the job was cancelled or the server is gone
whatever the reason, the job stops behind its last commit; one that does not stop by itself is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any

from openitr.errors import CollectionBusy, CollectionError, OpenITRError
from openitr.server.jobs.admit import still

if TYPE_CHECKING:
    from openitr.collection import Progress

Say = Callable[[Mapping[str, Any]], None]
_GRACE = 4.0
_PATIENCE = 60.0
_NICE = 10


def work(call: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """Do what is asked; the result as plain data.

    Args:
        call: ``kind``, ``place`` of the collection, and what the kind needs.
        say: Called with files ``done``, ``total``, and a ``line`` of words.

    Raises:
        OpenITRError: As the library does.
    """
    for named in (*call.get("folders", ()), *filter(None, [call.get("data")])):
        if not still(named):
            raise CollectionError(f"{named} leads elsewhere than when it was asked for", "ask again")
    doing = {"index": _index, "reindex": _reindex, "eval": _eval}[call["kind"]]
    begun = time.monotonic()
    while True:
        try:
            return doing(call, say)
        except CollectionBusy as error:
            # Somebody indexes from the command line, or a killed predecessor is still ending.
            if time.monotonic() - begun > _PATIENCE:
                raise
            say(_words(f"waiting: {error.message}"))
            time.sleep(0.5)


def _index(call: Mapping[str, Any], say: Say) -> dict[str, Any]:
    from openitr.library import open

    total: dict[str, Any] = {}
    notes: list[str] = []
    with open(call["place"]) as library:
        for folder in call["folders"]:
            report = library.index(
                folder,
                model=call.get("model"),
                kind=call.get("vectors"),
                retry=bool(call.get("retry")),
                restore=bool(call.get("restore")),
                on_progress=lambda step: _tell(step, say),
            )
            for key, value in report.to_json().items():
                total[key] = round(total.get(key, 0) + value, 3)
            notes += report.notes or ()
    if len(call["folders"]) > 1:
        # Rates do not add up; files per second of all the time that it took does.
        decoded = total["added"] + total["updated"]
        total["images_per_second"] = round(decoded / max(1e-9, total["seconds"]), 2)
    return {**total, "notes": notes[:100]}


def _reindex(call: Mapping[str, Any], say: Say) -> dict[str, Any]:
    from openitr.library import open

    with open(call["place"]) as library:
        report = library.reindex(call["model"], kind=call.get("vectors"), on_progress=lambda step: _tell(step, say))
    return {**report.to_json(), "notes": list(report.notes or ())[:100]}


def _eval(call: Mapping[str, Any], say: Say) -> dict[str, Any]:
    from openitr import datasets, encoders
    from openitr.evaluate import evaluate

    dataset = datasets.read(call["data"])
    encoder = encoders.load(call["model"])
    report = evaluate(
        dataset,
        encoder,
        split=call.get("split"),
        lang=call.get("lang") or "en",
        progress=lambda line: say(_words(line)),
    )
    return report.to_json()


def _tell(step: Progress, say: Say) -> None:
    left = f", {round(step.eta)} s left" if step.eta >= 1 else ""
    rate = f", {step.rate:.0f} images/s" if step.rate else ""
    skipped = f", {step.skipped} skipped" if step.skipped else ""
    say({**asdict(step), "line": f"{step.done} of {step.total} files{skipped}{rate}{left}"})


def _words(line: str) -> dict[str, Any]:
    return {"done": 0, "total": 0, "line": line}


class _Speaker:
    """Lines to the server. A server that does not listen any more ends the job through standard input."""

    def __init__(self, out: IO[str]) -> None:
        self.out = out

    def __call__(self, **line: Any) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.out.write(json.dumps(line) + "\n")
            self.out.flush()


def _call() -> dict[str, Any]:
    """The line that says what to do. Read without a buffer, whose lock would be held while the process ends."""
    line = b""
    while not line.endswith(b"\n") and (more := os.read(0, 1 << 16)):
        line += more
    made: dict[str, Any] = json.loads(line)
    return made


def _stop_when_unwanted() -> None:
    """Wait until standard input ends, then interrupt, then kill."""
    with contextlib.suppress(OSError):
        while os.read(0, 1 << 16):
            pass
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)
    time.sleep(_GRACE)
    os._exit(1)


def main() -> int:
    """Do the job that standard input names; 0 when there is a result."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Only lines of the protocol go where the server listens; what libraries print goes to the log.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        say = _Speaker(out)
        if hasattr(os, "nice"):
            # Those who search are waiting; a job is not.
            os.nice(_NICE)
        try:
            call = _call()
            threading.Thread(target=_stop_when_unwanted, daemon=True).start()
            result = work(call, lambda step: say(progress=step))
        except OpenITRError as error:
            say(error={"message": error.message, "remedy": error.remedy})
            return 1
        except OSError as error:
            what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            say(error={"message": what, "remedy": "check its permissions and the free space"})
            return 1
        except KeyboardInterrupt:
            return 1
        say(result=result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
