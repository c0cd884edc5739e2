"""What language models may ask of the collections, as plain calls; :mod:`openitr.server.mcp` speaks the protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openitr.errors import InputError, OpenITRError
from openitr.library import Library
from openitr.media.formats import HEAD, sniff
from openitr.search.compose.change import Change
from openitr.search.kinds import runs_for
from openitr.search.parts import decode_query
from openitr.search.rerank.named import NAMED
from openitr.search.suggest import foreign
from openitr.types import Hits, ImageArray, Item, Part

if TYPE_CHECKING:
    from openitr.encoders.base import Encoder
    from openitr.search.rerank import Rerank

_SHOWN = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}


class Tools:
    """What the tools do, as plain calls that may be made in any thread.

    Args:
        libraries: By name; the first is the default.
        encoder: The model to ask a collection with, by its name; None lets each library load its own.
        second: A second look at a collection's hits, by both names; None knows the words alone.
        picture: A picture of a collection, by its name, ready for a model; None decodes the file here.
        discreet: Takes the folders of this disk out of a text.
        show_paths: Whether answers say where a picture lies on this disk.

    >>> import tempfile
    >>> from openitr.library import create
    >>> with tempfile.TemporaryDirectory() as home, create(home + "/photos") as library:
    ...     Tools({"photos": library}).collections()["collections"][0]["pictures"]
    0
    """

    def __init__(
        self,
        libraries: Mapping[str, Library],
        *,
        encoder: Callable[[str], Encoder] | None = None,
        second: Callable[[str, str], Rerank] | None = None,
        picture: Callable[[str, Item], ImageArray] | None = None,
        discreet: Callable[[str], str] = str,
        show_paths: bool = False,
    ) -> None:
        self.libraries = dict(libraries)
        self.encoder, self.discreet, self.show_paths = encoder, discreet, show_paths
        self.second = second
        self.picture = picture or (lambda name, item: decode_query(self.libraries[name].file(item)))

    def search(
        self,
        query: str,
        collection: str | None,
        avoid: Sequence[str],
        where: Sequence[str],
        limit: int,
        rerank: str | None = None,
    ) -> tuple[dict[str, Any], list[int]]:
        """Hits as plain data, and their ids."""
        name, library = self._library(collection)
        again: str | Rerank | None = rerank
        if rerank is not None and self.second is not None:
            again = self.second(name, rerank)
        elif rerank is not None and rerank not in NAMED:
            # Folders are for those who sit at this machine.
            raise InputError(f"there is no reranker {rerank!r}", f"use {', '.join(NAMED)}")
        model = self.encoder(name) if self.encoder else None
        # Weighted like on the command line it would be a surprise: "10:30 on a clock" is a text here.
        shun = [f"1:{text}" for text in avoid]
        hits = library.search(query, negatives=shun, where=where, k=limit, model=model, rerank=again)
        strange = foreign(query, runs_for(library.collection)[0].spec)
        more = [f"{strange.sentence}; ask again in English"] if strange else []
        return self._told(name, library, hits, more), [hit.id for hit in hits]

    def similar(
        self, id: int, collection: str | None, but: str | None, strength: float, where: Sequence[str], limit: int
    ) -> tuple[dict[str, Any], list[int]]:
        """Hits like one picture, or different from it as ``but`` says, as plain data; and their ids."""
        name, library = self._library(collection)
        if but is None:
            hits = library.more_like(id, k=limit, where=where)
        else:
            item = library.item(id)
            change = Change(but, strength, shown=(item.sha256,))
            part = Part(image=self.picture(name, item), label=item.name)
            model = self.encoder(name) if self.encoder else None
            hits = library.search(images=[part], but=change, where=where, k=limit, model=model)
        return self._told(name, library, hits), [hit.id for hit in hits]

    def describe(self, id: int, collection: str | None) -> tuple[dict[str, Any], list[int]]:
        """Everything known of a picture as plain data, and its id."""
        name, library = self._library(collection)
        item = library.item(id)
        facts = {
            **self._short(library, item),
            "collection": name,
            "format": item.format,
            "bytes": item.size,
            "facts": dict(item.facts),
            "metadata": {key: _plain(value) for key, value in item.metadata.items()},
            "captions": list(item.captions),
            "notes": [self.discreet(note) for note in item.notes],
        }
        return facts, [item.id]

    def collections(self) -> dict[str, Any]:
        """What can be asked, as plain data."""
        return {
            "collections": [
                {
                    "name": name,
                    "pictures": len(library),
                    "default": place == 0,
                    "fields": {field: "/".join(kinds) for field, kinds in library.collection.fields().items()},
                }
                for place, (name, library) in enumerate(self.libraries.items())
            ]
        }

    def small(self, collection: str | None, ids: Sequence[int]) -> list[tuple[str, bytes]]:
        """Small copies of pictures with their media types; one that cannot be had any more is left out."""
        _, library = self._library(collection)
        found = []
        for id in ids:
            try:
                data = library.thumbnail(id)
            except OpenITRError:
                continue
            if kind := _SHOWN.get(sniff(data[:HEAD]) or ""):
                found.append((kind, data))
        return found

    def _library(self, name: str | None) -> tuple[str, Library]:
        name = next(iter(self.libraries)) if name is None else name
        if name not in self.libraries:
            raise InputError(f"there is no collection {name!r}", f"there are: {', '.join(self.libraries)}")
        return name, self.libraries[name]

    def _short(self, library: Library, item: Item) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "id": item.id,
            "path": _text(item.path),
            "width": item.width,
            "height": item.height,
        }
        if taken := item.facts.get("taken_at"):
            facts["taken_at"] = taken
        if self.show_paths:
            facts["file"] = _text(str(library.file(item)))
        return facts

    def _told(self, name: str, library: Library, hits: Hits, more: Sequence[str] = ()) -> dict[str, Any]:
        pictures = []
        for hit in hits:
            facts = self._short(library, hit.item)
            facts |= {"bucket": hit.bucket, "probability": round(float(hit.probability), 3)}
            if hit.item.captions:
                facts["caption"] = hit.item.captions[0][:300]
            pictures.append(facts)
        likely = len(hits.likely())
        verb = "is" if likely == 1 else "are"
        said = f"{likely} of these {len(hits)} {verb} likely" if likely else "nothing here is likely to be that"
        notes = [*more, *(self.discreet(note) for note in hits.notes)]
        told = {"collection": name, "answer": said, "searched": hits.total, "pictures": pictures}
        return {**told, "notes": notes} if notes else told


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else list(value)


def _text(path: str) -> str:
    """A path as text; what is no valid text in a file name becomes a question mark."""
    return path.encode("utf-8", "replace").decode("utf-8")
