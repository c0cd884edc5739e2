"""A library of pictures: what :func:`open` returns, and what the command line and the server are thin over."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from openitr.collection import Collection, find
from openitr.errors import InputError, NoSuchCollection, QueryError
from openitr.search.kinds import runs_for
from openitr.search.models import Given, Models
from openitr.search.parts import ImageLike, decode_query, image_part, text_parts, understood
from openitr.types import Hits, Item, Part, Query

if TYPE_CHECKING:
    from collections.abc import Callable

    from openitr.collection import IngestReport, Problem, Progress, Run
    from openitr.encoders.base import Encoder
    from openitr.search.compose import Change, Composer
    from openitr.search.duplicates import DuplicateGroup
    from openitr.search.hubness import Unhub
    from openitr.search.pipeline import Pipeline, Stage

Where: TypeAlias = Mapping[str, Mapping[str, Any]] | Sequence[str]
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
        self._models = Models(collection)

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    def close(self) -> None:
        """Release files and models; idempotent."""
        self._models.close()
        self.collection.close()

    def drop_caches(self) -> None:
        """Drop what earlier queries worked out of the pictures, as in a process that has just begun; models stay."""
        self._models.drop_caches()

    def __len__(self) -> int:
        return len(self.collection)

    def __repr__(self) -> str:
        return f"Library({str(self.path)!r}, {len(self)} pictures)"

    @property
    def path(self) -> Path:
        """Directory of the collection."""
        return Path(self.collection.path)

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
        kind: str | None = None,
        run: str | None = None,
        model: Given = None,
        diverse: float = 0.0,
        but: str | Change | None = None,
        strength: float = 1.0,
        composer: str | Composer | None = None,
        rerank: str | Stage | None = None,
    ) -> Hits:
        """Ask in words, by picture, or both.

        Args:
            query: Words ("a dog but no people" avoids people), or a ready :class:`~openitr.types.Query` (then
                nothing else is looked at but ``kind``, ``run``, ``model``, ``diverse`` and ``but``).
            texts: Further texts; ``"2:golden retriever"`` weighs one.
            images: Paths (``"0.5:cat.jpg"`` weighs one), bytes, (h, w, 3) uint8 arrays or parts.
            negatives: Texts, or pictures as bytes, arrays, :class:`~pathlib.Path` or parts; hits should
                not be like them.
            where: Filter, ``["folder=holidays", "width>=800"]`` or its JSON form; applied before the
                vectors are looked at.
            k: How many hits, 1 to 10,000.
            offset: How many of the best to pass over.
            sort: "relevance", or "date": newest first inside likely, maybe and rest.
            kind: How to look: "dense", "lexicon" or "late" asks the run of that kind; "hybrid" asks all runs
                and what is written of the pictures: file names, tags, captions. The active run if None.
            run: Which run, by name.
            model: A model to ask with instead of loading the run's own, by its spec or ready; the one that
                made the run, or one that makes the same of pictures, as "multilingual" does for a run of "default".
                Several ready ones where several runs are asked.
            diverse: How much the hits should differ from each other, 0 to 1.
            but: What should be different from the picture ("in red"); one in ``images`` as a file or bytes is left out.
            strength: How much ``but`` counts: 0 not at all, 1 as usual, at most 4.
            composer: How ``but`` is understood; see :class:`openitr.search.compose.Change`.
            rerank: What looks again at the best, by words; see :mod:`openitr.search.rerank.named`; or a ready stage.

        Raises:
            QueryError: An empty query, k out of range, a bad weight, no such composer or reranker, or both at once.
            FilterError: A filter that cannot be read.
            UnreadableImage: A query picture that is none.
            CollectionError: No such run, or nothing indexed yet.
        """
        if not isinstance(query, Query):
            query = self.query(
                query, texts=texts, images=images, negatives=negatives, where=where, k=k, offset=offset, sort=sort
            )
        how: dict[str, Any] = {"kind": kind, "run": run, "model": model, "diverse": diverse}
        how |= {} if rerank is None else {"rerank": rerank}
        if but is None:
            return self._answer(query, **how)
        from openitr.search.compose import Change

        if rerank is not None:
            raise QueryError("a second look reads words, and `but` changes a picture", "leave one of the two out")
        return self._changed(query, Change.of(but, strength, self._composer(composer), images), **how)

    def _composer(self, composer: str | Composer | None) -> str | Composer | None:
        return composer

    def _answer(self, query: Query, **how: Any) -> Hits:
        return self.pipeline(query, **how)(query)

    def _changed(self, query: Query, change: Change, **how: Any) -> Hits:
        return change.answered(query, lambda asked: self._answer(asked, **how))

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
        terms: Mapping[str, float] | None = None,
    ) -> Query:
        """The query that :meth:`search` would ask, pictures decoded; ``terms`` weighs words of a lexicon run anew."""
        if words is not None and not words.strip():
            raise QueryError("the query is empty", "say what to look for, or give a picture")
        parts, denied = ([], []) if words is None else understood(words)
        parts += text_parts(texts)
        parts += [image_part(image, decode_query) for image in images]
        avoid = [text_parts([n])[0] if isinstance(n, str) else image_part(n, decode_query) for n in negatives]
        chosen = cast(Literal["relevance", "date"], sort)
        return Query(parts, [*avoid, *denied], self._where(where), k, offset, chosen, terms or {})

    def pipeline(
        self,
        query: Query,
        *,
        kind: str | None = None,
        run: str | None = None,
        model: Given = None,
        unhub: Unhub | None = None,
        bank: Sequence[str] = (),
        diverse: float = 0.0,
        then: Sequence[Stage] = (),
        rerank: str | Stage | None = None,
    ) -> Pipeline:
        """The stages that answer a query; print it to see them.

        ``unhub`` sends pictures back that come up for everything, measured by a ``bank`` of texts as people ask them;
        ``then`` are further stages on the candidates, ``rerank`` a :class:`openitr.search.Rerank` by its name.
        """
        runs = runs_for(self.collection, kind, run)
        self._models.begin(runs[0], model, query)

        from openitr.search.assemble import pipeline_for
        from openitr.search.rerank.named import second_look

        first, *beside = [self._models.source(one, model) for one in runs]
        return pipeline_for(
            self.collection,
            first.run,
            first.encoder,
            query,
            calibration=first.calibration,
            rivals=first.rivals,
            beside=beside,
            words=kind == "hybrid" and run is None,
            unhub=unhub,
            bank=bank,
            diverse=diverse,
            then=[*then, *second_look(rerank, self.collection, first)],
        )

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

        item, chosen = self.item(id), self.collection.run(run)
        return like_item(self.collection, chosen, item, k=k, offset=offset, sort=sort, where=self._where(where))

    def encoder(self, run: Run | None = None, model: Given = None) -> Encoder:
        """The model of a run, loaded once; or the one that is given, if it is the same.

        Raises:
            FingerprintMismatch: The model is not the one that made the run's vectors.
        """
        return self._models.encoder(run or self.collection.run(), model)

    def _where(self, where: Where) -> Mapping[str, Mapping[str, Any]]:
        if isinstance(where, Mapping) or not where:
            return where if isinstance(where, Mapping) else {}
        from openitr.collection import parse_where

        return parse_where([where] if isinstance(where, str) else list(where))

    def index(
        self,
        folder: str | os.PathLike[str],
        *,
        model: str | None = None,
        kind: str | None = None,
        workers: int | str | None = None,
        retry: bool = False,
        restore: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Index a folder, or bring an indexed one up to date; see :func:`openitr.collection.ingest`.

        Every whole run takes part; a library without vectors is begun with ``model``. ``kind`` begins a run of
        that kind where there is none ("hybrid": a dense and a lexicon run). ``retry`` looks again at files that
        could not be read, ``restore`` takes pictures again that were removed.

        Raises:
            FingerprintMismatch: ``model`` is another one than the library's.
            InputError: ``model`` does not make embeddings of that ``kind``.
        """
        from openitr.collection import ingest
        from openitr.search.models import encoders_for

        encoders, behind = encoders_for(self._models, kind, model or self._model)
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
        model: str | None = None,
        *,
        kind: str | None = None,
        name: str | None = None,
        workers: int | str | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Build a run with another model beside the old one, and answer with it once it is whole.

        ``kind`` alone takes the shipped model of that kind. A run of another kind than the active one's leaves that
        one active: ask it by its kind.
        """
        from openitr.collection import reindex
        from openitr.search.models import encoder_for

        return reindex(self.collection, encoder_for(kind, model), name, workers=workers, on_progress=on_progress)

    def duplicates(self, *, kind: str | None = None, run: str | None = None) -> list[DuplicateGroup]:
        """Copies, near copies and similar pictures; nothing is deleted. See :mod:`openitr.search.duplicates`."""
        from openitr.search.collected import collection_duplicates

        chosen = self.collection.run(run)
        if run is None and chosen.kind != "dense":
            chosen = self.collection.run(kind="dense")
        return collection_duplicates(self.collection, chosen, kind=kind)

    def select(self, *, ids: Iterable[int] = (), where: Where = ()) -> list[int]:
        """Ids of pictures that are there: those named, those that pass the filter, or those that do both.

        Raises:
            InputError: An id that is not there.
        """
        chosen = self.collection.matching(self._where(where) or None)
        if named := [int(i) for i in ids]:
            there = {item.id for item in self.collection.items(named)}
            if missing := [i for i in named if i not in there]:
                raise InputError(f"there is no picture {missing[0]}", "ids are in the answer of a search")
            return sorted(there if chosen is None else there & set(chosen.tolist()))
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
        for item in self.collection.items([id]):
            return item
        raise InputError(f"there is no picture {id}", "ids are in the answer of a search")


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
