"""One command makes the lexicon model: `python -m recipes.lexicon --data $OPENITR_DATA`.

Starts from the finished default model, and the features that its recipe keeps in its cache.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch

from recipes.command import DRAFT, WEIGHTS, given, options
from recipes.default_model import corpus

from . import words
from .folder import finish
from .sources import source
from .train import Heads, Plan, described, named, pruned, train, weigh

SOURCES = ["flickr8k", "openclipart", "emoji", "fashion"]
COUNTS = ((4000, 4000), (100, 48), (100, 32), (64, 24), (64, 12), (32, 8), (24, 5))


def vocabulary(pairs: dict[str, list[corpus.Pair]]) -> tuple[list[str], int]:
    """Words of the training pictures alone, and how many of them can be learned."""
    texts = {name: [list(p.texts) for p in found if p.split == "train"] for name, found in pairs.items()}
    texts["fashion"] = [found[1:] for found in texts["fashion"]]
    return words.listed(texts["flickr8k"], [t for name in SOURCES[1:] for t in texts[name]])


def main() -> None:
    draft = f"{DRAFT} and write no model"
    parser = options(__doc__, cache=Path(".cache/default_model"), out=WEIGHTS / "lexicon", draft=draft)
    parser.add_argument("--work", type=Path, default=Path(".cache/lexicon"), help="unfinished training; safe to delete")
    parser.add_argument("--epochs", type=int, default=Plan.epochs)
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop after so many; the next call goes on")
    said = given(parser)
    data, cache, plan = said.data, said.cache, Plan(epochs=said.epochs)
    pairs = {name: corpus.load(data, name) for name in SOURCES}
    known, learned = vocabulary(pairs)
    default = said.out.parent / "default"
    sources = [source(data, pairs[name], default, cache, known, name == "flickr8k") for name in SOURCES]
    torch.manual_seed(plan.seed)
    heads = Heads(sources[0], learned, words.of_classes(known), plan)
    print(f"{len(known):,} words, {learned:,} of them learned; {described(plan)}", flush=True)
    said.work.mkdir(parents=True, exist_ok=True)
    if not train(heads, sources, plan, said.work / f"heads-{plan.epochs}.pt", said.seconds):
        print("not finished; call again to go on", flush=True)
        return
    seen, told, owner = weigh(heads, sources[0], "held")
    for images, texts in COUNTS:
        found = pruned(seen, told, owner, min(images, len(known)), min(texts, len(known)))
        print(f"500 held-out photos, {images} words a picture, {texts} a text: {found}", flush=True)
    share = named(seen, sources[0], "held")
    print(f"{share:.1f}% of a held-out photo's ten heaviest words stand in its captions", flush=True)
    if not said.draft:
        finish(heads, known, plan, data, cache, said.out, share)


if __name__ == "__main__":
    main()
