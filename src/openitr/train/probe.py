"""The quick experiment: projectors on vectors that are there already, and how well they retrieve."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from openitr.embeddings import DenseEmbeddings, Ints
from openitr.models import DualEncoder, Projector
from openitr.objectives import Objective
from openitr.train.examples import Examples
from openitr.train.plan import Plan
from openitr.train.trainer import Trainer, encode


@dataclass(frozen=True)
class Recall:
    """Recall in percent on what was held out: text to image, image to text, and the sum of all six."""

    t2i: dict[str, float]
    i2t: dict[str, float]
    rsum: float


def probe(
    examples: Examples, held: Examples, objective: Objective, plan: Plan, *, width: int = 128
) -> tuple[DualEncoder, Recall]:
    """Train a projector on each side and measure it, last weights, without choosing among epochs.

    Args:
        examples: Vectors to train on.
        held: Vectors to measure on.
        objective: What to train for.
        plan: The settings; ``seed`` draws the first weights as well.
        width: Of the projectors and the common space.

    >>> from openitr.objectives import InfoNCE
    >>> x = torch.randn(80, 6, generator=torch.Generator().manual_seed(0))
    >>> data = Examples(x, x @ x[:6], np.arange(80))
    >>> _, found = probe(data.some(np.arange(60)), data.some(np.arange(60, 80)), InfoNCE(), Plan(batch=30))
    >>> found.t2i["R@10"] > 50
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        image, text = (Projector(x.shape[1], width=width) for x in (examples.pictures, examples.texts))
        model = DualEncoder(image, text, dim=width)
    model.image.fit(examples.pictures)
    model.text.fit(examples.texts)
    Trainer(model, objective, plan, examples).fit()
    return model, recall(model, held)


def recall(model: DualEncoder, held: Examples) -> Recall:
    """Recall of a model on some examples."""
    from openitr.evaluate import evaluate_embeddings

    images, texts, owner = encode(model, held)
    found = evaluate_embeddings(
        DenseEmbeddings.normalise(images), DenseEmbeddings.normalise(texts), owner, samples=0
    ).to_json()
    return Recall(found["t2i"], found["i2t"], float(found["RSUM"]))


def mismatched(examples: Examples, share: float, seed: int) -> tuple[Examples, Ints]:
    """The same examples with a share of the pictures given each other's texts, and which pictures those are.

    Args:
        examples: In order.
        share: Of the pictures, 0 to 1.
        seed: Of the draw.

    >>> x = torch.arange(4.0)[:, None]
    >>> noisy, which = mismatched(Examples(x, x, np.arange(4)), 0.5, seed=0)
    >>> (noisy.texts.flatten() != x.flatten()).nonzero().flatten().tolist() == sorted(which.tolist())
    True
    """
    rng = np.random.default_rng(seed)
    which = rng.permutation(len(examples))[: round(share * len(examples))]
    partner = np.arange(len(examples))
    partner[which] = np.roll(which, 1)
    given = [examples.text_rows(np.array([row]), 0, rng) for row in partner]
    owner = np.repeat(np.arange(len(examples)), [len(rows) for rows in given])
    return replace(examples, texts=examples.texts[torch.from_numpy(np.concatenate(given))], owner=owner), which
