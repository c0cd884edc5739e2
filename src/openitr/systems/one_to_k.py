# mypy: disallow-subclassing-any=False
"""One picture and its K translations in one step, against English as the pivot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from zlib import crc32

from openitr.errors import DatasetError
from openitr.systems.card import Budget, Card, Check, Outcome, averages, numbers

if TYPE_CHECKING:
    from torch import Tensor

    from openitr.models import DualEncoder
    from openitr.objectives import Objective
    from openitr.train import Examples

LANGUAGES = ("en", "de", "fr", "es", "ru", "zh_CN")
SEEDS, EPOCHS, BUCKETS = 2, 30, 2048


def experiment(budget: Budget) -> Outcome:
    """Stamps named in six languages, texts as hashed character n-grams: recall, and how ranks differ by language."""
    import numpy as np

    from openitr.collection.places import cache_folder
    from openitr.datasets import read
    from openitr.objectives import InfoNCE, OneToK
    from openitr.train import Examples, Plan
    from openitr.train.frozen import FrozenTowers, feature_examples
    from openitr.train.probe import probe

    data = read(budget.data("tuxpaint")).filter(
        lambda pair: pair.id.endswith(".png") and all(lang in pair.texts for lang in LANGUAGES)
    )
    cache = cache_folder() / "features"
    seen = feature_examples(data, FrozenTowers(), lang="en", say=lambda line: None, cache=cache)
    if len(seen) != len(data):
        raise DatasetError(f"{len(data) - len(seen)} stamps cannot be decoded", "fetch the data again")
    said = [pair.texts[lang][0] for pair in data for lang in LANGUAGES]
    examples = Examples(seen.pictures, ngrams(said), np.repeat(np.arange(len(data)), len(LANGUAGES)))
    schemes: dict[str, tuple[Objective, int]] = {
        "1-to-K": (OneToK(), 0),
        "English pivot": (pivot(), 0),
        "one language a step": (InfoNCE(), 1),
    }
    recall, variance = ({name: list[float]() for name in schemes} for _ in range(2))
    for seed in range(budget.seed, budget.seed + SEEDS):
        order = np.random.default_rng(seed).permutation(len(examples))
        train, held = examples.some(order[: len(order) * 3 // 4]), examples.some(order[len(order) * 3 // 4 :])
        for name, (objective, texts) in schemes.items():
            plan = Plan(epochs=EPOCHS, batch=128, rate=1e-3, texts=texts, seed=seed)
            model, _ = probe(train, held, objective, plan)
            found = by_language(model, held)
            recall[name].append(found[0])
            variance[name].append(found[1])
    r10 = averages(recall)
    mrv = averages(variance)
    return Outcome(
        [
            Check(
                "text-to-picture R@10, mean of the languages and seeds, is above that of the English pivot",
                numbers("R@10", r10, 2),
                r10["1-to-K"] > r10["English pivot"],
            ),
            Check(
                "ranks vary less from language to language (mean rank variance) than with the pivot",
                numbers("MRV", mrv, 1),
                mrv["1-to-K"] < mrv["English pivot"],
            ),
        ],
        f"Tux Paint: {len(examples)} stamps in {', '.join(LANGUAGES)}, a quarter held out, {EPOCHS} epochs, "
        f"{SEEDS} seeds",
        [
            "One random language a step is reported, not asserted against.",
            "Loss only: the paper adds a fusion encoder.",
        ],
    )


def ngrams(texts: Sequence[str]) -> Tensor:
    """Texts as counts of their hashed 1- to 4-grams of characters, logarithmic, of length 1: (n, BUCKETS)."""
    import torch

    found = torch.zeros(len(texts), BUCKETS)
    for row, text in enumerate(texts):
        padded = f" {text.lower().strip()} "
        for size in range(1, 5):
            for at in range(len(padded) - size + 1):
                found[row, crc32(padded[at : at + size].encode()) % BUCKETS] += 1
    return torch.nn.functional.normalize(found.log1p(), dim=1)


def pivot() -> Objective:
    """The usual way: pictures meet English, and English meets every other language."""
    from openitr.objectives import Batch, InfoNCE, Objective

    class EnglishPivot(Objective):
        def __init__(self) -> None:
            super().__init__()
            self.pictures, self.texts = InfoNCE(), InfoNCE()

        def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
            english, *others = batch.texts.unflatten(0, (-1, len(LANGUAGES))).unbind(1)
            found: dict[str, tuple[float, Tensor, Tensor | None]] = {
                "pictures": (1.0, self.pictures(Batch(batch.images, english)).reshape(1), None)
            }
            for lang, texts in zip(LANGUAGES[1:], others, strict=True):
                found[lang] = 1 / len(others), self.texts(Batch(english, texts)).reshape(1), None
            return found

    return EnglishPivot()


def by_language(model: DualEncoder, held: Examples) -> tuple[float, float]:
    """Mean R@10 over the languages in percent, and mean rank variance, of texts asking for pictures."""
    from openitr.embeddings import DenseEmbeddings
    from openitr.evaluate import Positives, rank_all
    from openitr.evaluate.metrics.languages import mean_rank_variance
    from openitr.train import encode

    images, texts, owner = encode(model, held)
    ranks = rank_all(
        DenseEmbeddings.normalise(texts), DenseEmbeddings.normalise(images), Positives.of_texts(owner)
    ).first.reshape(-1, len(LANGUAGES))
    return float((ranks <= 10).mean() * 100), mean_rank_variance(ranks)


CARD = Card(
    slug="one-to-k",
    title="Towards Cross-Lingual Cross-Modal Retrieval: 1-to-K contrastive learning (CCRK)",
    year=2024,
    family="objectives",
    claim="Aligning a picture with its K translations at once raises recall and evens out ranks between languages.",
    parts=(
        "openitr.objectives.OneToK",
        "openitr.evaluate.metrics.languages.mean_rank_variance",
        "openitr.train.probe.probe",
    ),
    experiment=experiment,
)
