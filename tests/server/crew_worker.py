"""A process of the crew with the encoders of tests, one for each kind; "boom" is more than they can take."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import openitr.encoders
from openitr.embeddings import DenseEmbeddings
from openitr.server.crew import worker
from openitr.server.quickening import Quickening
from tests.search import fakes


class Touchy(fakes.ColourEncoder):
    """Fails on a word, as only a mistake of ours would."""

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        if "boom" in texts:
            raise RuntimeError("boom")
        return super().encode_texts(texts)


def loaded(spec: str, **options: object) -> fakes.ColourEncoder:
    """What stands in for :func:`openitr.encoders.load`, in the server and in its crew."""
    # As libraries do that think they are alone; in a process of the crew it must not get among the answers.
    sys.stdout.write("loading a model\n")
    sys.stdout.flush()
    made = fakes.loaded(spec)
    return Touchy() if type(made) is fakes.ColourEncoder else made


if __name__ == "__main__":
    openitr.encoders.load = loaded  # type: ignore[assignment]
    # Machine code takes seconds to make; no test here asks for that much.
    Quickening.wanted = lambda self, index: False  # type: ignore[method-assign]
    sys.exit(worker.main())
