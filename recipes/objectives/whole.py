"""Objectives over whole pictures and texts: projectors on the features of the frozen towers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from openitr.models import DualEncoder, Projector, unit_weights
from openitr.models.tower import Encoded
from openitr.objectives import (
    CLIA,
    MCIP,
    ArcMargin,
    Boost,
    CaptionArcMargin,
    CircleLoss,
    ClusterDiscrimination,
    Contrastive,
    DirectionalRank,
    FilteredHardNegative,
    InfoNCE,
    LexiconContrast,
    MomentumContrast,
    Objective,
    OneToK,
    Sampled,
    Scold,
    Several,
    SigLIP,
    Slow,
    SmallLoss,
    SoftContext,
    Softened,
    StructuredSparse,
    Triplet,
    UniCL,
)
from openitr.train import Plan
from openitr.train.boosted import boosted
from openitr.train.clusters import Clusters
from recipes.objectives.row import Build, Row, Setting, as_usual

DIM, WORDS, CLUSTERS = 128, 1000, 64


def projectors(setting: Setting, dim: int = DIM) -> DualEncoder:
    """A net for each side, features standardised by what the training part is like."""
    train = setting.train
    sides = [Projector(x.shape[1], width=DIM) for x in (train.pictures, train.texts)]
    for side, features in zip(sides, (train.pictures, train.texts), strict=True):
        side.fit(features)
    return DualEncoder(*sides, dim)


class Lexical(DualEncoder):
    """Projectors to sparse weights over words that nobody has named."""

    def view_images(self, images: Tensor | None = None, **rest: Any) -> Encoded:
        return self._weighed(self.image(images), self.image_head)

    def view_texts(self, ids: Tensor | None = None, **rest: Any) -> Encoded:
        return self._weighed(self.text(ids), self.text_head)

    def _weighed(self, seen: Encoded, head: nn.Module) -> Encoded:
        whole = unit_weights(head(seen.pooled))
        return Encoded(whole, whole.unsqueeze(1), seen.mask)


def lexical(setting: Setting) -> Lexical:
    """The same towers with wide heads."""
    made = projectors(setting, WORDS)
    return Lexical(made.image, made.text, WORDS)


class Mapped(nn.Module):
    """A model whose texts pass through a learned similarity, so that it is an inner product again."""

    def __init__(self, model: nn.Module, similarity: StructuredSparse) -> None:
        super().__init__()
        self.encode_images = model.encode_images
        self.encode_texts = lambda ids: similarity.map_texts(model.encode_texts(ids))


def mapped(model: nn.Module, objective: Objective, plan: Plan, setting: Setting, build: Build) -> nn.Module:
    """Measured with the similarity that was learned."""
    similarity = objective.similarity
    assert isinstance(similarity, StructuredSparse)
    return Mapped(as_usual(model, objective, plan, setting, build), similarity)


def beside(model: nn.Module, objective: Objective, plan: Plan, setting: Setting, build: Build) -> nn.Module:
    """With a second model that is trained alongside and thrown away."""
    assert isinstance(objective, Boost)
    boosted(build(setting), model, setting.train, plan, boost=objective)
    return model


def pictures_first(model: nn.Module, objective: Objective, plan: Plan, setting: Setting, build: Build) -> nn.Module:
    """Half of the steps on the pictures alone; then the texts to them, with the pictures' side frozen."""
    half = replace(plan, epochs=max(1, plan.epochs // 2))
    as_usual(model, objective, replace(half, freeze=("text",)), setting, build)
    model.requires_grad_(True)
    return as_usual(model, InfoNCE(), replace(half, freeze=("image",)), setting, build)


def labelled(setting: Setting) -> Setting:
    """Flickr8k has no labels: clusters of the pictures' features stand for them."""
    seen = setting.train.pictures
    features = (seen - seen.mean(0)) / seen.std(0).clamp(min=1e-3)
    labels = Clusters(min(CLUSTERS, len(seen) // 4)).fit(features).assign(features)[:, 0]
    return replace(setting, train=replace(setting.train, labels=torch.as_tensor(labels)))


ROWS = [
    Row("InfoNCE", lambda s: InfoNCE()),
    Row("InfoNCE, label smoothing 0.1", lambda s: InfoNCE(smoothing=0.1)),
    Row("SigLIP", lambda s: SigLIP()),
    Row("CLIA, focal 2", lambda s: CLIA(gamma=2.0)),
    Row("SoftContext", lambda s: SoftContext()),
    Row("Softened", lambda s: Softened(steps=s.steps)),
    Row("SmallLoss", lambda s: SmallLoss()),
    Row("InfoNCE with slow targets", lambda s: Contrastive(targets=Slow())),
    Row("MomentumContrast", lambda s: MomentumContrast(s.dim, queue=1024)),
    Row("OneToK, all five captions", lambda s: OneToK(), texts=0),
    Row("CaptionArcMargin, all five captions", lambda s: CaptionArcMargin(), texts=0),
    Row(
        "InfoNCE on StructuredSparse",
        lambda s: Contrastive(similarity=StructuredSparse(s.dim, gated=False)),
        learn=mapped,
    ),
    Row("LexiconContrast, 1,000 words", lambda s: LexiconContrast(), build=lexical),
    Row("CircleLoss", lambda s: CircleLoss()),
    Row("Triplet (VSE++)", lambda s: Triplet()),
    Row("FilteredHardNegative", lambda s: FilteredHardNegative()),
    Row("DirectionalRank, both ways", lambda s: DirectionalRank()),
    Row("DirectionalRank, a tenth of the negatives", lambda s: DirectionalRank(mining=Sampled(0.1))),
    Row("Boost beside Triplet", lambda s: Boost(), learn=beside),
    Row("UniCL, clusters as labels", lambda s: UniCL()),
    Row("Scold, clusters as labels", lambda s: Scold()),
    Row("InfoNCE + ArcMargin, clusters", lambda s: Several(InfoNCE(), ArcMargin(s.classes, s.dim))),
    Row("MCIP, clusters, all five captions", lambda s: MCIP(s.classes, s.dim), texts=0),
    Row(
        "ClusterDiscrimination, then InfoNCE",
        lambda s: ClusterDiscrimination(s.classes, s.dim),
        learn=pictures_first,
    ),
]
