"""The Python of docs/kinds.md runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

import openitr.encoders
import openitr.library
from tests.search import fakes


def test_the_snippets_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[1] / "docs/kinds.md").read_text("utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    monkeypatch.setattr(openitr.encoders, "load", fakes.loaded)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENITR_HOME", str(tmp_path))
    for number, colour in enumerate([(250, 0, 0), (0, 250, 0)]):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        Image.new("RGB", (40, 20 + 20 * number), colour).save(tmp_path / f"pictures/tram{number}.png")
    with openitr.library.create("photos") as library:
        library.index(tmp_path / "pictures", kind="hybrid", workers=1)
        place = library.path
    assert place.exists()
    known: dict[str, object] = {}
    exec(compile(code, "kinds.md", "exec"), known)
    printed = capsys.readouterr().out
    assert "+ Words(" in printed and "fuse:" in printed
    hits = known["hits"]
    assert hits[0].path == "tram0.png" and "rerank" in hits[0].explain()  # type: ignore[index]
