"""What the pages on training and objectives show, run as it stands."""

from __future__ import annotations

import doctest
import re
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from openitr import objectives
from openitr.cli.app import app
from openitr.datasets.scenes import make_pairs
from openitr.objectives import check

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with scenes in it."""
    make_pairs(70, size=32, languages=("en",), lengths=("short",)).write(tmp_path / "scenes")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blocks(page: str) -> list[str]:
    """The Python of a page, in order."""
    found = re.findall(r"^ *```python\n(.*?)^ *```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


def test_the_python_of_the_page_on_training_runs(here: Path) -> None:
    assert len(blocks("training.md")) == 3
    for block in blocks("training.md"):
        exec(compile(block, "training.md", "exec"), {})


def test_the_objective_of_the_page_on_objectives_passes_everything(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    """Its three files do what the page says: example, battery, oracle, and a name on the command line."""
    first, loss, test = blocks("objectives.md")
    exec(compile(first, "objectives.md", "exec"), {})
    module = ModuleType("decoupled")
    exec(compile(loss, "objectives.md", "exec"), vars(module))
    assert doctest.testmod(module).attempted == 1
    assert doctest.testmod(module).failed == 0
    monkeypatch.setattr(objectives, "Decoupled", module.Decoupled, raising=False)
    monkeypatch.setattr(objectives, "__all__", [*objectives.__all__, "Decoupled"])
    names: dict[str, Any] = {}
    exec(compile(test, "objectives.md", "exec"), names)
    check(module.Decoupled(), names["ORACLES"][module.Decoupled])
    line = "train --data scenes --objective decoupled:tau=0.05 --model tiny --epochs 1 --out mine --json"
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.output


def test_the_commands_of_the_page_on_training_run(here: Path) -> None:
    found = re.findall(r"```console\n(.*?)```", (DOCS / "training.md").read_text(), re.DOTALL)
    lines = [line[10:] for block in found for line in block.splitlines() if line.startswith("$ openitr ")]
    assert len(lines) == 3
    for line in lines:
        done = CliRunner().invoke(app, line)
        assert done.exit_code == 0, f"{line}\n{done.output}"
