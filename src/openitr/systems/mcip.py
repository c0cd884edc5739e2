"""MCIP and 2SFT: pictures that find like pictures, without losing the texts that find them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    from torch import Tensor, nn

    from openitr.embeddings import Ints

SEEDS, SORTS, WIDTH = 3, 4, 64
WAYS: tuple[Literal["start", "arc", "2sft", "mcip"], ...] = ("start", "arc", "2sft", "mcip")


def experiment(budget: Budget) -> Outcome:
    """Handwritten digits, four sorts of each: finding the same sort by picture, and naming the digit by text."""
    import copy

    import numpy as np
    import torch

    from openitr.models import BagOfWords, DualEncoder, Projector, WordTokenizer
    from openitr.objectives import UniCL
    from openitr.systems.digits import digits, prompts, said
    from openitr.train import Examples, Plan, Trainer
    from openitr.train.search_by_picture import tune_for_pictures

    data = digits()
    sorts = sorts_of(data.pictures, data.labels)
    captions = [said(data.labels, "en", seed) for seed in range(4)]
    tokenizer = WordTokenizer.fit([text for one in captions for text in one])
    texts = tokenizer.encode([captions[k][row] for row in range(len(sorts)) for k in range(4)])
    whole = Examples(data.pictures, texts, np.repeat(np.arange(len(sorts)), 4), torch.from_numpy(data.labels))
    asked = tokenizer.encode(prompts("en"))
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for seed in range(budget.seed, budget.seed + SEEDS):
        rows, aside = data.split(seed)
        kept = whole.some(rows)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            towers = Projector(64, width=WIDTH, dropout=0.1), BagOfWords(len(tokenizer), width=WIDTH)
            start = DualEncoder(*towers, dim=WIDTH)
        Trainer(start, UniCL(), Plan(epochs=8, batch=128, rate=2e-3, seed=seed), kept).fit()
        by_sort = Examples(kept.pictures, kept.texts, kept.owner, torch.from_numpy(sorts[np.sort(rows)]))
        for way in WAYS:
            model = copy.deepcopy(start)
            if way != "start":
                plan = Plan(epochs=15, batch=128, rate=2e-3, seed=seed)
                tune_for_pictures(model, by_sort, plan, way, realign=UniCL() if way == "2sft" else None)
            found[way].append(measured(model, data.pictures[aside], sorts[aside], data.labels[aside], asked))
    by_picture = {way: float(np.mean([one[0] for one in rows])) for way, rows in found.items()}
    by_text = {way: float(np.mean([one[1] for one in rows])) for way, rows in found.items()}
    gain = by_picture["arc"] - by_picture["start"]
    kept_gain = {way: (by_picture[way] - by_picture["start"]) / gain if gain > 0 else 0.0 for way in ("2sft", "mcip")}
    return Outcome(
        [
            Check(
                "classes alone raise mAP by picture by 0.1 or more and cost 10 points or more of accuracy by text",
                {
                    "mAP, start": round(by_picture["start"], 3),
                    "mAP, arc": round(by_picture["arc"], 3),
                    "accuracy, start": round(by_text["start"], 1),
                    "accuracy, arc": round(by_text["arc"], 1),
                },
                gain >= 0.1 and by_text["arc"] <= by_text["start"] - 10,
            ),
            *(
                Check(
                    f"{name} keeps more than 85% of the gain, and accuracy by text within 3 points of the start",
                    {
                        f"mAP, {way}": round(by_picture[way], 3),
                        f"gain kept, {way}": round(kept_gain[way], 3),
                        f"accuracy, {way}": round(by_text[way], 1),
                    },
                    kept_gain[way] > 0.85 and by_text[way] >= by_text["start"] - 3,
                )
                for way, name in (("2sft", "2SFT"), ("mcip", "MCIP"))
            ),
        ],
        f"scikit-learn digits: {len(sorts)} pictures of 10 digits in {SORTS} sorts each, a quarter held out, "
        f"{SEEDS} seeds",
        ["Sorts are clusters of the pixels of one digit; captions name the digit alone.", "The form of L_mc is ours."],
    )


def sorts_of(pictures: Tensor, labels: Ints) -> Ints:
    """Ten times ``SORTS`` classes: clusters within each digit."""
    import numpy as np
    import torch

    from openitr.train.clusters import Clusters

    found = np.zeros(len(labels), np.int64)
    for digit in range(10):
        rows = np.flatnonzero(labels == digit)
        own = pictures[torch.from_numpy(rows)]
        found[rows] = digit * SORTS + Clusters(SORTS, seed=digit).fit(own).assign(own)[:, 0].numpy()
    return found


def measured(model: nn.Module, pictures: Tensor, sorts: Ints, labels: Ints, asked: Tensor) -> tuple[float, float]:
    """mAP of pictures finding their sort, and how often the nearest class prompt is right, in percent."""
    import torch

    with torch.inference_mode():
        v = model.eval().encode_images(pictures)
        named = (v @ model.encode_texts(asked).T).argmax(1).numpy()
    return mean_average_precision((v @ v.T).numpy(), sorts), 100 * float((named == labels).mean())


def mean_average_precision(scores: object, sorts: Ints) -> float:
    """Over rows that have another row of their sort; a picture does not find itself.

    >>> import numpy as np
    >>> scores = np.array([[9.0, 3, 2, 1], [3, 9, 1, 2], [2, 1, 9, 3], [1, 2, 3, 9]])
    >>> mean_average_precision(scores, np.array([0, 1, 0, 1]))    # the own one comes second of three
    0.5
    """
    import numpy as np

    values = np.array(scores, np.float64)
    np.fill_diagonal(values, -np.inf)
    found = []
    for row, order in enumerate(np.argsort(-values, axis=1, kind="stable")[:, :-1]):
        right = sorts[order] == sorts[row]
        if right.any():
            found.append(float((right.cumsum() / np.arange(1, len(right) + 1))[right].mean()))
    return float(np.mean(found))


CARD = Card(
    slug="mcip",
    title="Optimizing CLIP models for image retrieval with maintained joint-embedding alignment (2SFT, MCIP)",
    year=2024,
    family="objectives",
    claim="Search by picture improves without loss of search by text, so that one vector per picture serves both.",
    parts=(
        "openitr.objectives.MCIP",
        "openitr.objectives.ArcMargin",
        "openitr.train.search_by_picture.tune_for_pictures",
    ),
    experiment=experiment,
)
