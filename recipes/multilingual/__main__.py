"""One command rebuilds `weights/multilingual`: `python -m recipes.multilingual --data $OPENITR_DATA`."""

from __future__ import annotations

import argparse
import os
import shutil
import time
from pathlib import Path

import torch

from openitr.encoders import load

from . import cards, measure
from .bag import Bag
from .export import NAME, difference, write
from .inputs import prepare
from .teacher import Teacher
from .train import Plan, train


def build(data: Path, out: Path, cache: Path, plan: Plan, seed: int, final: bool) -> None:
    """Read, train, write, measure; the folder `out`/multilingual is replaced when the new one is whole."""
    start = time.time()
    given = prepare(data, cache)
    torch.manual_seed(seed)
    bag = Bag(len(given.known), given.pictures.shape[1])
    state = cache / f"bag-{plan.epochs}-{seed}-{len(given.known)}.pt"
    train(bag, given, plan, state, seed)
    built = out / ".multilingual"
    write(built, bag, given.known, out)
    texts = [given.read.text(s.text) for s in given.said if given.pairs[s.row].split == "held"][:200]
    print(f"the graph against the net, least cosine: {difference(built, bag, texts):.4f}", flush=True)
    encoder = load(str(built), threads=1, allow=out)
    figures = dict(cards.figures(encoder, data, final, Teacher(cache)))
    for name, rows in figures.items():
        print(f"\n{name}\n\n{measure.markdown(rows)}", flush=True)
    text = cards.card(figures, encoder, data, plan, len(given.known), time.time() - start)
    (built / "MODEL_CARD.md").write_text(text, encoding="utf-8")
    target = out / NAME
    shutil.rmtree(target, ignore_errors=True)
    built.rename(target)
    print(f"done in {time.time() - start:.0f} s: {target}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m recipes.multilingual", description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("OPENITR_DATA"), help="the data folder")
    parser.add_argument("--out", type=Path, default=Path("src/openitr/encoders/weights"), help="where `default` lies")
    parser.add_argument("--cache", type=Path, default=Path(".cache/multilingual"), help="vectors; safe to delete")
    parser.add_argument("--epochs", type=int, default=Plan.epochs)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draft", action="store_true", help="leave Flickr8k val unread")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    if given.data is None:
        parser.error("give --data or set OPENITR_DATA")
    torch.set_num_threads(given.threads)
    build(Path(given.data), given.out, given.cache, Plan(epochs=given.epochs), given.seed, not given.draft)


if __name__ == "__main__":
    main()
