"""A library of pictures: what :func:`open` returns, and what the command line and the server are thin over."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from openitr.collection import Collection, find
from openitr.errors import FingerprintMismatch, InputError, MissingExtra, ModelError, NoSuchCollection, QueryError
from openitr.search.parts import ImageLike, decode_query, image_part, text_parts
from openitr.types import Hits, Item, Part, Query

if TYPE_CHECKING:
    from collections.abc import Callable

    from openitr.collection import IngestReport, Problem, Progress, Run
    from openitr.encoders.base import Encoder
    from openitr.search.calibrate import Calibration
    from openitr.search.duplicates import DuplicateGroup
    from openitr.search.hubness import Unhub
    from openitr.search.pipeline import Pipeline
    from openitr.search.rivals import RivalsOf

Where: TypeAlias = Mapping[str, Mapping[str, Any]] | Sequence[str]
DEFAULT_MODEL = "default"
_ADDRESS = ("http://", "https://")


class Library:
    """Pictures that can be asked. Use :func:`open` or :func:`create`; it is a context manager.

    Args:
        collection: On disk.
        model: Spec of the model that a collection without vectors is begun with.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home, create(home + "/photos") as library:
    ...     len(library)
    0
    """

    def __init__(self, collection: Collection, *, model: str | None = None) -> None:
        self.collection = collection
        self._model = model
        self._encoders: dict[str, Encoder] = {}
        self._calibrations: dict[str, Calibration | None] = {}
        self._rivals: dict[str, RivalsOf] = {}
        # Threads that ask at the same time load a model once.
        self._loading = threading.Lock()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    def close(self) -> None:
        """Release files and models; idempotent."""
        self._encoders.clear()
        self._rivals.clear()
        self.collection.close()

    def __len__(self) -> int:
        return len(self.collection)

    def __repr__(self) -> str:
        return f"Library({str(self.path)!r}, {len(self)} pictures)"

    @property
    def path(self) -> Path:
        """Directory of the collection."""
        return Path(self.collection.path)

    # Asking

    def search(
        self,
        query: str | Query | None = None,
        *,
        texts: Iterable[str | Part] = (),
        images: Iterable[ImageLike] = (),
        negatives: Iterable[ImageLike] = (),
        where: Where = (),
        k: int = 20,
        offset: int = 0,
        sort: str = "relevance",
        run: str | None = None,
        model: str | Encoder | None = None,
    ) -> Hits:
        """Ask in words, by picture, or both.

        Args:
            query: Words taken as they are, or a ready :class:`~openitr.types.Query` (then nothing else is
                looked at but ``run``).
            texts: Further texts; ``"2:golden retriever"`` weighs one.
            images: Paths (``"0.5:cat.jpg"`` weighs one), bytes, (h, w, 3) uint8 arrays or parts.
            negatives: Texts, or pictures as bytes, arrays, :class:`~pathlib.Path` or parts; hits should
                not be like them.
            where: Filter, ``["folder=holidays", "width>=800"]`` or its JSON form; applied before the
                vectors are looked at.
            k: How many hits, 1 to 10,000.
            offset: How many of the best to pass over.
            sort: "relevance", or "date": newest first inside likely, maybe and rest.
            run: Which run; the active one if None.
            model: A model to ask with instead of loading the run's own, by its spec or ready; it must have
                the same fingerprint.

        Raises:
            QueryError: An empty query, k out of range, a bad weight.
            FilterError: A filter that cannot be read.
            UnreadableImage: A query picture that is none.
            CollectionError: No such run, or nothing indexed yet.
        """
        if not isinstance(query, Query):
            query = self.query(
                query, texts=texts, images=images, negatives=negatives, where=where, k=k, offset=offset, sort=sort
            )
        return self._answer(query, run, model)

    def _answer(self, query: Query, run: str | None, model: str | Encoder | None) -> Hits:
        return self.pipeline(query, run=run, model=model)(query)

    def query(
        self,
        words: str | None = None,
        *,
        texts: Iterable[str | Part] = (),
        images: Iterable[ImageLike] = (),
        negatives: Iterable[ImageLike] = (),
        where: Where = (),
        k: int = 20,
        offset: int = 0,
        sort: str = "relevance",
    ) -> Query:
        """The query that :meth:`search` would ask, pictures decoded."""
        if words is not None and not words.strip():
            raise QueryError("the query is empty", "say what to look for, or give a picture")
        parts = [Part(text=words)] if words is not None else []
        parts += text_parts(texts)
        parts += [image_part(image, decode_query) for image in images]
        avoid = [text_parts([n])[0] if isinstance(n, str) else image_part(n, decode_query) for n in negatives]
        chosen = cast(Literal["relevance", "date"], sort)
        return Query(parts, avoid, self._where(where), k, offset, chosen)

    def pipeline(
        self,
        query: Query,
        *,
        run: str | None = None,
        model: str | Encoder | None = None,
        unhub: Unhub | None = None,
        bank: Sequence[str] = (),
    ) -> Pipeline:
        """The stages that answer a query; print it to see them, or build on it.

        ``unhub`` sends pictures back that come up for everything, measured by a ``bank`` of texts as people ask them.
        """
        from openitr.search.assemble import pipeline_for

        chosen = self.collection.run(run)
        encoder = self.encoder(chosen, model)
        calibration = self._calibration(chosen, encoder)
        known: dict[str, Any] = {"calibration": calibration, "rivals": self._rivals_of(chosen, calibration)}
        return pipeline_for(self.collection, chosen, encoder, query, unhub=unhub, bank=bank, **known)

    def more_like(
        self,
        id: int,
        *,
        k: int = 20,
        offset: int = 0,
        sort: str = "relevance",
        where: Where = (),
        run: str | None = None,
    ) -> Hits:
        """Pictures like one of the library, which is left out; no model is loaded.

        Raises:
            InputError: There is no such picture.
        """
        from openitr.search.like import like_item

        items = self.collection.items([id])
        if not items:
            raise InputError(f"there is no picture {id}", "ids are in the answer of a search")
        chosen = self.collection.run(run)
        return like_item(self.collection, chosen, items[0], k=k, offset=offset, sort=sort, where=self._where(where))

    def encoder(self, run: Run | None = None, model: str | Encoder | None = None) -> Encoder:
        """The model of a run, loaded once; or the one that is given, if it is the same.

        Raises:
            FingerprintMismatch: The model is not the one that made the run's vectors.
        """
        from openitr.encoders import load

        run = run or self.collection.run()
        if model is not None and not isinstance(model, str):
            spec, encoder = model.spec, model
        else:
            spec = model or run.spec
            with self._loading:
                if spec not in self._encoders:
                    self._encoders[spec] = load(spec)
                encoder = self._encoders[spec]
        if encoder.fingerprint != run.fingerprint:
            raise FingerprintMismatch(
                f"the model {spec} is not the one that made the run {run.name!r}",
                f"build its vectors anew: openitr reindex {self.path} --model {spec}",
            )
        return encoder

    def _calibration(self, run: Run, encoder: Encoder) -> Calibration | None:
        from openitr.search.calibrate import calibration_of

        if run.fingerprint not in self._calibrations:
            self._calibrations[run.fingerprint] = calibration_of(encoder)
        return self._calibrations[run.fingerprint]

    def _rivals_of(self, run: Run, calibration: Calibration | None) -> RivalsOf | None:
        """What earlier queries found out of the run's pictures."""
        from openitr.search.rivals import rivals_for

        held = self._rivals.get(run.name)
        if calibration is not None and (held is None or held["text"].index is not run.index):
            held = self._rivals[run.name] = rivals_for(run.index, calibration.background)
        return held

    def _where(self, where: Where) -> Mapping[str, Mapping[str, Any]]:
        if isinstance(where, Mapping):
            return where
        if not where:
            return {}
        from openitr.collection import parse_where

        return parse_where([where] if isinstance(where, str) else list(where))

    # Looking after

    def index(
        self,
        folder: str | os.PathLike[str],
        *,
        model: str | None = None,
        workers: int | None = None,
        retry: bool = False,
        restore: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Index a folder, or bring an indexed one up to date; see :func:`openitr.collection.ingest`.

        Every whole run takes part; a library without vectors is begun with ``model``. ``retry`` looks again at files
        that could not be read, ``restore`` takes pictures again that were removed.

        Raises:
            FingerprintMismatch: ``model`` is another one than the library's.
        """
        from openitr.collection import ingest
        from openitr.encoders import load

        wanted, behind = model or self._model, []
        runs = [self.collection.run(name) for name in self.collection.run_names()]
        whole = [run for run in runs if run.state != "building"]
        # The wanted model must be the active run's; the others follow, so that no run falls behind.
        encoders = [self.encoder(whole[0], wanted) if whole else load(wanted or DEFAULT_MODEL)]
        for run in whole[1:]:
            try:
                encoders.append(self.encoder(run))
            except (ModelError, MissingExtra) as error:
                behind.append(f"the run {run.name!r} was not brought up to date: {error}")
        report = ingest(
            self.collection,
            folder,
            encoder=encoders,
            workers=workers,
            retry=retry,
            restore=restore,
            on_progress=on_progress,
        )
        report.notes = [*(report.notes or ()), *behind]
        return report

    def reindex(
        self,
        model: str,
        *,
        name: str | None = None,
        workers: int | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Build a run with another model beside the old one, and answer with it once it is whole."""
        from openitr.collection import reindex
        from openitr.encoders import load

        return reindex(self.collection, load(model), name, workers=workers, on_progress=on_progress)

    def duplicates(self, *, kind: str | None = None, run: str | None = None) -> list[DuplicateGroup]:
        """Copies, near copies and similar pictures; nothing is deleted. See :mod:`openitr.search.duplicates`."""
        from openitr.search.collected import collection_duplicates

        return collection_duplicates(self.collection, self.collection.run(run), kind=kind)

    def select(self, *, ids: Iterable[int] = (), where: Where = ()) -> list[int]:
        """Ids of pictures that are there: those named, those that pass the filter, or those that do both.

        Raises:
            InputError: An id that is not there.
        """
        chosen = self.collection.matching(self._where(where) or None)
        named = [int(i) for i in ids]
        if named:
            there = {item.id for item in self.collection.items(named)}
            if missing := [i for i in named if i not in there]:
                raise InputError(f"there is no picture {missing[0]}", "ids are in the answer of a search")
            passing = there if chosen is None else there & set(chosen.tolist())
            return sorted(passing)
        return [] if chosen is None else [int(i) for i in chosen]

    def remove(self, ids: Iterable[int]) -> int:
        """Forget pictures, by id; the files stay and are left out of later runs of :meth:`index`. How many."""
        return self.collection.remove([int(i) for i in ids])

    def export(self, to: str | os.PathLike[str], *, files: bool = False) -> dict[str, Any]:
        """Write items, vectors and thumbnails as Parquet, and the pictures with ``files``."""
        from openitr.collection import export

        return export(self.collection, to, files=files)

    def verify(self) -> list[Problem]:
        """What is wrong with the collection; none of level "error" means that it is whole."""
        from openitr.collection import verify

        return verify(self.collection)

    def info(self) -> dict[str, Any]:
        """What the collection holds, as plain data."""
        from openitr.collection import info

        return info(self.collection)

    def file(self, item: Item) -> Path:
        """Where a picture lies on disk."""
        return self.collection.file(item)

    def thumbnail(self, id: int) -> bytes:
        """A small copy of a picture, in a format that browsers show."""
        return self.collection.thumbnail(id)

    def item(self, id: int) -> Item:
        """One picture by id.

        Raises:
            InputError: There is none.
        """
        items = self.collection.items([id])
        if not items:
            raise InputError(f"there is no picture {id}", "ids are in the answer of a search")
        return items[0]


def open(name_or_path: str | os.PathLike[str]) -> Library:
    """Open a library by directory, a bare name under the user's data folder, or a server's ``http://host:8000[/NAME]``.

    Raises:
        NoSuchCollection, NewerFormat, DamagedCollection, ServerError: As they say.
    """
    if str(name_or_path).startswith(_ADDRESS):
        from openitr.client import open_address

        return open_address(str(name_or_path))
    return Library(Collection.open(name_or_path))


def create(name_or_path: str | os.PathLike[str], *, model: str | None = None) -> Library:
    """Open a library, or begin one where there is none.

    Args:
        name_or_path: As for :func:`open`; a server's collection is never begun.
        model: What a new library is indexed with; "default" if None.
    """
    if str(name_or_path).startswith(_ADDRESS):
        return open(name_or_path)
    try:
        return Library(Collection.open(name_or_path), model=model)
    except NoSuchCollection:
        return Library(Collection.create(find(name_or_path)), model=model)


def import_export(source: str | os.PathLike[str], into: str | os.PathLike[str]) -> Library:
    """Make a library from what :meth:`Library.export` wrote, without encoding anything again."""
    from openitr.collection import import_

    return Library(import_(source, into))
