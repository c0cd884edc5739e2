"""One backend for the page, the HTTP API and MCP: thin over :class:`openitr.library.Library`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openitr.server.app import create_app
    from openitr.server.serve import serve
    from openitr.server.settings import Settings

_HOMES = {"Settings": "settings", "create_app": "app", "serve": "serve"}

__all__ = ["Settings", "create_app", "serve"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
