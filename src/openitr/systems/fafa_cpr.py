"""Composed person retrieval (2023): the best few tokens of a target, kept apart, matched by soft identity labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from openitr.embeddings import Floats
from openitr.search.compose.weighted import weighted
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.systems.edited_scenes import Asked, edited_scenes
from openitr.systems.sprc import Read, fusion_share, read

if TYPE_CHECKING:
    from openitr.embeddings import Ints

REFERENCES, A_SECOND, TOKENS, K = 1200, 2.5, 8, 3


@dataclass(frozen=True, eq=False)
class Found:
    """What a training gave: (m, n) scores of the test queries, and the mean cosine of a target's different tokens."""

    scores: Floats
    likeness: float


def experiment(budget: Budget) -> Outcome:
    """FAFA with and without feature diversity, against the picture, the words and their sum."""
    from openitr.models import WordTokenizer

    world = edited_scenes(budget, train=REFERENCES)
    tokenizer = WordTokenizer.fit([one.text for one in world.train.triplets], length=24)
    train, test = read(world, world.train, tokenizer), read(world, world.test, tokenizer)
    asked = world.test
    steps = budget.steps(A_SECOND)
    ours, without = (
        fitted(world.train, train, asked, test, len(tokenizer), budget, diverse=diverse, steps=steps)
        for diverse in (True, False)
    )
    alpha = fusion_share(world.val)
    sums = asked.recall(weighted(asked.images[asked.references], asked.texts, alpha))
    image, text = asked.recall(asked.images[asked.references]), asked.recall(asked.texts)
    return Outcome(
        [
            Check(
                "R@1 beats image-only, text-only and the sum of embeddings",
                {
                    "R@1": asked.ranked(ours.scores),
                    "R@1 image only": image,
                    "R@1 text only": text,
                    "R@1 of the sum": sums,
                },
                asked.ranked(ours.scores) > max(image, text, sums),
            ),
            Check(
                "without feature diversity the tokens of a target are more alike",
                {
                    "mean token cosine": ours.likeness,
                    "mean token cosine without": without.likeness,
                    "R@1 without": asked.ranked(without.scores),
                },
                without.likeness > ours.likeness,
            ),
        ],
        f"{len(asked.triplets)} edits over {len(asked.scenes)} scenes; trained on {len(world.train.triplets)} others",
        [
            "things in scenes stand in for people: edits of one scene are one identity",
            f"{steps} steps on frozen tokens, {TOKENS} tokens of a target of which {K} count (the paper: 32 and 6)",
        ],
    )


def fitted(
    asked: Asked,
    given: Read,
    held: Asked,
    shown: Read,
    vocab: int,
    budget: Budget,
    *,
    diverse: bool,
    steps: int,
) -> Found:
    """Train on ``asked``, score ``held``."""
    import torch
    from torch import nn

    from openitr.diagnose.towers import fit
    from openitr.models.token_composer import TokenComposer
    from openitr.objectives.fafa import FeatureDiversity, MaskedFeatureReasoning, TopKSDM, top_k_score

    torch.manual_seed(budget.seed)
    model = TokenComposer(vocab, given.tokens.shape[-1], queries=TOKENS)
    align, apart, reason = TopKSDM(K), FeatureDiversity(), MaskedFeatureReasoning(64)
    before, after = torch.as_tensor(asked.references), torch.as_tensor(asked.targets)

    def loss(rows: Ints) -> torch.Tensor:
        chosen = torch.as_tensor(rows)
        queries = model.compose(given.tokens[before[chosen]], given.ids[chosen])
        targets = model.targets(given.tokens[after[chosen]])
        total = align(queries, targets, before[chosen]) + 0.5 * reason(queries, targets)
        return total + apart(targets) if diverse else total

    parts = nn.ModuleList([model, align, reason])
    fit(parts, loss, len(asked.triplets), steps=steps, batch=128, rate=2e-3, seed=budget.seed)
    with torch.no_grad():
        targets = model.targets(shown.tokens)
        queries = model.compose(shown.tokens[torch.as_tensor(held.references)], shown.ids)
        cosines = targets @ targets.transpose(1, 2)
        other = ~torch.eye(TOKENS, dtype=torch.bool)
        scores = np.asarray(top_k_score(queries, targets, K).numpy(), np.float32)
    return Found(scores, float(cosines[:, other].mean()))


CARD = Card(
    slug="fafa-cpr",
    title="Composed Person Retrieval: SynCPR and Fine-grained Adaptive Feature Alignment (FAFA)",
    year=2023,
    family="search/compose",
    claim="Matching a composed query with the best few of a target's diverse tokens finds the same person changed.",
    parts=(
        "openitr.models.token_composer.TokenComposer",
        "openitr.objectives.fafa.TopKSDM",
        "openitr.objectives.fafa.FeatureDiversity",
        "openitr.objectives.fafa.MaskedFeatureReasoning",
    ),
    experiment=experiment,
)
