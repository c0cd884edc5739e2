"""What `import openitr` gives, and how light it is."""

from __future__ import annotations

import resource
import subprocess
import sys

import openitr
from openitr import errors


def test_all_is_sorted_and_loads() -> None:
    assert openitr.__all__ == sorted(openitr.__all__)
    for name in openitr.__all__:
        thing = getattr(openitr, name)
        assert thing.__name__ == name


def test_every_error_stands_in_the_tree_of_the_docstring() -> None:
    assert errors.__doc__
    for name, thing in vars(errors).items():
        if isinstance(thing, type) and issubclass(thing, errors.OpenITRError):
            assert name in errors.__doc__


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_loads_nothing_heavy() -> None:
    loaded = run("import openitr, openitr.cli.app, sys; print(*sys.modules)").split()
    for heavy in ("torch", "onnxruntime", "scipy", "transformers", "pyarrow", "qdrant_edge", "numpy"):
        assert heavy not in loaded, heavy


def processor_seconds(*words: str) -> float:
    """The least of five runs, in processor time, which a busy machine stretches less than wall time."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(times)


# `python -m bench start` measures both in milliseconds; a busy machine stretches those, and hardly their ratios.
def test_import_is_lighter_than_that_of_numpy() -> None:
    assert processor_seconds("-c", "import openitr") < processor_seconds("-c", "import numpy") / 2


def test_the_command_line_costs_little_beside_its_library() -> None:
    library = processor_seconds("-c", "import typer.main, typer.rich_utils, rich.console")
    assert processor_seconds("-m", "openitr", "--help") < 2.5 * library
