"""Every objective that Flickr8k can feed, with the same data, model and steps; prints two Markdown tables.

`python -m recipes.objectives $OPENITR_DATA/flickr8k` trains on 2,000 photos of the train split and measures on val.
Settings are the same for all and tuned for none. Features of the frozen towers are computed once and kept in the cache.
An objective that was added and has no row here gets one with its defaults. `--only tcl` runs the rows whose names have
these letters in them.
"""

from __future__ import annotations

import argparse

import torch

from openitr import datasets
from openitr.collection.places import cache_folder
from openitr.train import Plan
from openitr.train.frozen import FrozenTowers, feature_examples
from recipes.objectives import left_out, tokens, whole
from recipes.objectives.row import HEAD, Build, Row, Setting

RATE = 1e-3


def table(title: str, rows: list[Row], setting: Setting, build: Build, seeds: int, only: str) -> None:
    chosen = [row for row in rows if only.lower() in row.name.lower()]
    if not chosen:
        return
    plan = setting.plan
    print(f"\n{title}\n{plan.epochs} epochs of batches of {plan.batch}, rate {plan.rate:g}, {seeds} seeds\n\n{HEAD}")
    for row in chosen:
        for seed in range(seeds):
            row.run(setting, build, seed)
        print(row.line(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="the folder of Flickr8k")
    parser.add_argument("--train", type=int, default=2000, help="photos to train on")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="rows whose names have these letters in them")
    parser.add_argument("--table", choices=("whole", "tokens", "both"), default="both")
    asked = parser.parse_args()
    data, towers, cache = datasets.read(asked.data).language("en"), FrozenTowers(), cache_folder() / "features"
    both = [data.split("train").take(asked.train, 0), data.split("val")]
    train, held = (feature_examples(part, towers, lang="en", say=print, cache=cache) for part in both)
    print(f"{len(train):,} photos to train on ({train.content_hash[:12]}), {len(held):,} of val to measure on")
    print(f"({held.content_hash[:12]}); torch {torch.__version__}, {torch.get_num_threads()} threads")
    setting = whole.labelled(Setting(train, held, Plan(epochs=asked.epochs, batch=128, rate=RATE), whole.DIM))
    added, why = left_out.beside([*whole.ROWS, *tokens.ROWS], setting)
    if asked.table != "tokens":
        title = f"Whole pictures and texts: projectors of width {whole.DIM} on the features of the frozen towers,"
        table(title, [*whole.ROWS, *added], setting, whole.projectors, asked.seeds, asked.only)
    if asked.table != "whole":
        (train, held), _ = tokens.examples(both, towers, cache, print)
        setting = Setting(train, held, Plan(epochs=asked.epochs, batch=64, rate=RATE), tokens.DIM)
        title = (
            f"Patches and words: {tokens.DEPTH} block each, on {tokens.SIDE**2} frozen cells and word ids from scratch,"
        )
        table(title, tokens.ROWS, setting, tokens.dual, asked.seeds, asked.only)
    print("\nWithout a row:\n\n" + "\n".join(f"- `{name}` {reason}" for name, reason in why.items()))


if __name__ == "__main__":
    main()
