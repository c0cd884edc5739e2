"""Objectives that look at patches and words: small transformers on the frozen picture tower's map and on word ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.datasets import PairDataset
from openitr.models import (
    AlignThenFuse,
    CoCa,
    DualEncoder,
    FusionInBackbone,
    Injected,
    TextTransformer,
    ViT,
    WordTokenizer,
)
from openitr.objectives import (
    TCL,
    AlignThenFuseLoss,
    Assigned,
    ContrastAndCaption,
    Contrastive,
    FusedBackboneLoss,
    InfoNCE,
    LightCLIPLoss,
    LongShort,
    Matching,
    MaxSim,
    Several,
    SubCaptions,
    Transport,
)
from openitr.train import Examples
from openitr.train.frozen import FrozenTowers
from openitr.train.prepare import read_pixels
from recipes.objectives.row import Row, Setting

DIM, DEPTH, HEADS, SIDE, LENGTH, SHORT, PIECE = 128, 1, 4, 3, 32, 12, 128


class Patches(ViT):
    """A transformer over the cells of a frozen map instead of pixels.

    Args:
        features: Of a cell.
    """

    def __init__(self, features: int) -> None:
        super().__init__(SIDE, patch=1, width=DIM, depth=DEPTH, heads=HEADS)
        self.patches = nn.Sequential(nn.LayerNorm(features, elementwise_affine=False), nn.Linear(features, DIM))

    def embed(self, cells: Tensor) -> Tensor:
        """(n, P, features) to (n, P, width)."""
        return self.patches(cells)


def examples(
    parts: list[PairDataset], towers: FrozenTowers, cache: Path, say: Callable[[str], None]
) -> tuple[list[Examples], WordTokenizer]:
    """Pictures as 3 x 3 cells of the frozen tower's last map, texts as ids of the words of the first part."""
    tokenizer = WordTokenizer.fit(parts[0].texts("en")[0], length=LENGTH, at_least=2)
    made = []
    for part in parts:
        texts, owner = part.texts("en")
        cells = torch.cat([_cells(part[at : at + PIECE], towers, cache, say) for at in range(0, len(part), PIECE)])
        made.append(Examples(cells.float(), tokenizer.encode(texts), owner, content_hash=part.hash))
    return made, tokenizer


def _cells(piece: PairDataset, towers: FrozenTowers, cache: Path, say: Callable[[str], None]) -> Tensor:
    """(n, 9, 1280) of some pictures, from the cache where they are there already."""
    path = cache / f"cells-{piece.hash[:16]}-{towers.digest[:8]}.npy"
    if not path.exists():
        pixels, read, _ = read_pixels(piece, towers.preparation, say)
        if len(read) < len(piece):
            raise SystemExit("a picture cannot be decoded: take it out of the folder first")
        grid = F.adaptive_avg_pool2d(towers.maps(pixels, "grid"), SIDE)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, grid.flatten(2).transpose(1, 2).half().numpy())
        say(f"cells of {len(piece):,} pictures more")
    return torch.from_numpy(np.load(path, allow_pickle=False))


def towers(setting: Setting) -> tuple[ViT, TextTransformer]:
    """One block on each side, from scratch."""
    vocabulary = max(int(part.texts.max()) for part in (setting.train, setting.held)) + 1
    text = TextTransformer(vocabulary, length=LENGTH, width=DIM, depth=DEPTH, heads=HEADS)
    return Patches(setting.train.pictures.shape[2]), text


def dual(setting: Setting) -> DualEncoder:
    return DualEncoder(*towers(setting), DIM)


def injected(setting: Setting) -> Injected:
    return Injected(*towers(setting), DIM)


def fused_later(setting: Setting) -> AlignThenFuse:
    return AlignThenFuse(*towers(setting), DIM, depth=DEPTH)


def fused_inside(setting: Setting) -> FusionInBackbone:
    return FusionInBackbone(*towers(setting), DIM, fused=DEPTH)


def captioner(setting: Setting) -> CoCa:
    image, text = towers(setting)
    vocabulary = int(text.config["vocab"])
    return CoCa(image, vocabulary, dim=DIM, length=LENGTH, width=DIM, depth=DEPTH, heads=HEADS, queries=SIDE**2)


ROWS = [
    Row("InfoNCE", lambda s: InfoNCE()),
    Row("InfoNCE + MaxSim of tokens", lambda s: Several(InfoNCE(), Contrastive(similarity=MaxSim()))),
    Row("InfoNCE + optimal transport of tokens", lambda s: Several(InfoNCE(), Contrastive(similarity=Transport()))),
    Row("InfoNCE + matched tokens (Assigned)", lambda s: Several(InfoNCE(), Contrastive(similarity=Assigned()))),
    Row("TCL", lambda s: TCL(s.dim, queue=1024)),
    Row("SubCaptions, captions as sentences", lambda s: SubCaptions(), texts=0),
    Row("LongShort, short up to 12 ids, all captions", lambda s: LongShort(upto=SHORT), texts=0),
    Row("LightCLIPLoss", lambda s: LightCLIPLoss(steps=s.steps), build=injected),
    Row("InfoNCE + Matching", lambda s: Several(InfoNCE(), Matching()), build=fused_later),
    Row("AlignThenFuseLoss (ALBEF)", lambda s: AlignThenFuseLoss(s.dim, queue=1024), build=fused_later),
    Row("FusedBackboneLoss (FIBER)", lambda s: FusedBackboneLoss(), build=fused_inside),
    Row("ContrastAndCaption (CoCa)", lambda s: ContrastAndCaption(), build=captioner),
]
