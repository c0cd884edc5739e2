"""A server as a whole: its collections, models and jobs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from openitr.client.asking import data_url
from openitr.client.jobs import RemoteJob
from openitr.client.transport import Transport, understood
from openitr.errors import InputError

if TYPE_CHECKING:
    from openitr.client.remote import RemoteLibrary
    from openitr.embeddings import DenseEmbeddings
    from openitr.search.parts import ImageLike

_TEXTS, _IMAGES = 256, 32


class Client:
    """A server that ``openitr serve`` started; a context manager, and safe to use from many threads.

    Args:
        url: Its address, such as ``http://localhost:8000``.
        key: What it asks for; ``OPENITR_API_KEY`` of the environment if None.
        timeout: Seconds without a sign of life after which a request has failed.
        retries: Further tries of what fails on the way and may be asked twice.

    Raises:
        InputError: No address of a server.
        MissingExtra: httpx is not installed.

    >>> client = Client("http://localhost:8000")
    >>> client.library("photos").search("a dog")                     # doctest: +SKIP
    >>> client.close()
    """

    def __init__(self, url: str, key: str | None = None, *, timeout: float = 60.0, retries: int = 3) -> None:
        self.transport = Transport(url, key, timeout=timeout, retries=retries)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    @property
    def url(self) -> str:
        """The server's address."""
        return self.transport.url

    def close(self) -> None:
        """Close all connections; idempotent."""
        self.transport.close()

    def health(self) -> dict[str, Any]:
        """That the server is up, its version, and how much it holds; needs no key."""
        made: dict[str, Any] = self.transport.json("GET", "/healthz")
        return made

    def collections(self) -> list[dict[str, Any]]:
        """The collections that are served, the default one first: name, pictures, model."""
        with understood("the collections"):
            return list(self.transport.json("GET", "/v1/collections")["collections"])

    def models(self) -> list[dict[str, Any]]:
        """The models that the server can use."""
        with understood("the models"):
            return list(self.transport.json("GET", "/v1/models")["models"])

    def library(self, name: str | None = None) -> RemoteLibrary:
        """A collection by name, or the default one.

        Raises:
            NoSuchCollection: The server has none of that name.
        """
        from openitr.client.remote import RemoteLibrary

        return RemoteLibrary(self, name)

    def embed(
        self,
        *,
        texts: Sequence[str] = (),
        images: Iterable[ImageLike] = (),
        collection: str | None = None,
        run: str | None = None,
    ) -> DenseEmbeddings:
        """Embeddings of texts or pictures, by the model of a run; asked for in pieces that a server takes.

        Args:
            texts: Taken as they are.
            images: Paths, bytes, (h, w, 3) uint8 arrays or parts; they are made small before they are sent.
            collection: Whose model; the default one if None.
            run: Which run; the active one if None.

        Returns:
            (n, d), in the order given.

        Raises:
            InputError: Texts and pictures at once, or neither.
        """
        import numpy as np

        from openitr.embeddings import DenseEmbeddings
        from openitr.search.parts import decode_query, image_part

        pictures = [image_part(image, decode_query).image for image in images]
        if bool(texts) == bool(pictures):
            raise InputError("embeddings are asked for of texts or of pictures", "give one of them")
        field, size = ("texts", _TEXTS) if texts else ("images", _IMAGES)
        rows: list[Any] = list(texts) or [data_url(picture) for picture in pictures if picture is not None]
        made = []
        for start in range(0, len(rows), size):
            body = {"collection": collection, "run": run, field: rows[start : start + size]}
            answer = self.transport.json("POST", "/v1/embed", body=body)
            with understood("embeddings"):
                made.append(np.asarray(answer["embeddings"], np.float32))
        return DenseEmbeddings(np.concatenate(made))

    def jobs(self, limit: int = 50) -> list[RemoteJob]:
        """Jobs, newest first."""
        with understood("the jobs"):
            answer = self.transport.json("GET", "/v1/jobs", params={"limit": limit})
            return [RemoteJob(self.transport, job) for job in answer["jobs"]]

    def job(self, id: str) -> RemoteJob:
        """A job by id.

        Raises:
            InputError: There is none.
        """
        return RemoteJob(self.transport, self.transport.json("GET", f"/v1/jobs/{_part(id)}"))

    def start(self, kind: str, *, collection: str | None = None, **call: Any) -> RemoteJob:
        """Start a job: "index" with ``folder`` or ``root``, "reindex" with ``model``, "eval" with ``data``.

        The first two take ``vectors`` as well: the kind of run ("lexicon", ...) that is begun.
        Folders are the server's: known roots, or below what its owner allowed with ``--allow-folder``.
        """
        given = {key: os.fspath(value) if isinstance(value, os.PathLike) else value for key, value in call.items()}
        body = {"kind": kind, "collection": collection, **given}
        return RemoteJob(self.transport, self.transport.json("POST", "/v1/jobs", body=body, safe=False))


def _part(text: str) -> str:
    """A text as one piece of a path."""
    from urllib.parse import quote

    return quote(text, safe="")
