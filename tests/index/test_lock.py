"""The lock between processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from openitr.errors import CollectionBusy
from openitr.index.lock import FileLock

_HOLDER = """
import sys, time
from pathlib import Path
from openitr.index.lock import FileLock
lock = FileLock(Path(sys.argv[1]), "it is in use")
lock.take()
print("held", flush=True)
time.sleep(60)
"""


def test_it_is_exclusive_and_names_the_holder(tmp_path: Path) -> None:
    first, second = (FileLock(tmp_path / "lock", "it is in use") for _ in range(2))
    first.take()
    with pytest.raises(CollectionBusy, match=f"it is in use by process {os.getpid()}"):
        second.take()
    with pytest.raises(CollectionBusy):
        first.take()
    first.release()
    first.release()
    second.take()
    assert second.held and not first.held
    second.release()


def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    lock = FileLock(path, "it is in use")
    with pytest.raises(CollectionBusy, match=str(holder.pid)):
        lock.take()
    holder.kill()
    holder.wait()
    holder.stdout.close()
    lock.take()
    lock.release()
