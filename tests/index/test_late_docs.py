"""The page on late interaction says what is true: its snippets run, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "late.md"


def test_the_snippets_run() -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"(<!-- needs the shipped model -->\n)?```python\n(.*?)```", text, re.S)
    code = "\n".join(block for marked, block in blocks if not marked)
    assert code.count("import") > 5
    known: dict[str, object] = {}
    exec(compile(code, str(PAGE), "exec"), known)
    index = known["index"]
    assert index.stats()["exact"] is False and index.stats()["bytes"] / 1500 < 1000  # type: ignore[attr-defined]
    assert len(known["few"].values) == 1500 * 8 and len(known["some"].values) == 1500 * 10  # type: ignore[attr-defined]
    assert known["tokens"].shape == (4, 13, 64) and known["loss"].item() > 0  # type: ignore[attr-defined]
