"""A server's collections, used like local ones.

    >>> import openitr
    >>> photos = openitr.open("http://localhost:8000/photos")              # doctest: +SKIP
    >>> photos.search("two dogs running on grass", k=10)                   # doctest: +SKIP

:class:`Client` is for what concerns a whole server: which collections there are, models, jobs, embeddings.
"""

from __future__ import annotations

from openitr.client.client import Client
from openitr.client.jobs import RemoteJob
from openitr.client.remote import RemoteLibrary, open_address

__all__ = ["Client", "RemoteJob", "RemoteLibrary", "open_address"]
