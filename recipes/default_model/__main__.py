"""One command rebuilds everything under `weights/`: `python -m recipes.default_model --data $OPENITR_DATA`."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import torch

from recipes.command import given, options, place

from . import cards, corpus
from .conse import Conse, Settings, class_matrix, class_sentences
from .folders import MAX_TOKENS, TERMS, write_manifest, write_tokenizer
from .gate import PICTURE, choose, fit_gate
from .graphs import write_conse, write_default, write_towers
from .inputs import linear, prepare
from .onnx_check import Finished
from .projector import DIM, Together
from .second import write_second
from .train import Plan, train

SOURCES = ["flickr8k", "openclipart", "emoji", "fashion"]
PROBE_SEED = 99


def build(data: Path, out: Path, cache: Path, seeds: list[int], plan: Plan, final: bool) -> None:
    """Towers, ConSE, projectors, the two model folders, their figures and cards."""
    from openitr.encoders.manifest import seal

    start = time.time()
    out.mkdir(parents=True, exist_ok=True)
    built = out / ".building"
    shutil.rmtree(built, ignore_errors=True)
    towers = cache / "towers"
    if not (towers / "text.onnx").exists():
        write_towers(towers)
    write_tokenizer(towers / "tokenizer.json")
    shutil.copytree(towers, built / "towers")
    conse = Conse(class_matrix(cache), Settings())
    write_conse(built / "conse", conse)
    sources = [prepare(data, corpus.load(data, s), towers, cache, conse, s == "flickr8k") for s in SOURCES]
    projectors = [train(sources, plan, seed, cache / f"projector-{seed}.safetensors") for seed in seeds]
    probe = train(sources[:1], replace(plan, epochs=plan.epochs // 2), PROBE_SEED, cache / "probe.safetensors")
    gate = fit_gate(sources, torch.from_numpy(class_sentences(cache)))
    write_second(built / "default" / "second.onnx")
    pairs = corpus.load(data, SOURCES[0])
    lines, line = linear(data, pairs, sources[0], built / "default" / "second.onnx", cache)
    low, high = choose(projectors, line, probe, conse, gate, sources)
    write_default(built / "default", Together(projectors, lines, conse, gate, PICTURE, low, high).eval())
    dims = {"conse": 384, "default": len(seeds) * DIM + line[0].shape[1] + 384}
    for name, dim in dims.items():
        write_manifest(built / name, dim)
        (built / name / "MODEL_CARD.md").write_text("being measured\n", encoding="utf-8")
        seal(built / name, allow=built)
    print(f"built in {time.time() - start:.0f} s; now the figures of the finished files", flush=True)
    figures = {name: cards.measure(Finished(built / name), data, final) for name in ("conse", "default")}
    ids = [p.image for p in corpus.breadth(data)]
    digest = corpus.data_hash(data, SOURCES)
    made = cards.Build(plan, seeds, low, high, digest, SOURCES, time.time() - start)
    for name in figures:
        text = cards.card(name, figures, dims[name], MAX_TOKENS, TERMS[name], made, len(ids))
        (built / name / "MODEL_CARD.md").write_text(text, encoding="utf-8")
    Path(__file__).with_name("breadth_ids.txt").write_text("\n".join(ids) + "\n", encoding="utf-8")
    # A calibration belongs to the vectors it was fitted on, so an old one goes: fit it again after a rebuild.
    for folder in sorted(built.iterdir()):
        place(folder, out / folder.name)
    built.rmdir()
    print(f"done in {time.time() - start:.0f} s: {out}", flush=True)


def main() -> None:
    parser = options(__doc__, cache=Path(".cache/default_model"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="one projector each")
    parser.add_argument("--epochs", type=int, default=Plan.epochs)
    said = given(parser)
    build(said.data, said.out, said.cache, said.seeds, Plan(epochs=said.epochs), not said.draft)


if __name__ == "__main__":
    main()
