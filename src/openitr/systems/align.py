"""ALIGN: a plain dual encoder, label smoothing, and how much data makes up for how much noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Floats, Ints
from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    import numpy as np

    from openitr.train import Examples

SEEDS, PRODUCTS = 3, 400
Names: TypeAlias = "npt.NDArray[np.str_]"


def experiment(budget: Budget) -> Outcome:
    """Photos whose captions are partly swapped: recall against noise and twice the data; photo plus colour as query."""
    import numpy as np
    import torch

    from openitr.systems import frozen
    from openitr.train import Examples

    found = frozen.pairs(budget, "flickr8k", split="val")
    data = Examples(torch.from_numpy(found.images), torch.from_numpy(found.texts), found.owners)
    cases = {"clean": (350, 0.0), "10% noise": (350, 0.1), "30% noise": (350, 0.3), "50% noise": (350, 0.5)}
    cases["30% noise, twice the pairs"] = (700, 0.3)
    recall = dict.fromkeys(cases, 0.0)
    for seed in range(budget.seed, budget.seed + SEEDS):
        order = np.random.default_rng(seed).permutation(len(data))
        for name, (many, noise) in cases.items():
            recall[name] += trained(data.some(order[:many]), data.some(order[700:]), noise, seed) / SEEDS
    clean, half, more = recall["clean"], recall["50% noise"], recall["30% noise, twice the pairs"]
    asked, together, alone = composed(budget)
    return Outcome(
        [
            Check(
                "R@1 falls with the share of swapped captions, from none over 30% to half",
                {f"T2I R@1, {name}": round(value, 2) for name, value in recall.items() if "twice" not in name},
                clean > recall["30% noise"] > half,
            ),
            Check(
                "at 30% noise, twice the pairs bring R@1 back to that of clean pairs",
                {"T2I R@1, 30% noise, twice the pairs": round(more, 2), "clean, half as many": round(clean, 2)},
                more >= clean,
            ),
            Check(
                "picture plus colour finds the same kind of thing in that colour before any in the picture's own, for "
                "most pictures, and more often than the picture alone",
                {
                    "asked colour first, picture + word": round(together, 1),
                    "asked colour first, picture": round(alone, 1),
                },
                together > max(50.0, alone),
            ),
        ],
        f"Flickr8k val, vectors of the default model; projectors from scratch, 300 photos held out, {SEEDS} seeds; "
        f"fashion: {asked} of {PRODUCTS} catalogue photos, each asked for in another colour",
        [
            "Captions are swapped among photos: alt texts of the web are wrong in other ways.",
            "The frequency rules by which ALIGN cleans its pairs are not part of this card.",
        ],
    )


def trained(kept: Examples, held: Examples, noise: float, seed: int) -> float:
    """T2I R@1 of projectors trained with the smoothed loss on pairs of which a share is swapped."""
    from openitr.objectives import InfoNCE
    from openitr.train import Plan
    from openitr.train.probe import mismatched, probe

    noisy, _ = mismatched(kept, noise, seed)
    # As many steps for every case: more pairs must not mean more training.
    plan = Plan(epochs=30 * 350 // len(kept), batch=128, rate=2e-3, seed=seed)
    _, found = probe(noisy, held, InfoNCE(smoothing=0.1), plan)
    return found.t2i["R@1"]


def composed(budget: Budget) -> tuple[int, float, float]:
    """How many catalogue photos were asked for in another colour, and how often that came first, in percent: with
    ``norm(v + t)``, t the vector of the colour's name, and with the photo alone."""
    import numpy as np

    from openitr import encoders
    from openitr.systems import frozen

    found = frozen.pairs(budget, "fashion", lang="und", limit=PRODUCTS)
    told = [dict(pair.metadata["attributes"]) for pair in found.pairs]
    colours, kinds = (np.array([one.get(name, "") for one in told]) for name in ("baseColour", "articleType"))
    names = sorted(set(colours.tolist()) - {""})
    words = encoders.load("default").encode_texts([name.lower() for name in names])
    assert isinstance(words, DenseEmbeddings)
    sources, wanted = other_colours(colours, kinds, names, budget.seed)
    plain = found.images[sources]
    both = DenseEmbeddings.normalise(plain + words.values[wanted]).values
    asked = np.array(names)[wanted]
    shares = [first_in_colour(query @ found.images.T, sources, asked, colours, kinds) for query in (both, plain)]
    return len(sources), shares[0], shares[1]


def other_colours(colours: Names, kinds: Names, names: Sequence[str], seed: int) -> tuple[Ints, Ints]:
    """Photos, and for each a colour by its place in ``names``, drawn among the other colours that its kind has.

    Photos without another one of their kind and colour are left out: they have no plain neighbour.
    """
    import numpy as np

    rng, sources, wanted = np.random.default_rng(seed), [], []
    for row, (colour, kind) in enumerate(zip(colours, kinds, strict=True)):
        same = kinds == kind
        others = sorted(set(colours[same].tolist()) - {colour, ""})
        if colour and kind and others and (same & (colours == colour)).sum() > 1:
            sources.append(row)
            wanted.append(names.index(others[int(rng.integers(len(others)))]))
    return np.array(sources, np.int64), np.array(wanted, np.int64)


def first_in_colour(scores: Floats, sources: Ints, asked: Names, colours: Names, kinds: Names) -> float:
    """How often the best photo of the source's kind in the asked colour is above the best one in its own, in percent.

    Args:
        scores: (queries, photos).
        sources: (queries,) the photo that each query came from; it is no answer.
        asked: (queries,) colours.
        colours: (photos,).
        kinds: (photos,).
    """
    import numpy as np

    right = 0
    for query, source in enumerate(sources):
        rivals = (kinds == kinds[source]) & (np.arange(len(kinds)) != source)
        wanted, own = rivals & (colours == asked[query]), rivals & (colours == colours[source])
        right += int(scores[query][wanted].max() > scores[query][own].max())
    return 100 * right / len(sources)


CARD = Card(
    slug="align",
    title="Scaling Up Visual and Vision-Language Representation Learning With Noisy Text Supervision",
    year=2021,
    family="models",
    claim="A plain dual encoder on noisy alt texts: the scale of the data makes up for its noise.",
    parts=("openitr.models.DualEncoder", "openitr.objectives.InfoNCE", "openitr.train.probe.mismatched"),
    experiment=experiment,
)
