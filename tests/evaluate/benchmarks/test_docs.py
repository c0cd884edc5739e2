"""The page on benchmarks says what is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from openitr.evaluate.benchmarks import BENCHMARKS, Benchmark, run_benchmark
from tests.evaluate.benchmarks.fakes import ColourEncoder, paint

PAGE = (Path(__file__).parents[3] / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def test_every_benchmark_stands_in_the_table() -> None:
    named = re.findall(r"`([a-z0-9-]+)`", PAGE.partition("## Protocols")[2].partition("## What")[0])
    assert {one.name for one in BENCHMARKS} <= set(named)


def test_the_benchmark_of_your_own_runs(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[1], names)
    mine = names["mine"]
    assert isinstance(mine, Benchmark)
    paint(tmp_path / "images", chair="red")
    assert dict(run_benchmark(mine, tmp_path, ColourEncoder()).scores["t2i"]) == {"R@1": 100.0, "nDCG@10": 100.0}
