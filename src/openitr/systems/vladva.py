"""VladVA: a model that writes captions, tuned to compare pictures and captions without forgetting their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    from torch import Tensor, nn

    from openitr.models import WordTokenizer
    from openitr.models.interleaved import Interleaved

KEPT, HELD, WIDTH, EPOCHS, SEEDS = 600, 500, 48, 20, 2


def experiment(budget: Budget) -> Outcome:
    """Two handwritten digits side by side: is "three left of five" nearer to them than "five left of three"?"""
    import numpy as np
    import torch

    from openitr.models import BagOfWords, WordTokenizer
    from openitr.systems.digits import digits
    from openitr.systems.dl_itm_2015 import side_by_side
    from openitr.train import Plan
    from openitr.train.discriminative import Discriminative, tune

    data = digits()
    ways = {"contrast alone": 0.0, "contrast and writing": 1.0}
    order: dict[str, list[float]] = {name: [] for name in ways}
    first: dict[str, list[float]] = {name: [] for name in ways}
    blind, kept_whole = [], True
    for seed in range(budget.seed, budget.seed + SEEDS):
        rows, unseen = data.split(seed)
        pictures, told, _ = side_by_side(data.pictures, data.labels, rows, KEPT, seed)
        asked, right, wrong = side_by_side(data.pictures, data.labels, unseen, HELD, seed + 1)
        tokenizer = WordTokenizer.fit(told, length=8)
        seen, look = patches(pictures), patches(asked)
        words, own, swapped, every = (captions(tokenizer, texts) for texts in (told, right, wrong, sorted(set(told))))
        base = captioner(seen, words, len(tokenizer), seed)
        before = {name: value.clone() for name, value in base.state_dict().items()}
        for name, beta in ways.items():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                model = Discriminative(base, rank=16, soft=4)
            tune(model, seen, words, words, Plan(epochs=EPOCHS, batch=40, rate=3e-3, seed=seed), beta=beta)
            order[name].append(in_order(model, look, own, swapped))
            first[name].append(named(model, look, own, every))
        kept_whole &= all(torch.equal(value, before[name]) for name, value in base.state_dict().items())
        bag = BagOfWords(len(tokenizer), width=WIDTH).eval()
        with torch.inference_mode():
            blind.append(50.0 if torch.allclose(bag(own).pooled, bag(swapped).pooled, atol=1e-5) else float("nan"))
    leads = np.subtract(order["contrast and writing"], order["contrast alone"]).tolist()
    means, found = ({name: float(np.mean(values)) for name, values in each.items()} for each in (order, first))
    return Outcome(
        [
            Check(
                "a caption in the right order is nearer than the swapped one more often than after contrast alone, in "
                "every seed",
                {
                    **{f"right order, {n}": round(v, 1) for n, v in means.items()},
                    "right order, bag of words": float(np.mean(blind)),
                    "smallest lead": round(min(leads), 1),
                },
                min(leads) > 0,
            ),
            Check(
                "the right one of all 90 captions is nearest more often (reported)",
                {f"right of 90, {n}": round(v, 1) for n, v in found.items()},
                found["contrast and writing"] > found["contrast alone"],
                counts=False,
            ),
            Check(
                "the decoder itself is unchanged, bit by bit",
                {"unchanged": int(kept_whole)},
                kept_whole,
            ),
        ],
        f"scikit-learn's handwritten digits: {KEPT} pairs side by side to train on, {HELD} of other digits held out, "
        f"{SEEDS} seeds; a decoder of width {WIDTH} from scratch on 8 patches, {EPOCHS} epochs",
        [
            "The language model is stood in for by a decoder that learned to write these captions.",
            "A bag of words cannot tell the two captions apart: ties count one half.",
            "Contrast alone begins late, and either way the right order differs by several points from seed to seed.",
        ],
    )


def patches(pictures: Tensor) -> Tensor:
    """Two digits of 8 x 8 pixels side by side, (n, 128), as 8 patches of 4 x 4 pixels, row by row: (n, 8, 16)."""
    whole = pictures.unflatten(1, (2, 8, 8)).transpose(1, 2).flatten(2)
    return whole.unfold(1, 4, 4).unfold(2, 4, 4).flatten(3).flatten(1, 2)


def captions(tokenizer: WordTokenizer, texts: list[str]) -> Tensor:
    """(n, L) words with their end, without the beginning."""
    return tokenizer.encode(texts)[:, 1:].contiguous()


def named(model: nn.Module, patches: Tensor, told: Tensor, every: Tensor) -> float:
    """How often the nearest of all captions is the right one, in percent."""
    import torch

    with torch.inference_mode():
        nearest = (model.encode_images(patches) @ model.encode_texts(every).T).argmax(1)
    return 100 * float((every[nearest] == told).all(1).float().mean())


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
