"""Late interaction over fragments with a pooled prefetch, labels as texts, and an agent that searches and stops."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from openitr.embeddings import Ints, TokenEmbeddings
from openitr.errors import DatasetError
from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    from torch import Tensor

FRAGMENTS, QUERIES, TENTH = 5000, 60, 500
PRODUCTS, COLOURS, TYPES, DRAWS = 1200, 7, 9, 3
STEPS, BATCH, LOOKED = 150, 64, 30  # looked: after so many steps the weights are tried on photos set aside
MAX_STEPS = 4


def experiment(budget: Budget) -> Outcome:
    """Fragments around random clusters; catalogue photos asked for colour and kind; a model that never answers."""
    bags, queries = fragments(FRAGMENTS, budget.seed), fragments(QUERIES, budget.seed + 1, most=8)
    whole, tenth = prefetched(bags, queries, FRAGMENTS), prefetched(bags, queries, TENTH // 2)
    products = catalogue(budget)
    drawn = [held_back(products.labels, np.random.default_rng(budget.seed + draw)) for draw in range(DRAWS)]
    found = [unseen_labels(replace(products, unseen=some), budget.seed) for some in drawn]
    accuracy, padding = float(np.mean([one for one, _ in found])), max(one for _, one in found)
    searches = halted(MAX_STEPS)
    return Outcome(
        [
            Check(
                "a prefetch of everything is brute force MaxSim",
                {"recall@10, everything prefetched": whole},
                whole == 1.0,
            ),
            Check(
                "recall@10 against brute force is above 0.95 when a tenth is prefetched",
                {"recall@10, a tenth prefetched": round(tenth, 4)},
                tenth > 0.95,
            ),
            Check("padding alters no logit (1e-5)", {"largest change by padding": padding}, padding < 1e-5),
            Check(
                "labels never trained on, made of words that were, are found more than 5 times as often as by chance",
                {
                    "accuracy on unseen labels": round(accuracy, 4),
                    "smallest of the draws": round(min(one for one, _ in found), 4),
                    "chance among all labels": round(1 / len(products.labels), 4),
                    "unseen labels of each draw": len(drawn[0]),
                },
                accuracy > 5 / len(products.labels),
            ),
            Check(
                "a model that goes on searching is stopped at max_steps",
                {"searches": searches, "max_steps": MAX_STEPS},
                searches == MAX_STEPS,
            ),
        ],
        f"{FRAGMENTS:,} made-up fragments of 8 to 24 tokens; fashion: {len(products.images):,} catalogue photos under "
        f"{len(products.labels)} labels of colour and kind, a fifth of them kept back in {DRAWS} draws",
        [
            "The classifier's weights are those that name photos set aside best, all of labels that it learned.",
            "The fragments are synthetic; visual and label tokens are the shipped `late` model's, not ColQwen2's.",
            "Quality of the agent's answers needs a large model and is not measured here.",
        ],
    )


def fragments(many: int, seed: int, *, most: int = 24, dim: int = 64) -> TokenEmbeddings:
    """Bags of 8 to ``most`` unit vectors; each bag draws from a few of 400 shared directions, as a paragraph does."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(20251).standard_normal((400, dim))
    sizes = rng.integers(8, most + 1, many)
    topics = rng.integers(0, 400, (many, 6))
    owner = np.repeat(np.arange(many), sizes)
    values = centres[topics[owner, rng.integers(0, 6, len(owner))]] + 0.6 * rng.standard_normal((len(owner), dim))
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return TokenEmbeddings(values.astype(np.float32), np.concatenate([[0], np.cumsum(sizes)]))


def prefetched(bags: TokenEmbeddings, queries: TokenEmbeddings, prefetch: int, k: int = 10) -> float:
    """Recall@k of the two-stage search against brute force; twice ``prefetch`` items get the full score."""
    from openitr.index import PooledPrefetch

    exact = np.argsort(-queries.score(bags), axis=1, kind="stable")[:, :k]
    with tempfile.TemporaryDirectory() as folder:
        index = PooledPrefetch(Path(folder), bags.dim, prefetch=prefetch, pool=6)
        index.add(np.arange(len(bags)), bags)
        index.flush()
        found = [ranking.ids for ranking in index.search(queries, k)]
        index.close()
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(found, exact, strict=True)]))


@dataclass(frozen=True, eq=False)
class Products:
    """Catalogue photos with one label each.

    Args:
        images: Their tokens.
        label: (n,) place of each photo's label in ``labels``.
        labels: "blue shirts" and so on.
        words: Tokens of the labels.
        unseen: Places of the labels that are kept from training; every word of them stands in another label.
    """

    images: TokenEmbeddings
    label: Ints
    labels: Sequence[str]
    words: TokenEmbeddings
    unseen: Sequence[int]


def catalogue(budget: Budget) -> Products:
    """The most frequent colours and kinds; a fifth of their pairs is kept from training."""
    from openitr import datasets, encoders

    frozen = tokens_of(budget)
    data = datasets.read(budget.data("fashion"))
    found = [dict(data[int(row)].metadata["attributes"]) for row in frozen.rows]
    colours = {name for name, _ in Counter(one["baseColour"] for one in found).most_common(COLOURS)}
    kinds = {name for name, _ in Counter(one["articleType"] for one in found).most_common(TYPES)}
    named = [
        f"{one['baseColour']} {one['articleType']}".lower()
        if one["baseColour"] in colours and one["articleType"] in kinds
        else ""
        for one in found
    ]
    counts = Counter(name for name in named if name)
    labels = sorted(name for name, many in counts.items() if many >= 4)
    unseen = held_back(labels, np.random.default_rng(budget.seed))
    if not unseen:
        raise DatasetError(f"{len(labels)} labels are too few to keep any back", "fetch the fashion photos again")
    rows = np.array([row for row, name in enumerate(named) if name in labels], np.int64)
    words = encoders.load("late").encode_texts(labels)
    assert isinstance(words, TokenEmbeddings)
    return Products(frozen.images[rows], np.array([labels.index(named[row]) for row in rows]), labels, words, unseen)


def tokens_of(budget: Budget) -> Any:
    """Tokens of the first catalogue photos."""
    from openitr.systems.frozen_tokens import tokens

    return tokens(budget, "fashion", lang="und", limit=PRODUCTS, texts=1)


def held_back(labels: Sequence[str], rng: np.random.Generator) -> list[int]:
    """A fifth of the labels, each of whose words also stands in a label that stays."""
    kept = set(range(len(labels)))
    chosen: list[int] = []
    for place in rng.permutation(len(labels)):
        others = {word for other in kept - {int(place)} for word in labels[other].split()}
        if len(chosen) < len(labels) // 5 and set(labels[place].split()) <= others:
            chosen.append(int(place))
            kept.discard(int(place))
    return sorted(chosen)


def unseen_labels(products: Products, seed: int) -> tuple[float, float]:
    """Accuracy among all labels on photos whose label was kept from training; how much padding changes a logit."""
    import torch

    from openitr.models import LateInteractionClassifier

    torch.manual_seed(seed)
    model = LateInteractionClassifier(products.images.dim, ["product"], width=96)
    images, names = padded(products.images), padded(products.words)
    wanted = torch.from_numpy(products.label)
    seen = torch.tensor([place for place in range(len(products.labels)) if place not in products.unseen])
    rows = torch.from_numpy(np.flatnonzero(~np.isin(products.label, list(products.unseen))))
    asked = torch.from_numpy(np.flatnonzero(np.isin(products.label, list(products.unseen))))
    tried, rows = rows[torch.randperm(len(rows))].split([len(rows) // 7, len(rows) - len(rows) // 7])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=STEPS)
    most, kept = -1.0, model.state_dict()
    for step in range(1, STEPS + 1):
        batch = rows[torch.randint(len(rows), (BATCH,))]
        targets = (wanted[batch][:, None] == seen[None]).float()
        loss = model.loss("product", images[0][batch], images[1][batch], names[0][seen], names[1][seen], targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % LOOKED == 0 or step == STEPS:
            with torch.inference_mode():
                best = model("product", *(x[tried] for x in images), *(x[seen] for x in names)).argmax(1)
            right = float((seen[best] == wanted[tried]).float().mean())
            if right > most:
                most, kept = right, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    model.eval()
    with torch.inference_mode():
        logits = model("product", *(x[asked] for x in images), *names)
        longer = model("product", *more_padding(*(x[asked] for x in images)), *more_padding(*names))
    accuracy = (logits.argmax(1) == wanted[asked]).float().mean()
    return float(accuracy), float((logits - longer).abs().max())


def padded(bags: TokenEmbeddings) -> tuple[Tensor, Tensor]:
    """(n, longest, d) tokens and the (n, longest) mask of those that are there."""
    import torch

    sizes = np.diff(bags.offsets)
    mask = np.arange(sizes.max())[None] < sizes[:, None]
    values = np.zeros((len(bags), sizes.max(), bags.dim), np.float32)
    values[mask] = bags.values
    return torch.from_numpy(values), torch.from_numpy(mask)


def more_padding(tokens: Tensor, mask: Tensor, many: int = 5) -> tuple[Tensor, Tensor]:
    """The same with loud tokens behind that the mask leaves out."""
    import torch

    loud = torch.full((len(tokens), many, tokens.shape[2]), 50.0)
    return torch.cat([tokens, loud], 1), torch.cat([mask, torch.zeros(len(mask), many, dtype=torch.bool)], 1)


def halted(most: int) -> int:
    """How often a model that always wants one more search is let search."""
    from openitr.encoders.lmm import Reply
    from openitr.search.agent import RetrieveAndReason

    class Restless:
        name = "restless"
        asked = 0

        def generate(self, messages: object, **_: object) -> Reply:
            self.asked += 1
            return Reply("", {"search": f"something else, {self.asked}"})

    return len(RetrieveAndReason(Restless(), lambda words, k: [words] * k, max_steps=most)("Who painted it?").steps)


CARD = Card(
    slug="artseek",
    title="ArtSeek: deep artwork understanding via late interaction retrieval",
    year=2025,
    family="late interaction",
    claim="Late interaction with a pooled prefetch, labels read as texts and a searching agent explain art.",
    parts=(
        "openitr.index.PooledPrefetch",
        "openitr.models.LateInteractionClassifier",
        "openitr.search.agent.RetrieveAndReason",
    ),
    experiment=experiment,
)
