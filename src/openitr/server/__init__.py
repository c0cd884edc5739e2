"""One backend for the page, the HTTP API and MCP: thin over :class:`openitr.library.Library`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.lazy import lazily

if TYPE_CHECKING:
    from openitr.server.app import create_app
    from openitr.server.listen import serve
    from openitr.server.settings import Settings

_HOMES = {"Settings": "settings", "create_app": "app", "serve": "listen"}

__all__ = ["Settings", "create_app", "serve"]

__getattr__ = lazily(__name__, _HOMES)
