"""SyCoCa: words from the picture and hidden patches from the words; what is hidden is what the text is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome, numbers

if TYPE_CHECKING:
    from openitr.models import SymmetricCaptioner, WordTokenizer
    from openitr.models.captioner_both_ways import Mode
    from openitr.systems.two_shapes import TwoShapes

WIDTH, PATCH, TRAIN, HELD, EPOCHS = 48, 16, 1600, 96, 12


def experiment(budget: Budget) -> Outcome:
    """Pictures of two shapes: what the text is worth to the painter, by what is hidden, and what retrieval gains."""
    from openitr.models import WordTokenizer
    from openitr.systems.two_shapes import two_shapes

    held = two_shapes(HELD, budget.seed + 1000, different=True)
    train = two_shapes(TRAIN, budget.seed, without=held.texts)
    tokenizer = WordTokenizer.fit(train.texts, length=8)
    models = {
        "contrast alone": trained(train, tokenizer, (0.0, 0.0), "high", budget.seed),
        "most relevant hidden": trained(train, tokenizer, (2.0, 1.0), "high", budget.seed),
        "any hidden": trained(train, tokenizer, (2.0, 1.0), "random", budget.seed),
    }
    alone, high, random = models
    true, wrong = ({name: painted(models[name], held, tokenizer, swap) for name in (high, random)} for swap in (0, 1))
    gaps = {name: wrong[name] - true[name] for name in true}
    found = {name: recall(model, held, tokenizer) for name, model in models.items()}
    return Outcome(
        [
            Check(
                "hidden patches are painted better with the true caption than with the one with colours swapped",
                {
                    f"distance, {words}, {name}": round(values[name], 3)
                    for name in true
                    for words, values in (("true", true), ("swapped", wrong))
                },
                all(gap > 0 for gap in gaps.values()),
            ),
            Check(
                "the text is worth more where the most relevant patches are hidden than where any are",
                {f"worth of the text, {name}": round(gap, 3) for name, gap in gaps.items()},
                gaps[high] > gaps[random],
            ),
            Check(
                "text-to-image R@1 is not below that of contrast alone after as many steps",
                numbers("R@1", found, 2),
                found[high] >= found[alone],
            ),
        ],
        f"{TRAIN} pictures of two shapes to train on, {HELD} with other captions held out; 4 patches, half of them "
        f"hidden; models from scratch, {EPOCHS} epochs each",
        [
            "The system is built from its description in the paper: weights, ratio, what the captioner sees and how a "
            "patch is compared with the text are ours.",
            "A patch is a quarter of the picture: each shape lies in one, and two of the four are empty.",
        ],
    )


def trained(
    train: TwoShapes, tokenizer: WordTokenizer, weights: tuple[float, float], mode: Mode, seed: int
) -> SymmetricCaptioner:
    """A symmetric captioner from scratch, with weights of captioning and restoring."""
    import torch

    from openitr.models import SymmetricCaptioner, ViT
    from openitr.objectives import BothWays
    from openitr.train import Plan, Trainer

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tower = ViT(32, patch=PATCH, width=WIDTH, depth=2)
        model = SymmetricCaptioner(
            tower, len(tokenizer), mode=mode, dim=WIDTH, length=8, width=WIDTH, depth=1, queries=8
        )
    loss = BothWays(caption=weights[0], restore=weights[1])
    Trainer(model, loss, Plan(epochs=EPOCHS, batch=64, rate=3e-3, seed=seed), train.examples(tokenizer)).fit()
    return model


def painted(model: SymmetricCaptioner, held: TwoShapes, tokenizer: WordTokenizer, swap: int) -> float:
    """Mean distance of painted patches from the true ones; the true text says what is hidden in either case."""
    import numpy as np
    import torch

    pictures = held.examples(tokenizer).images(np.arange(len(held)))
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(0)
        hidden = model.restore(pictures, tokenizer.encode(held.texts))[2]
        told = (held.swapped() if swap else held).texts
        rebuilt, pixels, _ = model.restore(pictures, tokenizer.encode(told), hidden=hidden)
    return float((rebuilt - pixels).norm(dim=1).mean())


def recall(model: SymmetricCaptioner, held: TwoShapes, tokenizer: WordTokenizer) -> float:
    """Text-to-image R@1 of the vectors, in percent."""
    import numpy as np

    from openitr.systems.two_shapes import first_rank
    from openitr.train import encode

    images, texts, _ = encode(model, held.examples(tokenizer))
    return first_rank(texts @ images.T, np.arange(len(held)))


CARD = Card(
    slug="sycoca",
    title="SyCoCa: symmetrizing contrastive captioners with attentive masking for multimodal alignment",
    year=2024,
    family="objectives",
    claim="Restoring hidden patches from the text, beside captioning, aligns both ways; hide what the text is about.",
    parts=("openitr.models.SymmetricCaptioner", "openitr.models.attentive_mask", "openitr.objectives.BothWays"),
    experiment=experiment,
)
