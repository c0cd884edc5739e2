"""The worker of jobs with an encoder that is as slow as a test wants: ``OPENITR_TEST_DELAY`` seconds per picture."""

from __future__ import annotations

import os
import signal
import sys

import openitr.encoders
from openitr.server.jobs import worker
from tests.collection.fakes import ColourEncoder


def main() -> int:
    """Do the job; a model of the name "crash" ends the process the hard way."""

    def load(spec: str, **options: object) -> ColourEncoder:
        if spec == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        return ColourEncoder(int(spec.removeprefix("colour-")), delay=float(os.environ.get("OPENITR_TEST_DELAY", "0")))

    openitr.encoders.load = load  # type: ignore[assignment]
    return worker.main()


if __name__ == "__main__":
    sys.exit(main())
