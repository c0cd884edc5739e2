"""An encoder of four colours over results that tests can reason about."""

from __future__ import annotations

import numpy as np

from openitr.embeddings import DenseEmbeddings
from openitr.search.suggest import Results, Vocabulary
from tests.search.fakes import AXES, ColourEncoder

ENCODER = ColourEncoder()


def vocabulary(*phrases: str) -> Vocabulary:
    return Vocabulary.of(ENCODER, phrases or AXES)


def results(*colours: str, texts: list[list[str]] | None = None, seed: int = 0) -> Results:
    """A picture per colour word, a little off."""
    rng = np.random.default_rng(seed)
    rows = ENCODER.encode_texts(list(colours)).values + rng.normal(0, 0.02, (len(colours), 5))
    vectors = DenseEmbeddings.normalise(rows.astype(np.float32)).values
    return Results(np.arange(100, 100 + len(colours)), vectors, texts or [])


def groups_of(colours: list[str]) -> list[np.ndarray]:
    """Rows by colour, in the order of first appearance."""
    return [np.array([at for at, one in enumerate(colours) if one == name]) for name in dict.fromkeys(colours)]
