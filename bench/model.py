"""The shipped models on Flickr8k val (depth) and on Tux Paint, which nothing shipped was trained on (breadth)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bench.report import show
from openitr import datasets, encoders
from openitr.evaluate import evaluate

BREADTH = Path(__file__).parent.parent / "recipes" / "default_model" / "breadth_ids.txt"


def run() -> list[dict[str, Any]]:
    """Print and return the table."""
    if "OPENITR_DATA" not in os.environ:
        return []
    data = Path(os.environ["OPENITR_DATA"])
    listed = {line for line in BREADTH.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")}
    stamps = datasets.read(data / "tuxpaint").filter(lambda pair: pair.id in listed)
    if len(stamps) != len(listed):
        raise SystemExit(f"{len(listed)} breadth ids, {len(stamps)} found in {data / 'tuxpaint'}")
    rows: list[list[Any]] = []
    for name in ("default", "conse"):
        encoder = encoders.load(name)
        for label, dataset, split in (
            ("flickr8k val", datasets.read(data / "flickr8k"), "val"),
            ("breadth", stamps, "all"),
        ):
            report = evaluate(dataset, encoder, split=split).to_json()
            recalls = [report[way][f"R@{k}"] for way in ("t2i", "i2t") for k in (1, 5, 10)]
            rows.append([name, label, *recalls, report["RSUM"]])
    columns = ["model", "pictures", "t2i R@1", "R@5", "R@10", "i2t R@1", " R@5", " R@10", "RSUM"]
    return show(columns, rows)
