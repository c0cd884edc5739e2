"""VladVA: a model that writes captions, tuned to compare pictures and captions without forgetting their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    from torch import Tensor, nn

    from openitr.embeddings import Ints
    from openitr.models import WordTokenizer
    from openitr.models.interleaved import Interleaved

DRAWN, HELD, GRID, WIDTH, EPOCHS, SEEDS = 300, 60, 2, 48, 30, 2


def experiment(budget: Budget) -> Outcome:
    """Canvases with one stamp on the left and one on the right: is "A left of B" nearer to them than "B left of A"?"""
    import numpy as np
    import torch

    from openitr.models import BagOfWords, WordTokenizer
    from openitr.systems.canvases import canvases
    from openitr.systems.dreamlip import squares
    from openitr.train import Plan
    from openitr.train.discriminative import Discriminative, tune
    from openitr.train.frozen import FrozenTowers

    towers = FrozenTowers(threads=1)
    drawn = canvases(budget, DRAWN, towers.preparation.size, many=(2, 2), words=3, seed=budget.seed)
    across, pairs = sides(drawn.stamps)
    patches = squares(towers, torch.from_numpy(drawn.pictures[across]), GRID)
    patches = (patches - patches.mean((0, 1))) / patches.std((0, 1)).clamp(min=1e-3)
    tokenizer = WordTokenizer.fit([*drawn.names, "left of"], length=16)
    told, swapped = (captions(tokenizer, drawn.names, pairs[:, order]) for order in ((0, 1), (1, 0)))
    kept, held = slice(HELD, None), slice(0, HELD)
    scores: dict[str, list[float]] = {"contrast alone": [], "contrast and writing": []}
    for seed in range(budget.seed, budget.seed + SEEDS):
        base = captioner(patches[kept], told[kept], len(tokenizer), seed)
        before = {name: value.clone() for name, value in base.state_dict().items()}
        for name, beta in (("contrast alone", 0.0), ("contrast and writing", 1.0)):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                model = Discriminative(base, rank=16, soft=4)
            tune(
                model,
                patches[kept],
                told[kept],
                told[kept],
                Plan(epochs=EPOCHS, batch=40, rate=3e-3, seed=seed),
                beta=beta,
            )
            scores[name].append(in_order(model, patches[held], told[held], swapped[held]))
        kept_whole = all(torch.equal(value, before[name]) for name, value in base.state_dict().items())
    bag = BagOfWords(len(tokenizer), width=WIDTH).eval()
    with torch.inference_mode():
        one, other = bag(told[held]).pooled, bag(swapped[held]).pooled
    blind = 50.0 if torch.allclose(one, other, atol=1e-5) else float("nan")
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    return Outcome(
        [
            Check(
                "a caption in the right order is nearer than the swapped one more often than after contrast alone",
                {**{f"right order, {n}": round(v, 1) for n, v in means.items()}, "right order, bag of words": blind},
                means["contrast and writing"] > means["contrast alone"],
            ),
            Check(
                "the decoder itself is unchanged, bit by bit",
                {"unchanged": int(kept_whole)},
                kept_whole,
            ),
        ],
        f"Tux Paint: {len(across) - HELD} canvases with 2 of 40 stamps side by side to train on, {HELD} held out, "
        f"{SEEDS} seeds; a decoder of width {WIDTH} from scratch on {GRID * GRID} frozen patches",
        [
            "The language model is stood in for by a decoder that learned to write these captions.",
            "Small: over that many pairs of captions, one standard error of a figure is 5 to 6 points.",
            "A bag of words cannot tell the two captions apart: ties count one half.",
        ],
    )


def sides(stamps: Ints) -> tuple[Ints, Ints]:
    """Canvases whose two stamps stand in different columns, and those stamps, left and right."""
    import numpy as np

    left, right = (np.maximum(stamps[:, [column, column + 2]].max(1), -1) for column in (0, 1))
    found = np.flatnonzero((left >= 0) & (right >= 0))
    return found, np.stack([left[found], right[found]], 1)


def captions(tokenizer: WordTokenizer, names: list[str], pairs: Ints) -> Tensor:
    """ "A left of B" as (n, L) words with their end, without the beginning."""
    plain = [name.rstrip(". ") for name in names]
    return tokenizer.encode([f"{plain[a]} left of {plain[b]}" for a, b in pairs.tolist()])[:, 1:].contiguous()


def captioner(patches: Tensor, told: Tensor, vocab: int, seed: int, steps: int = 100) -> Interleaved:
    """A decoder that learned to write the captions: what is tuned afterwards."""
    import torch

    from openitr.models.interleaved import Interleaved, Rows

    length = patches.shape[1] + told.shape[1] + 8
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Interleaved(vocab, patches.shape[2], length=length, width=WIDTH)
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
        seen = torch.full(patches.shape[:2], 4)
        for _ in range(steps):
            rows = torch.randperm(len(patches))[:40]
            ids = torch.cat([seen[rows], told[rows]], 1)
            pictures = torch.cat([patches[rows], torch.zeros(len(rows), told.shape[1], patches.shape[2])], 1)
            loss = model.surprise(Rows(ids, pictures), model(Rows(ids, pictures))[1])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    return model


def in_order(model: nn.Module, patches: Tensor, told: Tensor, swapped: Tensor) -> float:
    """How often the right order scores higher, ties one half, in percent."""
    import torch

    with torch.inference_mode():
        v = model.encode_images(patches)
        gap = (v * (model.encode_texts(told) - model.encode_texts(swapped))).sum(1)
    return 100 * float(((gap > 0).float() + 0.5 * (gap == 0).float()).mean())


CARD = Card(
    slug="vladva",
    title="VladVA: discriminative fine-tuning of large vision-language models",
    year=2024,
    family="objectives",
    claim="Contrast on short captions and writing of long ones make a generative model a retriever that keeps detail.",
    parts=(
        "openitr.train.discriminative.tune",
        "openitr.models.lora.add_low_rank",
        "openitr.objectives.cached_backward",
    ),
    experiment=experiment,
)
