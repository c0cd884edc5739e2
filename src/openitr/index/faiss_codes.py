"""One bit a dimension, in inverted lists: what a derived index keeps in memory (faiss).

RaBitQ (Gao and Long 2024, arXiv:2405.12497) turns a randomly rotated vector, less its list's centre, into signs and
two numbers from which its distance is estimated without bias. faiss implements it; the rotation is asked for here,
because without it one-bit codes of real embeddings order badly.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.errors import DamagedCollection, InputError, MissingExtra
from openitr.index.disk import sync_folder, written
from openitr.index.flat import FlatIndex, View

ABOUT = "derived.json"
_FORMAT = 1
_BLOCK = 65_536  # rows added at once
_SAMPLE = 64  # training vectors per list
_ENOUGH = 5  # candidates should be one in so many of the vectors that are probed, or fewer


def faiss() -> Any:
    """The faiss package.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        import faiss as found
    except ImportError as error:
        raise MissingExtra("Derived faiss indexes", "faiss") from error
    return found


def lists_for(count: int) -> int:
    """How many inverted lists: about twice the square root, a power of two, with enough vectors to train each.

    >>> [lists_for(n) for n in (100, 10_000, 200_000, 1_000_000, 100_000_000)]
    [2, 256, 1024, 2048, 16384]
    """
    return int(2 ** max(0, min(round(math.log2(2 * math.sqrt(max(1, count)))), int(math.log2(max(1, count // 39))))))


class FaissCodes:
    """Proposes rows of a flat index from compressed copies of its vectors.

    Use :meth:`derive` to make one and :meth:`open` to read it; it is only ever a copy.

    Args:
        index: Of faiss, whose ids are rows.
        about: What ``derived.json`` says.
        probes: How many lists are looked at for a few hits; more are for many.
    """

    def __init__(self, index: Any, about: dict[str, Any], *, probes: int | None = None) -> None:
        self._faiss = faiss()
        self._index, self._about = index, about
        self._parameters: dict[int, Any] = {}
        self.generation, self.rows = int(about["generation"]), int(about["rows"])
        self.lists = int(about["lists"])
        self.probes = probes or max(4, math.isqrt(self.lists))

    @classmethod
    def derive(cls, store: FlatIndex, folder: Path, *, seed: int = 0) -> FaissCodes:
        """Make it from what a store holds now, and keep it in a folder; what was there is replaced at the end.

        Args:
            store: The truth.
            folder: Where to keep it.
            seed: Of the sample that it is trained on.

        Raises:
            InputError: There is nothing to derive from.
            MissingExtra: faiss is not installed.
        """
        lib, view = faiss(), store.state()
        if not len(view.ids):
            raise InputError(f"{store.folder} holds no vectors yet", "index something first")
        living = np.sort(view.rows)
        lists = lists_for(len(living))
        index = lib.index_factory(store.dim, f"RR{store.dim},IVF{lists},RaBitQ", lib.METRIC_INNER_PRODUCT)
        chosen = np.random.default_rng(seed).permutation(len(living))[: max(_SAMPLE * lists, 256)]
        index.train(np.ascontiguousarray(view.values[living[np.sort(chosen)]]))
        for start in range(0, len(living), _BLOCK):
            rows = living[start : start + _BLOCK]
            index.add_with_ids(np.ascontiguousarray(view.values[rows]), rows)
        facts = {"generation": view.mark.generation, "rows": len(view.values), "lists": lists}
        about = {"openitr": "derived index", "format": _FORMAT, "dim": store.dim, **facts}
        return cls(index, _kept(lib, index, Path(folder), about))

    @classmethod
    def open(cls, folder: Path) -> FaissCodes | None:
        """Read what :meth:`derive` kept; None where there is nothing.

        Raises:
            DamagedCollection: The file is not the one that was written.
            MissingExtra: faiss is not installed.
        """
        path = Path(folder) / ABOUT
        if not path.is_file():
            return None
        lib = faiss()
        try:
            about = json.loads(path.read_text("utf-8"))
            if (
                about["openitr"] != "derived index"
                or about["format"] != _FORMAT
                or Path(about["file"]).name != about["file"]
            ):
                raise ValueError("another format")
            raw = (path.parent / about["file"]).read_bytes()
            if hashlib.blake2b(raw, digest_size=16).hexdigest() != about["sum"]:
                raise ValueError(f"{about['file']} was changed")
            return cls(lib.deserialize_index(np.frombuffer(raw, np.uint8)), about)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise DamagedCollection(f"{path}: {error}", "derive it again; the vectors themselves are safe") from error

    def propose(self, queries: Floats, count: int, view: View, allowed: npt.NDArray[np.bool_] | None) -> Sequence[Ints]:
        """Rows that may be among the nearest ``count`` of each query."""
        lib = self._faiss
        probes = max(self.probes, math.ceil(_ENOUGH * count * self.lists / max(1, self.rows)))
        if allowed is None:
            params = self._unfiltered(min(self.lists, probes))
        else:
            bits = np.packbits(allowed[: self.rows], bitorder="little")
            chosen = lib.IDSelectorBitmap(len(bits), lib.swig_ptr(bits))
            probes = math.ceil(probes * self.rows / max(1, int(allowed[: self.rows].sum())))
            inner = lib.SearchParametersIVF(nprobe=min(self.lists, probes), sel=chosen)
            params = lib.SearchParametersPreTransform(index_params=inner)
        found = self._index.search(np.ascontiguousarray(queries), max(1, min(count, self.rows)), params=params)[1]
        # In the order of the file: the store is read forwards.
        return [np.sort(row[row >= 0]) for row in found]

    def _unfiltered(self, probes: int) -> Any:
        """Parameters of a search without a filter, kept: making them takes a tenth of a search."""
        made = self._parameters.get(probes)
        if made is None:
            inner = self._faiss.SearchParametersIVF(nprobe=probes)
            made = self._parameters[probes] = self._faiss.SearchParametersPreTransform(index_params=inner)
        return made

    def stats(self) -> dict[str, Any]:
        """Engine, lists, rows, and bytes in memory."""
        return {"engine": "faiss", **{name: self._about[name] for name in ("lists", "rows", "bytes")}}


def _kept(lib: Any, index: Any, folder: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Write the index, then the file that names it, then delete what nothing names any more."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = lib.serialize_index(index).data
    total = hashlib.blake2b(raw, digest_size=16).hexdigest()
    about = {**about, "file": f"codes-{total[:12]}.faiss", "bytes": raw.nbytes, "sum": total}
    for name, data in ((about["file"], raw), (ABOUT, json.dumps(about).encode())):
        with written(folder / name) as file:
            file.write(data)
    sync_folder(folder)
    for path in folder.glob("codes-*"):
        if path.name != about["file"]:
            path.unlink(missing_ok=True)
    return about
