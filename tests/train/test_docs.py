"""What the pages on training and objectives show, run as it stands."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openitr.cli.app import app
from openitr.datasets.scenes import make_pairs

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with scenes in it."""
    make_pairs(70, size=32, languages=("en",), lengths=("short",)).write(tmp_path / "scenes")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", ["training.md", "objectives.md"])
def test_the_python_of_a_page_runs(page: str, here: Path) -> None:
    blocks = re.findall(r"^ *```python\n(.*?)^ *```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == {"training.md": 3, "objectives.md": 2}[page]
    for block in blocks:
        exec(compile(textwrap.dedent(block), page, "exec"), {})


def test_the_commands_of_the_page_on_training_run(here: Path) -> None:
    blocks = re.findall(r"```console\n(.*?)```", (DOCS / "training.md").read_text(), re.DOTALL)
    lines = [line[10:] for block in blocks for line in block.splitlines() if line.startswith("$ openitr ")]
    assert len(lines) == 3
    for line in lines:
        done = CliRunner().invoke(app, line)
        assert done.exit_code == 0, f"{line}\n{done.output}"
