"""The worker of jobs with the encoders of tests, one for each kind."""

from __future__ import annotations

import sys

import openitr.encoders
from openitr.server.jobs import worker
from tests.search.fakes import loaded

if __name__ == "__main__":
    openitr.encoders.load = loaded  # type: ignore[assignment]
    sys.exit(worker.main())
