"""What the page on conversations shows, run as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

import openitr.encoders
import openitr.library
from tests.search.fakes import ColourEncoder

PAGE = (Path(__file__).parents[3] / "docs" / "chat.md").read_text(encoding="utf-8")


def test_the_snippet_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
    monkeypatch.chdir(tmp_path)
    for name, colour in {"red": (255, 0, 0), "blue": (0, 0, 255), "navy": (0, 0, 90)}.items():
        (tmp_path / "pictures").mkdir(exist_ok=True)
        Image.new("RGB", (40, 40), colour).save(tmp_path / "pictures" / f"{name}.png")
    with openitr.library.create(tmp_path / "photos") as library:
        library.index(tmp_path / "pictures", workers=1)
    monkeypatch.setattr(openitr, "open", lambda name: openitr.library.open(tmp_path / name), raising=False)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    exec(compile(code, "chat.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("something red ['red.png'") and said[-1] == "something red"


@pytest.mark.parametrize(
    "option", ["--keep", "--no-ask", "--json", "--lmm", "--lmm-model", "--where", "--kind", "--run"]
)
def test_options_that_are_named_exist(option):
    from typer.testing import CliRunner

    from openitr.cli.app import app

    assert option in PAGE
    assert option in CliRunner().invoke(app, ["chat", "--help"], env={"COLUMNS": "200"}).stdout
