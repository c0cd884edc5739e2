"""One command rebuilds `weights/multilingual`: `python -m recipes.multilingual --data $OPENITR_DATA`."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from openitr.encoders import load
from recipes.command import given, options, place

from . import calibrate, cards, measure
from .bag import Bag
from .export import NAME, difference, write
from .inputs import prepare
from .teacher import Teacher
from .train import Plan, train


def build(data: Path, out: Path, cache: Path, dictionaries: Path, plan: Plan, seed: int, final: bool) -> None:
    """Read, train, write, measure; the folder `out`/multilingual is replaced when the new one is whole."""
    start = time.time()
    inputs = prepare(data, cache, dictionaries)
    torch.manual_seed(seed)
    bag = Bag(len(inputs.known), inputs.pictures.shape[1])
    state = cache / f"bag-{plan.epochs}-{seed}-{len(inputs.known)}.pt"
    train(bag, inputs, plan, state, seed)
    built = out / f".{NAME}"
    write(built, bag, inputs.known, out)
    texts = [inputs.read.text(s.text) for s in inputs.said if inputs.pairs[s.row].split == "held"][:200]
    print(f"the graph against the net, least cosine: {difference(built, bag, texts):.4f}", flush=True)
    encoder = load(str(built), threads=1, allow=out)
    figures = dict(cards.figures(encoder, data, final, Teacher(cache)))
    for name, rows in figures.items():
        print(f"\n{name}\n\n{measure.markdown(rows)}", flush=True)
    calibration = calibrate.take_over(built, out)
    sure = f"{calibrate.TITLE}\n\nThere is no calibration: probabilities are estimates.\n"
    if calibration is not None:
        sure = calibrate.section(calibrate.held(data, encoder, calibration, Teacher(cache)))
    text = cards.card(figures, sure, encoder, data, plan, len(inputs.known), start)
    (built / "MODEL_CARD.md").write_text(text, encoding="utf-8")
    place(built, out / NAME)
    print(f"done in {time.time() - start:.0f} s: {out / NAME}", flush=True)


def main() -> None:
    parser = options(__doc__, cache=Path(".cache/multilingual"))
    parser.add_argument("--epochs", type=int, default=Plan.epochs)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dictionaries", type=Path, default=Path("/usr/share/dictd"), help="where FreeDict's lie")
    said = given(parser)
    plan = Plan(epochs=said.epochs)
    build(said.data, said.out, said.cache, said.dictionaries, plan, said.seed, not said.draft)


if __name__ == "__main__":
    main()
