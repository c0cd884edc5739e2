"""The builders of tiny models, as fixtures: with importlib mode a test cannot import its neighbour by name."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    return _neighbour("tiny")


@pytest.fixture(scope="session")
def tiny_torch() -> ModuleType:
    return _neighbour("tiny_torch")


def _neighbour(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"encoders_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
