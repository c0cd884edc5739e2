"""TCL: what contrast within each modality, and of wholes with their parts, adds to contrast across."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome, numbers

if TYPE_CHECKING:
    from torch import Tensor

    from openitr.models import DualEncoder
    from openitr.objectives import TCL
    from openitr.train import Examples, Plan

SIZE, WIDTH, EPOCHS, SEEDS = 32, 64, 18, 3


def experiment(budget: Budget) -> Outcome:
    """Small towers from scratch on stamps: like pictures by pictures, and words to pictures, with and without."""
    import numpy as np
    import torch

    from openitr.models import DualEncoder, TextTransformer, ViT, WordTokenizer
    from openitr.objectives import TCL
    from openitr.systems.stamps import stamps
    from openitr.train import Examples, Plan, Trainer
    from openitr.train.probe import recall

    data = stamps(budget, SIZE)
    tokenizer = WordTokenizer.fit(data.names, length=24)
    pixels = torch.from_numpy(np.stack(list(data.pictures))).permute(0, 3, 1, 2).contiguous()
    examples = Examples(
        pixels, tokenizer.encode(data.names), np.arange(len(data)), torch.from_numpy(data.labels), "stamps"
    )
    scores: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(budget.seed, budget.seed + SEEDS):
        order = np.random.default_rng(seed).permutation(len(examples))
        held, train = examples.some(order[: len(order) // 4]), examples.some(order[len(order) // 4 :])
        plan = Plan(epochs=EPOCHS, batch=64, rate=1e-3, average=0.99, shift=3, mirror=True, seed=seed)
        for name, objective in (("cross-modal alone", crossing()), ("all six", TCL(WIDTH, queue=256))):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                text = TextTransformer(len(tokenizer), length=24, width=WIDTH, depth=2, dropout=0.1)
                model = DualEncoder(ViT(SIZE, patch=8, width=WIDTH, depth=3), text, WIDTH)
            Trainer(model, objective, plan, train).fit()
            measured = found_again(model, held, plan), neighbours(model, train, held), recall(model, held).t2i["R@5"]
            scores.setdefault(name, []).append(measured)
    twins, folders, words = (
        {name: float(np.mean([row[column] for row in rows])) for name, rows in scores.items()} for column in range(3)
    )
    one, six = twins
    return Outcome(
        [
            Check(
                "an unseen picture, moved and mirrored, finds itself: R@1 more than 3 points higher with all six terms",
                numbers("image R@1", twins, 2),
                twins[six] > twins[one] + 3,
            ),
            Check(
                "its five nearest training pictures name its folder: accuracy more than 1 point higher",
                numbers("folder accuracy", folders, 2),
                folders[six] > folders[one] + 1,
            ),
            Check(
                "words find pictures as well: T2I R@5 is not lower",
                numbers("T2I R@5", words, 2),
                words[six] >= words[one],
            ),
        ],
        f"Tux Paint: {len(train)} stamps of {SIZE} pixels to train on, {len(held)} held out; towers from scratch, "
        f"{EPOCHS} epochs, {SEEDS} seeds",
        [
            "Matching and masked words, which need a fusion encoder, are left out in both.",
            f"Words ask {SEEDS * len(held)} times: one answer is {100 / SEEDS / len(held):.2f} points.",
        ],
    )


def crossing(dim: int = WIDTH) -> TCL:
    """The cross-modal terms alone, with the same queue and the same slow model."""
    from openitr.objectives import TCL, Batch

    class Crossing(TCL):
        def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
            every = super().terms(batch)
            return {name: (1 / 2, *every[name][1:]) for name in ("cma_i2t", "cma_t2i")}

    return Crossing(dim, queue=256)


def found_again(model: DualEncoder, held: Examples, plan: Plan) -> float:
    """How often a moved and mirrored picture is nearest to itself among the held-out ones, in percent."""
    import numpy as np
    import torch

    rows = np.arange(len(held))
    with torch.inference_mode():
        plain = model.encode_images(held.images(rows))
        moved = model.encode_images(held.images(rows, plan, np.random.default_rng(0)))
    return float(((moved @ plain.T).argmax(1) == torch.arange(len(held))).float().mean() * 100)


def neighbours(model: DualEncoder, train: Examples, held: Examples) -> float:
    """How often the folder of most of the five nearest training pictures is the right one, in percent."""
    import numpy as np
    import torch

    assert train.labels is not None and held.labels is not None
    with torch.inference_mode():
        seen = model.encode_images(train.images(np.arange(len(train))))
        asked = model.encode_images(held.images(np.arange(len(held))))
    near = train.labels[(asked @ seen.T).topk(5).indices]
    return float((near.mode(1).values == held.labels).float().mean() * 100)


CARD = Card(
    slug="tcl",
    title="Vision-Language Pre-Training with Triple Contrastive Learning",
    year=2022,
    family="objectives",
    claim="Contrast within each modality, and of wholes with their parts, adds to contrast across modalities.",
    parts=("openitr.objectives.TCL", "openitr.train.Trainer", "openitr.models.DualEncoder"),
    experiment=experiment,
)
