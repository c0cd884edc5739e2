"""M2-Encoder: contrast in groups with cached embeddings, two languages in one text tower."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    from torch import Tensor

    from openitr.embeddings import Ints
    from openitr.models import DualEncoder, WordTokenizer
    from openitr.systems.digits import Digits

SEEDS, BATCH, GROUPS, MICRO = 3, 256, 4, 32


def experiment(budget: Budget) -> Outcome:
    """Exactness and size of the grouped loss; digits with English and Chinese captions, jointly and apart."""
    import numpy as np

    from openitr.systems.digits import digits

    data = digits()
    worst, whole, grouped, plain, cached = exact(data, budget.seed)
    both: dict[str, list[float]] = {"en": [], "zh": []}
    alone: dict[str, list[float]] = {"en": [], "zh": []}
    across = []
    for seed in range(budget.seed, budget.seed + SEEDS):
        model, tokenizer, held = trained(data, ("en", "zh"), seed)
        for lang in both:
            both[lang].append(accuracy(model, tokenizer, data, held, lang))
            single, words, _ = trained(data, (lang,), seed)
            alone[lang].append(accuracy(single, words, data, held, lang))
        across.append(translated(model, tokenizer))
    joint = {lang: float(np.mean(values)) for lang, values in both.items()}
    apart = {lang: float(np.mean(values)) for lang, values in alone.items()}
    return Outcome(
        [
            Check(
                f"gradients of {BATCH} pairs, {MICRO} at a time in the towers, are those of the whole batch to 1e-5",
                {"largest difference": float(f"{worst:.2g}")},
                worst < 1e-5,
            ),
            Check(
                f"{GROUPS} groups hold a {GROUPS * GROUPS}th of the scores at a time",
                {"scores at a time, whole": whole, "scores at a time, grouped": grouped},
                whole == grouped * GROUPS * GROUPS,
            ),
            Check(
                "kept for the backward pass at a time, cached against plain (reported)",
                {"bytes, plain": plain, "bytes, cached": cached, "ratio": round(cached / plain, 3)},
                cached < plain,
                counts=False,
            ),
            Check(
                "trained jointly, each language is within 3 points of a model of its own (R@1 of ten captions)",
                {
                    f"R@1, {lang}, {how}": round(v[lang], 2)
                    for how, v in (("joint", joint), ("own", apart))
                    for lang in v
                },
                all(joint[lang] >= apart[lang] - 3 for lang in joint),
            ),
            Check(
                "a Chinese caption finds the English one of its digit, far above the chance of 10%",
                {"R@1, zh to en": round(float(np.mean(across)), 2)},
                float(np.mean(across)) > 50,
            ),
        ],
        f"scikit-learn's {len(data.labels)} handwritten digits, a quarter held out, 8 captions a digit and language, "
        f"{SEEDS} seeds",
        [
            "How groups are formed is ours: consecutive pictures of a batch.",
            "One process; several have not been tried.",
        ],
    )


class Kept:
    """Bytes that autograd keeps for the backward pass, and the most at any time."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def pack(self, tensor: Tensor) -> object:
        """Count a tensor until autograd lets go of it."""
        kept = self

        class Counted:
            def __init__(self) -> None:
                self.tensor, self.size = tensor, tensor.numel() * tensor.element_size()
                kept.now += self.size
                kept.most = max(kept.most, kept.now)

            def __del__(self) -> None:
                kept.now -= self.size

        return Counted()


def exact(data: Digits, seed: int) -> tuple[float, int, int, int, int]:
    """Largest difference of a gradient; most scores at a time without and with groups; most bytes kept, without and
    with cached embeddings."""
    import torch

    from openitr.objectives import Batch, Dot, InfoNCE, grouped_backward

    sizes: list[int] = []

    class Counted(Dot):
        def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
            sizes.append(len(batch.images) * len(batch.texts))
            return super().forward(batch)

    model, tokenizer = fresh(data, ("en",), seed)
    model.eval()
    objective = InfoNCE()
    objective.similarity = Counted()
    from openitr.systems.digits import said

    pictures, ids = data.pictures[:BATCH], tokenizer.encode(said(data.labels[:BATCH], "en", seed))
    towers = model.encode_images, model.encode_texts

    def gradients() -> list[torch.Tensor]:
        found = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        model.zero_grad(set_to_none=True)
        return found

    counts = Kept(), Kept()
    with torch.autograd.graph.saved_tensors_hooks(counts[0].pack, lambda kept: kept.tensor):
        objective(Batch(towers[0](pictures), towers[1](ids))).backward()
    plain, whole = gradients(), max(sizes)
    with torch.autograd.graph.saved_tensors_hooks(counts[1].pack, lambda kept: kept.tensor):
        grouped_backward(objective, *towers, pictures, ids, micro=MICRO)
    cached = gradients()
    sizes.clear()
    grouped_backward(objective, *towers, pictures, ids, groups=GROUPS, micro=MICRO)
    worst = max(float((a - b).abs().max()) for a, b in zip(plain, cached, strict=True))
    return worst, whole, max(sizes), counts[0].most, counts[1].most


def fresh(data: Digits, langs: tuple[str, ...], seed: int) -> tuple[DualEncoder, WordTokenizer]:
    """A projector of pixels and a bag of words over the captions of some languages."""
    import torch

    from openitr.models import BagOfWords, DualEncoder, Projector, WordTokenizer
    from openitr.systems.digits import TEMPLATES, prompts

    tokenizer = WordTokenizer.fit(t for lang in langs for k in range(len(TEMPLATES[lang])) for t in prompts(lang, k))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = DualEncoder(Projector(data.pictures.shape[1], width=64), BagOfWords(len(tokenizer), width=64), dim=32)
    model.image.fit(data.pictures)
    return model, tokenizer


def trained(data: Digits, langs: tuple[str, ...], seed: int) -> tuple[DualEncoder, WordTokenizer, Ints]:
    """A model of one or two languages, its tokenizer, and the rows that it has not seen."""
    import numpy as np
    import torch

    from openitr.objectives import OneToK
    from openitr.systems.digits import said
    from openitr.train import Examples, Plan, Trainer

    model, tokenizer = fresh(data, langs, seed)
    rows, held = data.split(seed)
    captions = [said(data.labels[rows], lang, seed + n) for n, lang in enumerate(langs)]
    texts = tokenizer.encode([text for one in zip(*captions, strict=True) for text in one])
    examples = Examples(data.pictures[torch.from_numpy(rows)], texts, np.repeat(np.arange(len(rows)), len(langs)))
    Trainer(model, OneToK(), Plan(epochs=12, batch=64, rate=3e-3, texts=0, seed=seed), examples).fit()
    return model, tokenizer, held


def accuracy(model: DualEncoder, tokenizer: WordTokenizer, data: Digits, held: Ints, lang: str) -> float:
    """How often a picture's best caption of the ten is its own, in percent."""
    import torch

    from openitr.systems.digits import prompts

    rows = torch.as_tensor(held)
    with torch.inference_mode():
        scores = model.encode_images(data.pictures[rows]) @ model.encode_texts(tokenizer.encode(prompts(lang))).T
    return float((scores.argmax(1) == torch.from_numpy(data.labels)[rows]).float().mean() * 100)


def translated(model: DualEncoder, tokenizer: WordTokenizer) -> float:
    """How often the nearest English caption of a Chinese one is of the same digit, over all templates, in percent."""
    import torch

    from openitr.systems.digits import TEMPLATES, prompts

    with torch.inference_mode():
        english = model.encode_texts(tokenizer.encode(prompts("en")))
        asked = torch.cat([model.encode_texts(tokenizer.encode(prompts("zh", k))) for k in range(len(TEMPLATES["zh"]))])
    digit = torch.arange(10).repeat(len(TEMPLATES["zh"]))
    return float(((asked @ english.T).argmax(1) == digit).float().mean() * 100)


CARD = Card(
    slug="m2-encoder",
    title="M2-Encoder: advancing bilingual image-text understanding by large-scale efficient pretraining",
    year=2024,
    family="objectives",
    claim="Grouped aggregation makes contrast over huge batches affordable; one text tower serves Chinese and English.",
    parts=("openitr.objectives.grouped_backward", "openitr.objectives.OneToK", "openitr.models.BagOfWords"),
    experiment=experiment,
)
