"""The Python of docs/suggest.md runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

import openitr.encoders
import openitr.library
from tests.search import fakes


def test_the_snippets_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[1] / "docs/suggest.md").read_text("utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    monkeypatch.setattr(openitr.encoders, "load", fakes.loaded)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENITR_HOME", str(tmp_path))
    for name, colour in {"red": (250, 0, 0), "green": (0, 250, 0)}.items():
        for number in range(6):
            path = tmp_path / f"pictures/{name} zeppelin {number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (40 + number, 40), colour).save(path)
    with openitr.library.create("photos") as library:
        library.index(tmp_path / "pictures", workers=1)
    known: dict[str, object] = {}
    exec(compile(code, "suggest.md", "exec"), known)
    printed = capsys.readouterr().out
    assert "red" in printed and "50%" in printed
    assert len(known["chosen"]) == 2  # type: ignore[arg-type]
