"""ViLLA: descriptions taken apart, each piece to the region it speaks of, before pictures and texts are contrasted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome, averages, numbers

if TYPE_CHECKING:
    from torch import Tensor

    from openitr.models import DualEncoder
    from openitr.systems.docmnist import Documents

TRAIN, HELD, FEW, MANY, WIDTH, SEEDS = 300, 150, 1, 6, 64, 2


def experiment(budget: Budget) -> Outcome:
    """Documents of coloured digits, one or six to a page: who finds the regions that show an attribute?"""

    from openitr.systems.docmnist import documents

    f1: dict[str, list[float]] = {"mapper": [], "by chance": []}
    precision: dict[str, list[float]] = {}
    complexity = {}
    for seed in range(budget.seed, budget.seed + SEEDS):
        for filled, name in ((FEW, "simple"), (MANY, "complex")):
            kept = documents(TRAIN, filled, seed=seed)
            held = documents(HELD, MANY, seed=seed, train=False)
            complexity[name] = round(kept.complexity, 1)
            assigned = mapped(kept, seed)
            if name == "complex":
                f1["mapper"].append(f_score(assigned, kept.truth))
                f1["by chance"].append(f_score(scattered(kept, seed), kept.truth))
            for way, given in (("whole description", whole(kept)), ("ViLLA", assigned)):
                model = contrasted(kept, given, seed)
                precision.setdefault(f"{name}, {way}", []).append(r_precision(model, held))
    means = averages(f1)
    found = averages(precision)
    loss = {way: found[f"simple, {way}"] - found[f"complex, {way}"] for way in ("whole description", "ViLLA")}
    return Outcome(
        [
            Check(
                "attributes are assigned to regions that show them without a region's label: F1 above 0.7",
                numbers("F1", means, 3),
                means["mapper"] > 0.7 > 2 * means["by chance"],
            ),
            Check(
                "longer descriptions cost plain contrast R-precision of regions, and cost ViLLA less",
                {
                    **numbers("R-precision", found, 1),
                    **{f"loss, {way}": round(value, 1) for way, value in loss.items()},
                },
                loss["whole description"] > 0 and loss["ViLLA"] < loss["whole description"],
            ),
        ],
        f"DocMNIST of scikit-learn's digits: {TRAIN} pages of {FEW} and of {MANY} digits ({complexity['simple']} and "
        f"{complexity['complex']} attributes a page) to train on, {HELD} pages of other handwriting held out, "
        f"{SEEDS} seeds",
        [
            "Regions are the cells with a digit, their features the pixels; complex pages have six times as many, "
            "which helps whoever knows what they show.",
            "Attributes are asked for one by one; regions with equal texts share the target in both ways.",
        ],
    )


def mapped(pages: Documents, seed: int) -> Tensor:
    """What the mapper assigns: (n, 9, A) bool."""
    from openitr.train.regions import RegionAttributeMapper

    mapper = RegionAttributeMapper(attributes(pages), width=48, epochs=18, rate=3e-3, seed=seed)
    mapper.fit(pages.regions, pages.named)
    return mapper.assign(pages.regions, pages.named) & pages.filled.unsqueeze(2)


def attributes(pages: Documents) -> Tensor:
    """Frozen vectors of the attributes' names."""
    import torch

    from openitr.train.frozen import FrozenTowers

    sentences = FrozenTowers(threads=1).texts(list(pages.attributes))[:, :384]
    return torch.nn.functional.normalize(sentences - sentences.mean(0), dim=1)


def whole(pages: Documents) -> Tensor:
    """Every attribute of a page to every region: what a plain contrast of regions with descriptions takes for true."""
    return pages.named[:, None] & pages.filled.unsqueeze(2)


def scattered(pages: Documents, seed: int) -> Tensor:
    """Every attribute of a page to one region at random."""
    import torch

    made = torch.Generator().manual_seed(seed)
    luck = torch.rand(pages.truth.shape, generator=made).masked_fill(~pages.filled.unsqueeze(2), -1.0)
    return torch.zeros_like(pages.truth).scatter(1, luck.argmax(1, keepdim=True), True) & pages.named[:, None]


def f_score(found: Tensor, truth: Tensor) -> float:
    """F1 of the pairs of region and attribute.

    >>> import torch
    >>> f_score(torch.tensor([True, True, False]), torch.tensor([True, False, True]))
    0.5
    """
    hits = int((found & truth).sum())
    return 2 * hits / max(1, int(found.sum()) + int(truth.sum()))


def contrasted(pages: Documents, given: Tensor, seed: int) -> DualEncoder:
    """Regions with something said of them against what is said: InfoNCE, equal texts sharing the target."""
    import torch

    from openitr.objectives import UniCL, hash_labels
    from openitr.train import Examples, Plan
    from openitr.train.probe import probe
    from openitr.train.regions import region_texts

    texts = [text for page in region_texts(given, pages.attributes) for text in page]
    rows = torch.tensor([row for row, text in enumerate(texts) if text])
    bags = given.flatten(0, 1)[rows].float()
    examples = Examples(
        pages.regions.flatten(0, 1)[rows], bags, rows.argsort().numpy(), hash_labels([texts[int(r)] for r in rows])
    )
    plan = Plan(epochs=12, batch=256, rate=2e-3, seed=seed)
    return probe(examples, examples.some(rows.argsort().numpy()[:2]), UniCL(), plan, width=WIDTH)[0]


def r_precision(model: DualEncoder, held: Documents) -> float:
    """For each attribute, precision among as many regions as show it; mean in percent."""
    import torch

    regions, truth = held.regions.flatten(0, 1), held.truth.flatten(0, 1)
    with torch.inference_mode():
        scores = model.eval().encode_texts(torch.eye(truth.shape[1])) @ model.encode_images(regions).T
    found = []
    for row, right in zip(scores, truth.T, strict=True):
        many = int(right.sum())
        if many:
            found.append(float(right[row.topk(many).indices].float().mean()))
    return 100 * sum(found) / len(found)


CARD = Card(
    slug="villa",
    title="ViLLA: fine-grained vision-language representation learning from real-world data",
    year=2023,
    family="objectives",
    claim="A self-supervised mapper of descriptions to regions makes contrast work on complex pictures.",
    parts=("openitr.train.regions.RegionAttributeMapper", "openitr.train.regions.mapping_loss"),
    experiment=experiment,
)
