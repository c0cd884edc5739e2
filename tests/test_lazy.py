"""Packages whose names load on first use."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import openitr

ROOT = Path(openitr.__file__).parent
LAZY = sorted(
    ".".join(("openitr", *file.parent.relative_to(ROOT).parts))
    for file in ROOT.rglob("__init__.py")
    if "= lazily(" in file.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("package", LAZY)
def test_every_public_name_is_found(package: str) -> None:
    module = import_module(package)
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert not set(module._HOMES) - set(module.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = module.nothing


@pytest.mark.parametrize("package", LAZY)
def test_no_name_is_also_a_module(package: str) -> None:
    module = import_module(package)
    folder = Path(str(module.__file__)).parent
    modules = {entry.stem for entry in folder.iterdir() if entry.suffix == ".py" or entry.is_dir()}
    assert not set(module._HOMES) & modules


def test_what_a_search_in_words_does_not_load(tmp_path: Path) -> None:
    unused = ("torch", "scipy", "pandas", "pyarrow", "fastapi", "qdrant_client", "sklearn", "transformers")
    ours = ("search.compose", "search.dialogue", "search.suggest.article", "index.tokens", "index.lexicon", "train")
    code = (
        "import sys\n"
        "from openitr.library import create\n"
        "from openitr.cli.app import app\n"
        f"create({str(tmp_path / 'c')!r}, model='default').close()\n"
        f"app(['search', {str(tmp_path / 'c')!r}, 'two', 'dogs', 'on', 'grass'], standalone_mode=False)\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert not loaded & set(unused)
    assert not loaded & {f"openitr.{name}" for name in ours}
