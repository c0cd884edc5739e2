"""Names of a package that load on first use: a command pays for what it uses, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package (PEP 562).

    A name must not also be that of a module of the package: Python binds the module to it once that is imported.

    Args:
        package: Its ``__name__``.
        homes: Public names to the modules that hold them, below the package.

    >>> lazily("openitr", {"Hits": "types"})("Hits")
    <class 'openitr.types.Hits'>
    >>> lazily("openitr", {"Hits": "types"})("Hist")
    Traceback (most recent call last):
    AttributeError: module 'openitr' has no attribute 'Hist'
    """

    def found(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return found
