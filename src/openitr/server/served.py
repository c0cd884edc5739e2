"""The collections that are served, by name; the first is the default. Models are shared between them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from openitr.collection import browse
from openitr.collection.changes import Changes, Kept
from openitr.errors import CollectionError, OpenITRError
from openitr.library import Library
from openitr.search.kinds import runs_for
from openitr.server.batching import BatchingEncoder
from openitr.server.discreet import Discreet
from openitr.server.lanes import Lane
from openitr.server.named import Named
from openitr.server.pictures import Pictures
from openitr.server.problems import Problem, log
from openitr.server.quickening import Quickening
from openitr.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from openitr.collection import Run
    from openitr.encoders.lmm import LMM
    from openitr.types import Item


class ServedCollection:
    """One collection with the name it is served under.

    Args:
        name: In addresses and answers.
        library: To ask.
        house: What it is served with.
    """

    def __init__(self, name: str, library: Library, house: Served) -> None:
        self.name, self.library, self.house = name, library, house
        self._changes = Changes(library.collection.store)
        self.kept, self._runs = Kept(self._changes), Kept(self._changes)

    def close(self) -> None:
        """Release what this name holds; the library is left open."""
        self._changes.close()

    def run(self, name: str | None = None) -> Run:
        """A run by name, or the active one.

        Raises:
            Problem: 422, there is no such run.
        """
        if name is not None and name not in (names := self.library.collection.run_names()):
            raise Problem(422, f"{self.name} has no run {name!r}", f"runs: {', '.join(names) or 'none yet'}")
        return self.library.collection.run(name)

    @property
    def spec(self) -> str:
        """What the active run was made with, "" where nothing is indexed yet; a folder by its last part."""
        if not self.library.collection.run_names():
            return ""
        return self.house.discreet.spec(self.library.collection.run().spec)

    def item(self, id: int) -> Item:
        """A picture by id.

        Raises:
            Problem: 404, there is none.
        """
        items = self.library.collection.items([id])
        if not items:
            raise Problem(404, f"there is no picture {id}", "it may have been removed")
        return items[0]

    def encoder(self, run: Run) -> BatchingEncoder:
        """The shared model of a run, checked against its fingerprint."""
        shared = self.house.encoder(run.spec)
        self.library.encoder(run, shared)
        return shared

    async def model(self, name: str | None) -> tuple[Run, BatchingEncoder]:
        """A run and its model; loading one for the first time has threads of its own.

        Raises:
            Problem: 422, there is no such run.
        """
        return (await self.models(None, name))[0]

    def runs(self, kind: str | None, name: str | None) -> list[Run]:
        """The runs that answer for a kind, or the one of a name.

        Raises:
            Problem: 422, there is no such run.
        """
        if kind is None or name is not None:
            runs = [self.run(name)]
        if kind is not None:
            try:
                runs = runs_for(self.library.collection, kind, name)
            except CollectionError as error:
                have = ", ".join(self.library.collection.kinds()) or "none yet"
                raise Problem(422, f"{self.name} has no {kind} run", f"kinds: {have}") from error
        return runs

    async def models(self, kind: str | None, name: str | None) -> list[tuple[Run, BatchingEncoder]]:
        """The runs that answer for a kind, or the one of a name, with their models.

        Raises:
            Problem: 422, there is no such run.
        """

        asked = kind, name
        # What holds for this state of the collection is known without another thread.
        runs: list[Run] | None = self._runs.now(asked)
        if runs is None:
            runs = await self.house.quick.run(self._runs.get, asked, lambda: self.runs(kind, name))
        found = []
        for run in runs:
            self.house.quicken(run)
            encoder = self.house.ready(run.spec)
            if encoder is None:
                encoder = await self.house.loading.run(self.encoder, run)
            else:
                self.library.encoder(run, encoder)
            found.append((run, encoder))
        return found


class Served:
    """Everything that requests share: libraries, models, decoders and threads.

    Args:
        libraries: By name, at least one; the first is the default. They are closed by whoever opened them.
        settings: What may be done.
        told: Called with "texts" or "images" and the rows of each model call.
        threads: Inside one model call; None leaves the choice to the runtime.
    """

    def __init__(
        self,
        libraries: Mapping[str, Library],
        settings: Settings,
        *,
        told: Callable[[str, int], None] | None = None,
        threads: int | None = None,
    ) -> None:
        if not libraries:
            raise ValueError("no collection to serve")
        self.settings, self.threads = settings, threads
        self.stopping = threading.Event()
        self.pictures = Pictures()
        self.named = Named(settings)
        waiting = settings.max_waiting
        # Each kind of work has its own threads, so that none waits for another kind. Searches have more than there are
        # cores, because those that come together share their way through the vectors.
        self.quick = Lane("quick", threads=16, waiting=waiting)
        self.decoding = Lane("decoding", threads=2, waiting=waiting)
        self.loading = Lane("loading", threads=2, waiting=waiting)
        self.slow = Lane("slow", threads=2, waiting=16, retry_after=5)
        self.lanes = (self.quick, self.decoding, self.loading, self.slow)
        self.discreet = Discreet(self._folders(libraries), show=settings.show_paths)
        self._told = told
        self._encoders: dict[str, BatchingEncoder] = {}
        self._lmm: LMM | None = None
        self._looked = False
        self._lock = threading.Lock()
        self._quickening = Quickening()
        # The loop itself holds its tasks only weakly.
        self._tasks: set[asyncio.Future[None]] = set()
        self._collections = {name: ServedCollection(name, library, self) for name, library in libraries.items()}

    @staticmethod
    def _folders(libraries: Mapping[str, Library]) -> Iterator[tuple[Any, str]]:
        for name, library in libraries.items():
            yield library.path.resolve(), name
            yield library.path, name
            for number, root in library.collection.roots().items():
                yield root, f"folder {number}"

    def __iter__(self) -> Iterator[ServedCollection]:
        return iter(self._collections.values())

    def __len__(self) -> int:
        return len(self._collections)

    def __contains__(self, name: str | None) -> bool:
        return name is None or name in self._collections

    @property
    def default(self) -> str:
        """Name of the collection that answers when none is named."""
        return next(iter(self._collections))

    def get(self, name: str | None = None) -> ServedCollection:
        """A collection by name, or the default one.

        Raises:
            Problem: 404, there is none of that name.
        """
        found = self._collections.get(self.default if name is None else name)
        if found is None:
            raise Problem(404, f"there is no collection {name!r}", f"there are: {', '.join(self._collections)}")
        return found

    def ready(self, spec: str) -> BatchingEncoder | None:
        """A model that is loaded already; asking never waits for one that is being loaded."""
        return self._encoders.get(spec)

    def encoder(self, spec: str) -> BatchingEncoder:
        """A model by its spec, loaded once for all collections."""
        with self._lock:
            if spec not in self._encoders:
                from openitr.encoders import load

                self._encoders[spec] = BatchingEncoder(load(spec, threads=self.threads), told=self._told)
            return self._encoders[spec]

    async def lmm(self) -> LMM | None:
        """The language model that whoever started the server configured, if any; looked for once."""
        if not self._looked:
            await self.loading.run(self._look)
        return self._lmm

    def _look(self) -> None:
        from openitr.collection.places import cache_folder
        from openitr.encoders.lmm import configured

        try:
            self._lmm = configured(cache=cache_folder() / "lmm")
        except OpenITRError as error:
            log.warning("conversations do without a language model: %s", error)
        self._looked = True

    def quicken(self, run: Run) -> None:
        """Have a run that came after the start searched by machine code soon; nobody waits for it."""
        if self._quickening.wanted(run.index):
            work = asyncio.ensure_future(self.loading.run(self._quickening.quicken, run.index))
            self._tasks.add(work)
            work.add_done_callback(self._over)

    def _over(self, work: asyncio.Future[None]) -> None:
        self._tasks.discard(work)
        # Refused where too much is loaded at a time, which is no matter: the search goes on as it is.
        if not work.cancelled():
            work.exception()

    def warm(self, *, browsed: bool = True) -> None:
        """Do what the first visitor would wait for; what cannot be done says so when it is asked for.

        Args:
            browsed: Visitors look at pictures without a question as well.
        """
        for served in self:
            if self.stopping.is_set():
                return
            try:
                found = served.library.collection
                if browsed:
                    served.kept.get(("order", "{}", "date"), partial(browse.order, found))
                for run in (found.run(kind=kind) for kind in found.kinds()):
                    served.library.search("a picture", run=run.name, model=served.encoder(run), k=1)
                    if self._quickening.wanted(run.index):
                        self._quickening.quicken(run.index)
            except Exception as error:
                log.warning("%s cannot be searched yet: %s", served.name, error)

    def close(self) -> None:
        """End threads and worker processes; idempotent."""
        self.stopping.set()
        for lane in self.lanes:
            lane.close()
        self.pictures.close()
        with self._lock:
            encoders, self._encoders = list(self._encoders.values()), {}
        for encoder in encoders:
            encoder.close()
        for served in self:
            served.close()
