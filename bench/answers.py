"""The calibrated answer: how often "nothing is likely" is right, and how far the probabilities are off."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bench.report import show
from openitr import encoders
from openitr.search.calibrate import calibration_of
from recipes.calibration.evaluate import evaluate


def run() -> list[dict[str, Any]]:
    """Print and return the totals; ``python -m recipes.calibration evaluate`` prints every domain."""
    if "OPENITR_DATA" not in os.environ:
        return []
    encoder = encoders.load("default")
    calibration = calibration_of(encoder)
    if calibration is None:
        raise SystemExit("the default model has no calibration; run python -m recipes.calibration fit")
    found = evaluate(Path(os.environ["OPENITR_DATA"]), encoder, calibration, Path(".cache/calibration"))
    rows = [
        [
            row["kind"] if row["domain"] == "all" else f"plain use, {row['kind']}",
            f"{row['answerable_without_likely']:.0%}" if "answerable_without_likely" in row else "",
            f"{row['removed_without_likely']:.0%}",
            f"{row['certainly_removed_without_likely']:.0%}",
            row.get("area", ""),
            row["ece"],
        ]
        for row in found
        if row["domain"] in ("all", "plain")
    ]
    columns = ["answerable, none likely", "answers removed, none likely", "certainly removed, none likely", "area"]
    return show(["query", *columns, "calibration error"], rows)
