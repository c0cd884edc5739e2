"""Fit the calibration of a model, or print how good it is.

python -m recipes.calibration fit --data $OPENITR_DATA --model default      (or conse, lexicon, late, a model folder)
python -m recipes.calibration evaluate --data $OPENITR_DATA --model default
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from openitr.encoders import WEIGHTS, load
from openitr.search.calibrate import calibration_of
from recipes.calibration.duplicates import measure
from recipes.calibration.evaluate import evaluate, table
from recipes.calibration.fit import fit


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m recipes.calibration", description=__doc__)
    parser.add_argument("what", choices=("fit", "evaluate", "duplicates"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="default")
    parser.add_argument("--cache", type=Path, default=Path(".cache/calibration"))
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    given = parser.parse_args()
    encoder = load(given.model)
    if given.what == "duplicates":
        for row in measure(given.data, encoder):
            print(json.dumps(row))
        return
    if given.what == "fit":
        made = fit(given.data, encoder, given.cache)
        folder = WEIGHTS / given.model if (WEIGHTS / given.model).is_dir() else Path(given.model)
        made.save(folder / "calibration.json")
        manifest = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps(manifest | {"calibration": "calibration.json"}, indent=2) + "\n")
        rows = evaluate(given.data, encoder, made, given.cache)
        made = replace(made, measured={"rows": rows})
        made.save(folder / "calibration.json")
    else:
        found = calibration_of(encoder)
        if found is None:
            raise SystemExit(f"{given.model} has no calibration for these weights; run fit first")
        made, rows = found, evaluate(given.data, encoder, found, given.cache)
    print(
        json.dumps(rows) if given.json else f"likely >= {made.likely:.3f}, maybe >= {made.maybe:.3f}\n\n{table(rows)}"
    )


if __name__ == "__main__":
    main()
