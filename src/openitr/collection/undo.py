"""What a batch of vectors changes, written down before it is flushed, so that it can be taken back.

undo.json     number of the batch, the ids it touches, those that were there before
undo-0/1.npz  vectors of those, as they were; two files in turn, so that a batch never writes over what counts
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openitr.embeddings import Embeddings, Ints, Kind, joined, load_embeddings, nothing
from openitr.errors import DamagedCollection
from openitr.index.disk import sync_folder

_NAME = "undo.json"


@dataclass(frozen=True, eq=False)
class Undo:
    """A batch to be taken back: forget ``touched``, then put ``vectors`` back under ``old``.

    Args:
        number: Of the batch; 1 is the first.
        touched: Ids that were added, replaced or removed, ascending.
        old: Those of them that had a vector before, ascending.
        vectors: As they were, in the order of ``old``.
    """

    number: int
    touched: Ints
    old: Ints
    vectors: Embeddings

    @staticmethod
    def write(folder: Path, number: int, touched: Ints, before: Sequence[tuple[Ints, Embeddings]]) -> None:
        """Bring it to the disk: vectors first, then the file that names them."""
        old, vectors = np.zeros(0, np.int64), ""
        if before:
            old, vectors = np.concatenate([ids for ids, _ in before]), f"undo-{number % 2}.npz"
            order = np.argsort(old)
            joined([part for _, part in before])[order].save(folder / vectors)
            _sync(folder / vectors)
            old = old[order]
        part = folder / f"{_NAME}.part"
        facts = {"number": number, "touched": touched.tolist(), "old": old.tolist(), "vectors": vectors}
        part.write_text(json.dumps(facts), "utf-8")
        _sync(part)
        part.replace(folder / _NAME)
        sync_folder(folder)

    @classmethod
    def read(cls, folder: Path, kind: Kind, dim: int) -> Undo | None:
        """What was written last; None where nothing was.

        Raises:
            DamagedCollection: It cannot be read, or its vectors are not there.
        """
        path = folder / _NAME
        try:
            facts = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DamagedCollection(f"{path}: {error}", "rebuild it with `openitr reindex`") from error
        try:
            name = str(facts["vectors"])
            if Path(name).name != name:
                raise ValueError("vectors outside their folder")
            vectors = load_embeddings(folder / name) if name else nothing(kind, dim)
            touched, old = (np.array(facts[key], np.int64) for key in ("touched", "old"))
            return cls(int(facts["number"]), touched, old, vectors)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedCollection(f"{path}: {error}", "rebuild it with `openitr reindex`") from error

    def done(self, folder: Path) -> None:
        """It was taken back: forget it before another batch of this number is written."""
        (folder / _NAME).unlink(missing_ok=True)
        sync_folder(folder)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
