"""Sentence-level prompts (2023): reference and edit become a soft sentence, which is searched with as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats, Ints
from openitr.search.compose import tune
from openitr.search.compose.weighted import weighted
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.systems.edited_scenes import ACTIONS, Asked, EditedScenes, edited_scenes

if TYPE_CHECKING:
    import torch

    from openitr.models.prompt_composer import SentencePromptComposer

REFERENCES, A_SECOND, BATCH, GAIN = 1200, 6.5, 64, 10.0


@dataclass(frozen=True, eq=False)
class Read:
    """Triplets as torch sees them: (n, P, d) tokens of the gallery and (m, L) ids of the edits."""

    tokens: torch.Tensor
    ids: torch.Tensor


def experiment(budget: Budget) -> Outcome:
    """Trained on edits of other scenes, against the best normalised sum of picture and instruction."""
    import torch

    world = edited_scenes(budget, train=REFERENCES)
    from openitr.models import WordTokenizer

    tokenizer = WordTokenizer.fit([one.text for one in world.train.triplets], length=24)
    train, test = read(world, world.train, tokenizer), read(world, world.test, tokenizer)
    steps = budget.steps(A_SECOND)
    model = fitted(world.train, train, len(tokenizer), budget, steps)
    with torch.no_grad():
        targets = model.targets(test.tokens)
        queries = model.compose(test.tokens[torch.as_tensor(world.test.references)], test.ids)
        scores = model.score(queries, targets).numpy()
    loops = max(
        abs(float((queries[i] @ targets[j].T).max()) - float(scores[i, j])) for i in range(20) for j in range(20)
    )
    asked = world.test
    alpha = fusion_share(world.val)
    late: Floats = weighted(asked.images[asked.references], asked.texts, alpha) @ asked.images.T
    ours, sums = asked.ranked(scores), asked.ranked(late)
    kinds = [kind for kind in ACTIONS if (asked.kinds == kind).sum() >= 20]
    gains = {kind: of(asked, scores, kind) - of(asked, late, kind) for kind in kinds}
    image, text = asked.recall(asked.images[asked.references]), asked.recall(asked.texts)
    best = max(gains, key=lambda kind: gains[kind])
    return Outcome(
        [
            Check(
                f"R@1 on held-out edits is over {GAIN:.0f} points above the normalised sum's, and above each half's",
                {
                    "R@1": ours,
                    "R@1 of the sum": sums,
                    "share of the text in it": alpha,
                    "R@1 image only": image,
                    "R@1 text only": text,
                },
                ours > sums + GAIN and ours > max(image, text),
            ),
            Check(
                "the gain is largest on removal",
                {f"gain on {kind}": gains[kind] for kind in kinds}
                | {f"R@1 of the sum on {kind}": of(asked, late, kind) for kind in ("add", "remove")}
                | {"largest on": best},
                best == "remove",
            ),
            Check(
                "the alignment loss sends the image-free prompt no gradient",
                {"gradient": still(model, train)},
                still(model, train) == 0,
            ),
            Check(
                "the score is the best of a target's vectors, against loops",
                {"largest difference": loops},
                loops < 1e-5,
            ),
        ],
        f"{len(asked.triplets)} edits over {len(asked.scenes)} scenes; trained on {len(world.train.triplets)} others",
        [
            f"{steps} steps on the frozen tokens of the small encoder, kinds of edits drawn evenly",
            "the sum's share was chosen on other queries",
            "the small encoder never read “add” or “remove”, so that the sum is as lost on one as on the other and "
            "adding has as much to gain; no encoder that reads both was tried",
        ],
    )


def read(world: EditedScenes, asked: Asked, tokenizer: object) -> Read:
    """Frozen tokens of every picture, and the instructions as ids."""
    import torch

    model = world.encoder.model
    with torch.no_grad():
        parts = [
            model.image(world.encoder.pixels(list(asked.pictures[at : at + 256]))).tokens
            for at in range(0, len(asked.pictures), 256)
        ]
    ids = tokenizer.encode([one.text for one in asked.triplets])  # type: ignore[attr-defined]
    return Read(torch.cat(parts).clone(), ids)


def fitted(asked: Asked, given: Read, vocab: int, budget: Budget, steps: int) -> SentencePromptComposer:
    """The composer, trained on triplets."""
    import torch

    from openitr.diagnose.towers import fit
    from openitr.models.prompt_composer import SentencePromptComposer

    torch.manual_seed(budget.seed)
    model = SentencePromptComposer(vocab, given.tokens.shape[-1], dim=64, queries=4, width=64, depth=2)
    before, after = torch.as_tensor(asked.references), torch.as_tensor(asked.targets)
    drawn = evenly(asked.kinds, budget.seed)

    def loss(rows: np.ndarray) -> torch.Tensor:
        chosen = torch.as_tensor(drawn[rows])
        return model.loss(given.tokens[before[chosen]], given.ids[chosen], given.tokens[after[chosen]])

    fit(
        model,
        loss,
        len(drawn),
        steps=steps,
        batch=BATCH,
        rate=2e-3,
        seed=budget.seed,
    )
    return model


def evenly(kinds: npt.NDArray[np.str_], seed: int) -> Ints:
    """Rows in which every kind of edit is as frequent as the most frequent one: removal is rare in this world.

    >>> evenly(np.array(["add", "add", "remove"]), 0).tolist().count(2)
    2
    """
    rng, names = np.random.default_rng(seed), sorted(set(kinds.tolist()))
    most = max(int((kinds == name).sum()) for name in names)
    return np.concatenate([np.resize(rng.permutation(np.flatnonzero(kinds == name)), most) for name in names])


def fusion_share(asked: Asked) -> float:
    """The share of the text with which the normalised sum finds most."""

    def scores(alpha: float) -> Floats:
        made: Floats = weighted(asked.images[asked.references], asked.texts, alpha) @ asked.images.T
        return made

    shares = [{"alpha": round(0.1 * step, 1)} for step in range(11)]
    return tune(scores, shares, asked.targets, leave=asked.references).best["alpha"]


def of(asked: Asked, scores: Floats, kind: str) -> float:
    """R@1 on edits of one kind."""
    return asked.ranked(scores, rows=np.flatnonzero(asked.kinds == kind))


def still(model: SentencePromptComposer, given: Read) -> float:
    """Largest gradient of the alignment loss at the image-free prompt; it also must reach the prompts themselves."""
    import torch

    model.zero_grad(set_to_none=True)
    with torch.enable_grad():
        model.alignment(model.prompts(given.tokens[:8], given.ids[:8])).backward()
    moved = model.former.queries.grad
    assert moved is not None and float(moved.abs().max()) > 0
    free = model.free.grad
    model.zero_grad(set_to_none=True)
    return 0.0 if free is None else float(free.abs().max())


CARD = Card(
    slug="sprc",
    title="Sentence-level Prompts Benefit Composed Image Retrieval (SPRC)",
    year=2023,
    family="search/compose",
    claim="A soft sentence made of reference and edit, put in front of the edit and read as text, composes better than "
    "fusing the two, most of all where something is to go.",
    parts=("openitr.models.prompt_composer.SentencePromptComposer", "openitr.models.prompt_composer.QueryFormer"),
    experiment=experiment,
)
