"""Run all sections, or those that are named: ``python -m bench start indexing``."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path

SECTIONS = (
    "start",
    "indexing",
    "engines",
    "evaluation",
    "answers",
    "model",
    "serving",
    "dense",
    "growth",
    "lexicon",
    "late",
    "pipeline",
    "hybrid",
    "objectives",
)


def main() -> None:
    """Print each section's table and write everything to bench/out/bench.json."""
    wanted = sys.argv[1:] or SECTIONS
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        raise SystemExit(f"no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    if "OPENITR_DATA" not in os.environ:
        print("OPENITR_DATA is not set: what needs real pictures is left out")
    found: dict[str, object] = {}
    for name in wanted:
        start = time.perf_counter()
        print(f"\n== {name}")
        found[name] = importlib.import_module(f"bench.{name}").run()
        print(f"({time.perf_counter() - start:.0f} s)")
    out = Path("bench/out/bench.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
