"""The commands of the README and of the documentation, run as they stand."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import COLOURS, openitr, paint

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(page: Path) -> list[str]:
    """The ``$ openitr ...`` lines of a page."""
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ openitr ")]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with pictures in it, and a folder to stand in."""
    for name, colour in COLOURS.items():
        paint(tmp_path / "Pictures" / "holidays" / f"{name}.png", colour, 3)
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copy(tmp_path / "Pictures" / "holidays" / "red.png", tmp_path / "cat.jpg")
    return tmp_path


def test_the_commands_of_the_readme_run(home: Path) -> None:
    # A server runs until it is stopped; tests/server starts one. What needs real data is measured, not tested.
    apart = ("$OPENITR_DATA", "openitr serve", "openitr mcp")
    lines = [line for line in commands(ROOT / "README.md") if not any(words in line for words in apart)]
    assert len(lines) >= 8
    run(lines, home)
    assert (home / "sunset.html").exists()
    assert (home / "backup").is_dir()


def test_the_commands_of_the_search_page_run(home: Path) -> None:
    run(["openitr index ~/Pictures --into photos", *commands(ROOT / "docs" / "asking.md")], home)


def run(lines: list[str], home: Path) -> None:
    for line in lines:
        words = [os.path.expanduser(word) for word in shlex.split(line, comments=True)]  # noqa: PTH111
        done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False, cwd=home)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_exists(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    helps: dict[str, str] = {}
    for line in commands(page):
        words = shlex.split(line, comments=True)
        if words[1] not in helps:
            shown = openitr(words[1], "--help")
            assert shown.code == 0, line
            helps[words[1]] = shown.out
        for word in words:
            if re.fullmatch(r"--?[a-z][a-z-]*", word):
                assert word in helps[words[1]], f"{page.name}: {line}"
