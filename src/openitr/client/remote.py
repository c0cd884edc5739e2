"""A collection of a server, with the calls of a local one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast
from urllib.parse import quote, unquote, urlsplit

from openitr.client.asking import Theirs, changed, lines_of, request_of
from openitr.client.client import Client
from openitr.client.reading import group_of, hits_of, item_of, progress_of, report_of
from openitr.client.transport import checked, understood
from openitr.errors import InputError, NoSuchCollection
from openitr.library import Library, Where
from openitr.search.compose.named import NAMED
from openitr.search.compose.parts import leaving_out
from openitr.search.kinds import check_asked
from openitr.search.models import Given
from openitr.types import Hits, Item, Query

if TYPE_CHECKING:
    from openitr.client.talking import RemoteSession
    from openitr.collection import IngestReport, Problem, Progress, Run
    from openitr.encoders.base import Encoder
    from openitr.search.compose import Change, Composer
    from openitr.search.duplicates import DuplicateGroup
    from openitr.search.hubness import Unhub
    from openitr.search.pipeline import Pipeline, Stage
    from openitr.search.suggest import Suggested

_PAGE = 1000
# What only the machine that holds a collection can give.
_THERE = frozenset({"collection", "_models", "_model"})


class RemoteLibrary(Library):
    """Pictures on a server that can be asked like those of a local :class:`~openitr.library.Library`.

    Pictures in a query are made small here and sent without what their files say of themselves. ``index`` and
    ``reindex`` are jobs of the server and name folders of its disk. What needs the files of the collection, such as
    ``export`` and ``verify``, is done on the server.

    Args:
        client: The server; closed with this library when ``own``.
        name: Of the collection; the server's default one if None.
        own: Whether nobody else uses the client.

    Raises:
        NoSuchCollection: The server has none of that name.
        ServerError: It cannot be reached.
    """

    def __init__(self, client: Client, name: str | None = None, *, own: bool = False) -> None:
        self.client = client
        self._own = own
        self._transport = client.transport
        served = client.collections()
        with understood("the collections"):
            names = [str(one["name"]) for one in served]
        if not names or (name is not None and name not in names):
            have = ", ".join(names) or "none"
            raise NoSuchCollection(f"{client.url} has no collection {name!r}", f"it has: {have}")
        self.name = names[0] if name is None else name

    def __getattr__(self, name: str) -> Any:
        if name in _THERE:
            self._only_there(f"its {name.strip('_')}")
        raise AttributeError(f"a library on a server has no {name!r}")

    def __enter__(self) -> RemoteLibrary:
        return self

    def __len__(self) -> int:
        return int(self.info()["items"])

    def __repr__(self) -> str:
        return f"RemoteLibrary({self.client.url!r}, {self.name!r})"

    def close(self) -> None:
        """Close the connections; idempotent."""
        if self._own:
            self.client.close()

    @property
    def path(self) -> Path:
        """Not to be had: the directory is the server's."""
        self._only_there("its directory")

    # Asking

    def _answer(self, query: Query, **how: Any) -> Hits:
        return self._ask(query, query, **how)

    def _composer(self, composer: str | Composer | None) -> str | Composer | None:
        known = composer is None or not isinstance(composer, str) or composer in NAMED
        return composer if known else cast(Any, Theirs(str(composer)))

    def _changed(self, query: Query, change: Change, **how: Any) -> Hits:
        # What was shown is known by its file, which the server does not get to see.
        how |= changed(change)
        return leaving_out(query, change.shown, lambda page: self._ask(page, change.asked(page), **how))

    def _ask(self, query: Query, answered: Query, **how: Any) -> Hits:
        if how.pop("model", None) is not None:
            raise InputError("a server asks with the model of the run", "name a run, or leave the model out")
        if not isinstance(how.get("rerank", ""), str):
            raise InputError("a stage cannot be sent to a server", "name one that it has, such as rerank='logic'")
        body, files = request_of(query)
        return self._hits({**body, **how}, files, answered)

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
        """Pictures like one of the library, which is left out.

        Raises:
            InputError: There is no such picture.
        """
        item = self.item(id)
        query = self.query(item.name or "picture", where=where, k=k, offset=offset, sort=sort)
        body, _ = request_of(query)
        del body["text"]
        return self._hits({**body, "image": int(id), "run": run}, [], query)

    def _hits(self, body: dict[str, Any], files: Any, query: Query) -> Hits:
        asked = {"collection": self.name, "items": True, **{key: v for key, v in body.items() if v is not None}}
        answer = self._transport.json("POST", "/v1/search", body=asked, files=files)
        with understood("a search"):
            return hits_of(answer, query)

    def chat(
        self,
        *,
        k: int = 20,
        kind: str | None = None,
        run: str | None = None,
        where: Where = (),
        state: Mapping[str, Any] | None = None,
    ) -> RemoteSession:
        """A conversation about a picture, as :class:`openitr.search.dialogue.Session` holds it, or one that goes on.

        Args:
            k: Hits per turn, 1 to 1000.
            kind: As for :meth:`search`.
            run: As for :meth:`search`.
            where: As for :meth:`search`.
            state: Of a conversation that goes on; nothing else is looked at then.

        Raises:
            QueryError: The state is none.
        """
        from openitr.client.talking import RemoteSession

        settings = {"k": k, "kind": kind, "run": run, "where": dict(self._where(where)) or None}
        return RemoteSession(self, settings={n: v for n, v in settings.items() if v is not None}, state=state)

    def suggest(self, query: str, *, groups: int | None = None, where: Where = (), run: str | None = None) -> Suggested:
        """Better queries out of what one finds, as :func:`openitr.search.suggest.for_library` makes them.

        Raises:
            QueryError: A blank query.
        """
        from openitr.client.reading import suggested_of

        body = {**self._which, "text": query, "groups": groups, "where": dict(self._where(where)) or None, "run": run}
        answer = self._transport.json("POST", "/v1/suggest", body=body)
        with understood("suggestions"):
            return suggested_of(answer)

    def turn(self, said: Mapping[str, Any]) -> Any:
        """One turn of a conversation, as ``POST /v1/chat`` takes and answers it."""
        return self._transport.json("POST", "/v1/chat", body={**self._which, "items": True, **said})

    def item(self, id: int) -> Item:
        """One picture by id.

        Raises:
            InputError: There is none.
        """
        with understood("a picture"):
            return item_of(self._transport.json("GET", f"/v1/items/{int(id)}", params=self._which))

    def thumbnail(self, id: int) -> bytes:
        """A small copy of a picture, in a format that browsers show."""
        return self._transport.file(f"/v1/items/{int(id)}/thumbnail", params=self._which)

    def file_bytes(self, id: int) -> bytes:
        """The picture's file, as it is on the server."""
        return self._transport.file(f"/v1/items/{int(id)}/file", params=self._which)

    def duplicates(self, *, kind: str | None = None, run: str | None = None) -> list[DuplicateGroup]:
        """Copies, near copies and similar pictures; nothing is deleted.

        Raises:
            InputError: An unknown kind, or a ``run``: the server looks at the active one.
        """
        if run is not None:
            raise InputError("a server looks for duplicates in the active run", "leave the run out")
        found: list[DuplicateGroup] = []
        while True:
            params = {"offset": len(found), "limit": _PAGE} | ({"kind": kind} if kind else {})
            answer = self._transport.json("GET", f"{self._home}/duplicates", params=params)
            with understood("duplicates"):
                groups = [group_of(group) for group in answer["groups"]]
                found += groups
                if not groups or len(found) >= int(answer["total"]):
                    return found

    def select(self, *, ids: Iterable[int] = (), where: Where = ()) -> list[int]:
        """Ids of pictures that are there: those named, those that pass the filter, or those that do both.

        Raises:
            InputError: An id that is not there.
        """
        named = sorted({self.item(id).id for id in ids})
        if not where:
            return named
        passing = self._passing(where)
        return [id for id in named if id in set(passing)] if named else passing

    def _passing(self, where: Where) -> list[int]:
        """Ids that pass a filter, found by pages of a search that costs the server no model."""
        lines = [where] if isinstance(where, str) else lines_of(self._where(where))
        found: list[int] = []
        while True:
            params = {**self._which, "where": lines, "sort": "added", "offset": len(found), "limit": _PAGE}
            answer = self._transport.json("GET", "/v1/items", params=params)
            with understood("pictures"):
                ids = [int(item["id"]) for item in answer["items"]]
                found += ids
                if not ids or len(found) >= int(answer["total"]):
                    return sorted(set(found))

    # Looking after

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
        """Have the server index a folder of its disk, and wait; an interrupted wait leaves the job running.

        Raises:
            ServerError: The folder is none that the server may read.
            InputError: ``workers``, which are the server's to choose, or a model that it does not have.
            OpenITRError: The job failed.
        """
        if workers is not None:
            raise InputError("a server indexes with workers of its own", "leave workers out")
        asked = {"model": model, "vectors": check_asked(kind), "retry": retry, "restore": restore}
        return self._done("index", on_progress, folder=os.fspath(folder), **asked)

    def reindex(
        self,
        model: str | None = None,
        *,
        kind: str | None = None,
        name: str | None = None,
        workers: int | str | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Have the server build a run with another model, and wait.

        Raises:
            InputError: ``name`` or ``workers``, which are the server's to choose.
            OpenITRError: The job failed.
        """
        if name is not None or workers is not None:
            raise InputError("a server names its runs after their models", "leave name and workers out")
        asked = check_asked(kind)
        if asked == "hybrid" or not (asked or model):
            raise InputError("one model builds one run", "name a model, or one of the kinds dense, lexicon, late")
        return self._done("reindex", on_progress, model=model, vectors=asked)

    def _done(self, what: str, on_progress: Callable[[Progress], None] | None, **call: Any) -> IngestReport:
        """A job of this collection, started and waited for."""
        result = self.client.start(what, collection=self.name, **call).wait(_heard(on_progress))
        with understood("a report"):
            return report_of(result)

    def remove(self, ids: Iterable[int]) -> int:
        """Forget pictures, by id; the files stay. How many there were."""
        body = {"collection": self.name, "ids": [int(i) for i in ids]}
        if not body["ids"]:
            return 0
        with understood("a removal"):
            return int(self._transport.json("POST", "/v1/items/remove", body=body)["removed"])

    def info(self) -> dict[str, Any]:
        """What the collection holds, as plain data, without folders of the server's disk."""
        made: dict[str, Any] = self._transport.json("GET", self._home)
        return made

    def fields(self) -> list[dict[str, Any]]:
        """The fields that filters can ask for, with their commonest values or their range."""
        with understood("fields"):
            return list(self._transport.json("GET", f"{self._home}/fields")["fields"])

    # What is done where the collection is

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
        """Not to be had: the stages run on the server."""
        self._only_there("the pipeline")

    def encoder(self, run: Run | None = None, model: Given = None) -> Encoder:
        """Not to be had; :meth:`openitr.client.Client.embed` asks the server's model."""
        self._only_there("the model")

    def export(self, to: str | os.PathLike[str], *, files: bool = False) -> dict[str, Any]:
        """Not to be had: done on the server."""
        self._only_there("the export")

    def verify(self) -> list[Problem]:
        """Not to be had: done on the server."""
        self._only_there("the check")

    def file(self, item: Item) -> Path:
        """Not to be had: the file is on the server's disk; :meth:`file_bytes` fetches it."""
        self._only_there("the file")

    def _only_there(self, what: str) -> NoReturn:
        raise InputError(f"{what} of {self.name} is on the server", "run openitr where the collection is")

    @property
    def _home(self) -> str:
        return f"/v1/collections/{quote(self.name, safe='')}"

    @property
    def _which(self) -> dict[str, Any]:
        return {"collection": self.name}


def open_address(address: str, *, key: str | None = None, timeout: float = 60.0) -> RemoteLibrary:
    """A library by its address: that of a server, with the name of a collection behind it if it is not the default.

    Raises:
        InputError: No address.
        NoSuchCollection: The server has none of that name.
        ServerError: It cannot be reached.

    >>> open_address("http://localhost:8000/photos")                         # doctest: +SKIP
    RemoteLibrary('http://localhost:8000', 'photos')
    """
    base, _, last = checked(address).rpartition("/")
    if not urlsplit(checked(address)).path:
        base, last = checked(address), ""
    client = Client(base, key, timeout=timeout)
    try:
        return RemoteLibrary(client, unquote(last) or None, own=True)
    except BaseException:
        client.close()
        raise


def _heard(on_progress: Callable[[Progress], None] | None) -> Callable[[Any], None] | None:
    if on_progress is None:
        return None
    call = on_progress

    def heard(document: Any) -> None:
        if document.get("total"):
            call(progress_of(document))

    return heard
