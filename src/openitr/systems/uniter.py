"""UNITER: words and regions in one transformer, aligned by optimal transport, re-score what a dual encoder found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    from torch import Tensor

    from openitr.embeddings import Floats
    from openitr.models import SingleStream, WordTokenizer
    from openitr.systems.two_shapes import TwoShapes
    from openitr.train import Examples

WIDTH, TRAIN, HELD, TOP = 48, 1200, 96, 20


def experiment(budget: Budget) -> Outcome:
    """Transport against linear programming; pictures whose two shapes are given as regions, re-scored pair by pair."""
    import torch

    from openitr.models import WordTokenizer
    from openitr.objectives import transport_distance
    from openitr.systems.two_shapes import two_shapes

    held = two_shapes(HELD, budget.seed + 1000, different=True)
    train = two_shapes(TRAIN, budget.seed, without=held.texts)
    tokenizer = WordTokenizer.fit(train.texts, length=8)
    rows, columns, off = against_linear_programme(budget.seed)
    x = torch.randn(8, 16, generator=torch.Generator().manual_seed(budget.seed))
    there = torch.ones(8, dtype=torch.bool)
    same = float(transport_distance(x, x.flip(0), there, there))
    dual, joint, swapped = scored(train, held, tokenizer, budget.seed)
    return Outcome(
        [
            Check(
                "fifty iterations transport within 1% of the linear programme's optimum",
                {"largest difference, %": round(100 * off, 3)},
                off < 0.01,
            ),
            Check(
                "shares are right to 1e-3 on the side scaled last, and on average on the other",
                {
                    "shares off, last side": float(f"{columns:.2g}"),
                    "shares off, mean of the other": float(f"{rows:.2g}"),
                },
                columns < 1e-3 and rows < 1e-3,
            ),
            Check(
                "the same tokens in another order are no distance away",
                {"distance": float(f"{same:.2g}")},
                abs(same) < 1e-4,
            ),
            Check(
                f"re-scoring the best {TOP} of a dual encoder raises text-to-image R@1",
                {"R@1, dual encoder": round(dual, 2), "R@1, re-scored": round(joint, 2)},
                joint > dual,
            ),
            Check(
                "the true caption is more probable than the one with colours swapped (reported)",
                {"swaps found out, %": round(swapped, 2)},
                swapped > 50,
                counts=False,
            ),
        ],
        f"{TRAIN} pictures of two shapes to train on, {HELD} with other captions held out; regions are the pixels of "
        f"the true boxes; models from scratch, as many steps for both; 30 random transport problems",
        [
            "After fifty iterations the worst single share of a random problem may be off by some thousandths, "
            "so the mean is held to 1e-3.",
            "Masked regions, which need a detector's classes, are left out; the tasks are summed, not drawn.",
            f"One answer of {HELD} is {100 / HELD:.2f} points.",
        ],
    )


def against_linear_programme(seed: int, problems: int = 30) -> tuple[float, float, float]:
    """Mean miss of the rows' shares, largest miss of the columns', largest relative miss of the cost."""
    import numpy as np
    import torch
    from scipy.optimize import linprog

    from openitr.objectives import transport_plan

    made = torch.Generator().manual_seed(seed)
    rows, columns, off = [], [], []
    for _ in range(problems):
        many = [int(n) for n in torch.randint(4, 12, (2,), generator=made)]
        words, regions = (
            torch.nn.functional.normalize(torch.randn(n, 32, generator=made, dtype=torch.float64), dim=1) for n in many
        )
        cost = 1 - words @ regions.T
        plan = transport_plan(cost, *(torch.ones(n, dtype=torch.bool) for n in many))
        rows.append(float((plan.sum(1) - 1 / many[0]).abs().mean()))
        columns.append(float((plan.sum(0) - 1 / many[1]).abs().max()))
        sends, receives = (
            np.kron(np.eye(many[0]), np.ones((1, many[1]))),
            np.kron(np.ones((1, many[0])), np.eye(many[1])),
        )
        shares = np.concatenate([np.full(n, 1 / n) for n in many])
        best = float(linprog(cost.numpy().ravel(), A_eq=np.vstack([sends, receives]), b_eq=shares).fun)
        off.append(abs(float((cost * plan).sum()) - best) / best)
    return float(np.mean(rows)), max(columns), max(off)


def scored(train: TwoShapes, held: TwoShapes, tokenizer: WordTokenizer, seed: int) -> tuple[float, float, float]:
    """R@1 of a dual encoder, of its best re-scored, and how many swapped captions are found out, percent."""
    import numpy as np
    import torch

    from openitr.models import DualEncoder, Regions, SingleStream, TextTransformer, ViT
    from openitr.objectives import InfoNCE, SingleStreamLoss
    from openitr.search.rerank import CrossEncoder
    from openitr.systems.two_shapes import first_rank, reranked
    from openitr.train import Plan, Trainer, encode

    data, unseen = examples(train, tokenizer), examples(held, tokenizer)
    features, vocab = data.pictures.shape[2] - 7, len(tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        text = TextTransformer(vocab, length=8, width=WIDTH, depth=2)
        dual = DualEncoder(ViT(32, patch=16, width=WIDTH, depth=2), text, WIDTH)
        words = TextTransformer(vocab, length=8, width=WIDTH, depth=0)
        joint = SingleStream(Regions(features, width=WIDTH), words, WIDTH, depth=3)
    plan = Plan(epochs=10, batch=32, rate=2e-3, seed=seed)
    Trainer(dual, InfoNCE(), plan, train.examples(tokenizer)).fit()
    Trainer(joint, SingleStreamLoss(), plan, data).fit()
    images, texts, _ = encode(dual, held.examples(tokenizer))
    found, own = texts @ images.T, np.arange(len(held))

    scorer = CrossEncoder(joint, tokenizer, held.regions().__getitem__, view=stacked)
    wrong = examples(held.swapped(), tokenizer).texts
    told = told_apart(joint, unseen.images(own), unseen.texts, wrong)
    return first_rank(found, own), first_rank(reranked(found, held.texts, scorer, TOP), own), told


def stacked(regions: Sequence[Floats]) -> Tensor:
    """Regions of several pictures as one tensor."""
    import numpy as np
    import torch

    return torch.from_numpy(np.stack(list(regions)))


def told_apart(model: SingleStream, images: Tensor, right: Tensor, wrong: Tensor) -> float:
    """How often the right text of a picture is more probable than the wrong one, in percent."""
    return float((model.match(images, right) > model.match(images, wrong)).float().mean() * 100)


def examples(some: TwoShapes, tokenizer: WordTokenizer) -> Examples:
    """TwoShapes as regions and ids."""
    import numpy as np
    import torch

    from openitr.train import Examples

    return Examples(torch.from_numpy(some.regions()), tokenizer.encode(some.texts), np.arange(len(some)))


CARD = Card(
    slug="uniter",
    title="UNITER: universal image-text representation learning",
    year=2019,
    family="fusion-rerank",
    claim="One transformer over words and regions, aligned by optimal transport, scores pairs better than two towers.",
    parts=(
        "openitr.models.SingleStream",
        "openitr.objectives.transport_distance",
        "openitr.objectives.SingleStreamLoss",
        "openitr.search.rerank.CrossEncoder",
    ),
    experiment=experiment,
)
