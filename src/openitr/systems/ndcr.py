# mypy: disallow-subclassing-any=False
"""NDCR (2023): a long text is divided into propositions, each is judged, and logic combines what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from openitr.evaluate.negation import NegationReport
    from openitr.models import WordTokenizer
    from openitr.models.propositions import PropositionReasoner
    from openitr.systems.clauses import Sets

WIDTH, LENGTH, BATCH, PER_SECOND, SETS, HELD = 48, 20, 32, 15, 8000, 400


def experiment(budget: Budget) -> Outcome:
    """Sets of ten pictures and texts of three clauses; then, without training, "X but no Y" on photos and on scenes."""
    from openitr.systems.clauses import candidate_sets

    seen, unseen, tokenizer = pictures(budget.seed)
    train, held = candidate_sets(SETS, budget.seed), candidate_sets(HELD, budget.seed + 1)
    steps = budget.steps(PER_SECOND)
    single, reasoner = (trained(make, seen, tokenizer, train, budget.seed, steps) for make in (single_of, reasoner_of))
    one, both = (right_ones(model, unseen, tokenizer, held) for model in (single, reasoner))
    without = right_ones(reasoner, unseen, tokenizer, held, negation=False)
    lost = both.astype(float) - without
    swapped, first = exactness(reasoner, unseen, tokenizer, held)
    photos, scenes = photographs(budget), rendered(budget)
    return Outcome(
        [
            Check(
                "among ten near-identical pictures, more than 15 points more right choices than by single vectors "
                "trained on the same sets",
                {"right, single vectors, %": percent(one), "right, divided, %": percent(both)},
                percent(both) - percent(one) > 15,
            ),
            Check(
                "leaving negation out of the conjunction hurts texts with a negation, and no others",
                {
                    "lost, texts that deny, points": percent(lost[held.negated]),
                    "lost, other texts, points": percent(lost[~held.negated]),
                },
                percent(lost[held.negated]) > 1 and percent(lost[~held.negated]) < 1,
            ),
            Check(
                "candidates in another order have the same numbers in that order; one proposition with its gate open "
                "is System 1",
                {"largest difference, order": swapped, "largest difference, System 1": first},
                max(swapped, first) < 1e-5,
            ),
            Check(
                'without training: "X but no Y" typed in a search finds more answers among the first ten photos than '
                "the plain encoder does, and than Y left out of the text does",
                told(photos, "photos"),
                photos.typed.low > photos.plain.high and gained(photos) > 0,
            ),
            Check(
                "the same on scenes, where it is known what is there: more answers than the plain encoder finds",
                told(scenes, "scenes"),
                scenes.typed.answers > scenes.plain.answers,
            ),
        ],
        f"{HELD} sets of ten pictures of two shapes held out, vectors of a small tower trained on other pictures, "
        f"{steps} batches of {BATCH} sets for both; Flickr8k val, {photos.queries} queries out of its captions over "
        f"{photos.pictures} photos; {scenes.pictures} rendered scenes, {scenes.queries} queries; the default model",
        [
            "Wrong candidates make one clause false, three candidates each clause; half of the texts deny one.",
            "A photo answers where its captions mention X and none mentions Y.",
        ],
    )


def pictures(seed: int) -> tuple[Tensor, Tensor, WordTokenizer]:
    """(1296, WIDTH) vectors of every scene, drawn twice, by a tower that learned shapes and colours from captions.

    Args:
        seed: Of the training; the second drawing is for what is held out.
    """
    import numpy as np
    import torch

    from openitr.datasets.scenes import render
    from openitr.models import DualEncoder, TextTransformer, ViT, WordTokenizer
    from openitr.objectives import InfoNCE
    from openitr.systems.clauses import candidate_sets, scene_of
    from openitr.systems.two_shapes import two_shapes
    from openitr.train import Plan, Trainer

    train = two_shapes(2000, seed)
    tokenizer = WordTokenizer.fit([*train.texts, *candidate_sets(400, seed).texts], length=LENGTH)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        text = TextTransformer(len(tokenizer), length=LENGTH, width=WIDTH, depth=2)
        tower = DualEncoder(ViT(32, patch=16, width=WIDTH, depth=2), text, WIDTH)
    Trainer(tower, InfoNCE(), Plan(epochs=4, batch=64, rate=3e-3, seed=seed), train.examples(tokenizer)).fit()
    every = np.stack(np.unravel_index(np.arange(6**4), (6,) * 4), axis=1)
    found = []
    for drawing in (5, 6):
        drawn = np.stack([render(scene_of(row, seed + drawing), 32) for row in every])
        pixels = torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.inference_mode():
            found.append(torch.cat([tower.eval().image(some).pooled for some in pixels.split(256)]))
    middle, spread = found[0].mean(0), found[0].std(0)
    seen, unseen = ((vectors - middle) / spread for vectors in found)
    return seen, unseen, tokenizer


def rows_of(sets: Sets) -> np.ndarray[Any, Any]:
    """(n, 10) which of the 1296 pictures each candidate is."""
    import numpy as np

    return np.asarray(np.ravel_multi_index(tuple(np.moveaxis(sets.scenes, -1, 0)), (6,) * 4))


def reasoner_of(tokenizer: WordTokenizer) -> PropositionReasoner:
    """Untrained."""
    from openitr.models import Windows
    from openitr.models.propositions import PropositionReasoner

    # A clause with its negation is five words: a window of five sees it whole, where attention must learn to.
    return PropositionReasoner(Windows(len(tokenizer), width=64, window=5), WIDTH, width=48, slots=3)


def single_of(tokenizer: WordTokenizer) -> nn.Module:
    """The baseline, untrained: a text as one vector, scored by its cosine with each candidate's."""
    from torch import nn
    from torch.nn import functional as F

    from openitr.models import Windows

    class Single(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.text = Windows(len(tokenizer), width=64, window=5)
            self.look, self.say = nn.Linear(WIDTH, 64), nn.Linear(64, 64)

        def forward(self, ids: Tensor, images: Tensor, **about: Any) -> Tensor:
            seen, said = F.normalize(self.look(images), dim=-1), F.normalize(self.say(self.text(ids).pooled), dim=-1)
            logits: Tensor = 20 * (seen @ said[:, :, None]).squeeze(-1)
            return logits

        def loss(self, found: Tensor, right: Tensor) -> Tensor:
            return F.cross_entropy(found, right)

    return Single()


def trained(make: Any, features: Tensor, tokenizer: WordTokenizer, sets: Sets, seed: int, steps: int) -> Any:
    """A model that ``make`` gives for a tokenizer, after ``steps`` batches of sets.

    Args:
        make: :func:`reasoner_of` or :func:`single_of`.
        features: (1296, WIDTH) vectors of all pictures.
        tokenizer: Of the texts.
        sets: To draw from.
        seed: Of weights and draws.
        steps: Batches.
    """
    import numpy as np
    import torch

    rows, right = torch.from_numpy(rows_of(sets)), torch.from_numpy(sets.right)
    ids = tokenizer.encode(sets.texts)
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = make(tokenizer)
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.1)
        for _ in range(steps):
            some = torch.from_numpy(rng.integers(len(sets), size=BATCH))
            optimizer.zero_grad()
            loss = model.loss(model(ids[some], features[rows[some]]), right[some])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            rate.step()
    return model.eval()


def right_ones(model: Any, features: Tensor, tokenizer: WordTokenizer, sets: Sets, **how: Any) -> Any:
    """(n,) whether the right candidate of each set has the highest number."""
    import torch

    with torch.inference_mode():
        found = model(tokenizer.encode(sets.texts), features[torch.from_numpy(rows_of(sets))], **how)
        scores = found if isinstance(found, torch.Tensor) else found.final
    return scores.argmax(1).numpy() == sets.right


def exactness(
    model: PropositionReasoner, features: Tensor, tokenizer: WordTokenizer, sets: Sets
) -> tuple[float, float]:
    """Largest change when candidates change places, and largest difference to System 1 of one open proposition."""
    import torch

    from openitr.models import TextTransformer
    from openitr.models.propositions import SOFT, PropositionReasoner

    ids, images = tokenizer.encode(sets.texts[:32]), features[torch.from_numpy(rows_of(sets)[:32])]
    turned = torch.arange(images.shape[1]).flip(0)
    lone = PropositionReasoner(TextTransformer(len(tokenizer), length=LENGTH, width=WIDTH, depth=1), WIDTH, slots=1)
    with torch.inference_mode():
        moved = (model(ids, images).final[:, turned] - model(ids, images[:, turned]).final).abs().max()
        found = lone.eval()(ids, images, gate=1.0)
        apart = (found.final - (found.each[:, 0] / SOFT).softmax(-1)).abs().max()
    return float(moved), float(apart)


def photographs(budget: Budget) -> NegationReport:
    """ "X but no Y" out of the captions of Flickr8k val, asked three ways of the default model."""
    from openitr import encoders
    from openitr.embeddings import DenseEmbeddings
    from openitr.evaluate.negation import compare, negation_queries
    from openitr.systems import frozen

    pairs = frozen.pairs(budget, "flickr8k", split="val")
    queries = negation_queries(pairs.captions, pairs.owners)
    return compare(queries, encoders.load("default"), DenseEmbeddings(pairs.images))


def rendered(budget: Budget, many: int = 240) -> NegationReport:
    """The same on rendered scenes, where what is there is known."""
    import numpy as np

    from openitr import encoders
    from openitr.datasets.scenes import World, render
    from openitr.embeddings import DenseEmbeddings
    from openitr.evaluate.negation import compare, negation_queries

    kinds = ("car", "tree", "house", "cat", "boat", "flower")
    world = World(kinds=kinds, patterns=("plain",), sizes=("large",), things=(2, 3), arranged=0)
    rng, encoder = np.random.default_rng([budget.seed, 80]), encoders.load("default")
    scenes = [world.sample(rng) for _ in range(many)]
    said = [", ".join(f"a {thing.kind}" for thing in scene.things) for scene in scenes]
    queries = negation_queries(said, np.arange(many), things={f"a {kind}": kind for kind in kinds})
    seen = [encoder.encode_images([render(scene, 256)]) for scene in scenes]
    return compare(queries, encoder, DenseEmbeddings(np.concatenate([one.values for one in seen])))  # type: ignore[union-attr]


def told(report: NegationReport, where: str) -> dict[str, float]:
    """The numbers of one world, by name."""
    ways = {"plain encoder": report.plain, "Y left out": report.wanted, "as typed": report.typed}
    found: dict[str, float] = {}
    for name, one in ways.items():
        found[f"precision@{one.k}, {where}, {name}"] = round(one.answers, 1)
        found[f"low, {where}, {name}"], found[f"high, {where}, {name}"] = round(one.low, 1), round(one.high, 1)
    return found


def gained(report: NegationReport) -> float:
    """Low end of the interval of what avoiding Y adds to leaving it out, points."""
    from openitr.evaluate.negation import gain

    return gain(report.typed, report.wanted)[1]


def percent(values: Any) -> float:
    """Mean in percent."""
    return round(float(values.mean()) * 100, 1)


CARD = Card(
    slug="ndcr",
    title="A neural divide-and-conquer reasoning framework for image retrieval from linguistically complex text",
    year=2023,
    family="search/rerank",
    claim="Dividing a long text into propositions, judging each, and combining them by learned negation and "
    "conjunction finds the right one among near-identical pictures.",
    parts=(
        "openitr.search.rerank.NDCRReranker",
        "openitr.models.propositions.PropositionReasoner",
        "openitr.search.rerank.split_propositions",
        "openitr.search.Avoid",
    ),
    experiment=experiment,
)
