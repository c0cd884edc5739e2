"""What the page on reranking shows, run as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from openitr.cli.app import app
from openitr.search.rerank.named import NAMED, check_reranker

PAGE = (Path(__file__).parents[3] / "docs" / "reranking.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_python_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(block, "reranking.md", "exec"), names)
    for line in block.splitlines():
        call, _, said = line.partition("   # ")
        if said.startswith("("):
            assert eval(call, names) == eval(said)
    if "save_fusion" in block:
        assert (tmp_path / "albef" / "weights.safetensors").is_file()
    if "rows" in names:
        assert names["rows"] == [2, 1]


def test_every_word_of_the_page_is_one_and_each_has_its_row() -> None:
    used = re.findall(r"--rerank (\S+)", PAGE)
    assert set(NAMED) <= set(used)
    for word in NAMED:
        assert check_reranker(word) and f"| `{word}` |" in PAGE


def test_the_options_are_there() -> None:
    shown = CliRunner().invoke(app, ["search", "--help"], env={"COLUMNS": "200"})
    evaluated = CliRunner().invoke(app, ["eval", "--help"], env={"COLUMNS": "200"})
    assert "--rerank" in shown.output and "negation" in evaluated.output
    for line in re.findall(r"^\$ (openitr search .*)$", PAGE, re.MULTILINE):
        assert shlex.split(line)[:3] == ["openitr", "search", "photos"]
