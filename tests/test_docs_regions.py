"""The Python of docs/regions.md runs as it stands, block by block, with the shipped model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

BLOCKS = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parents[1] / "docs/regions.md").read_text("utf-8"), re.DOTALL
)
# Where the red square is, the quarter that holds it; the second box; the red picture.
PRINTED = ["[7] (0.0, 0.0, 0.5, 0.5)", "7 (50.0, 0.0, 90.0, 90.0)", "[2] a red picture."]


@pytest.mark.parametrize(("block", "printed"), list(zip(BLOCKS, PRINTED, strict=True)))
def test_the_snippets_print_what_they_should(block: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block, "regions.md", "exec"), {})
    assert capsys.readouterr().out.strip() == printed
