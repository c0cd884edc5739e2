"""Every composer on edits of rendered scenes, where the answers are exact; prints a table.

`python -m recipes.compose` makes a small dual encoder that never saw an instruction (kept in the cache), trains what is
trained on edits of other scenes, chooses settings on a third set, and measures on the last: the reference is never an
answer, a tie counts against, intervals are 95% over references. `--only sprc` runs the rows with these letters.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

import numpy as np
import torch

from openitr.datasets.text_triplets import TextTriplets
from openitr.embeddings import Floats, Ints
from openitr.evaluate.bootstrap import Resampling, interval
from openitr.models import WordTokenizer
from openitr.models.pseudo_word import PseudoWord, PseudoWordComposer, SlotText
from openitr.objectives import InfoNCE
from openitr.search.compose import DirectionalQuery, LanguageComposer, NearestTexts, tune
from openitr.search.compose.weighted import weighted
from openitr.systems import pdv, sprc
from openitr.systems.card import Budget
from openitr.systems.edited_scenes import Asked, EditedScenes, caption, edited_scenes
from openitr.train import Plan
from openitr.train.composing import Triplets, fit_combiner
from openitr.train.task_discrepancy import RTD, fit_pseudo_word

REFERENCES, STEPS = 1200, 400
Scores = Callable[[Asked], Floats]


def rows(world: EditedScenes) -> Mapping[str, Callable[[], Scores]]:
    """By name: what trains or tunes a composer and gives its (m, n) scores of any queries."""
    return {
        "image only": lambda: lambda asked: asked.images[asked.references] @ asked.images.T,
        "text only": lambda: lambda asked: asked.texts @ asked.images.T,
        "weighted (WeiMoCIR, alpha 0.8)": lambda: lambda asked: sums(asked, 0.8),
        "weighted, alpha from val": lambda: best(world, sums, [{"alpha": round(0.1 * a, 1)} for a in range(11)]),
        "directional (PDV), no captions": lambda: direction(world, templates(world)),
        "language (CIReVL), nearest caption": lambda: language(world),
        "directional (PDV), nearest caption": lambda: direction(world, near(world)),
        "pseudo-word, before RTD": lambda: words(world, 0),
        "pseudo-word, after RTD": lambda: words(world, STEPS),
        "combiner (CLIP4CIR)": lambda: combined(world),
        "prompts (SPRC)": lambda: prompts(world),
    }


def sums(asked: Asked, alpha: float) -> Floats:
    """Of the normalised sum."""
    made: Floats = weighted(asked.images[asked.references], asked.texts, alpha) @ asked.images.T
    return made


def best(world: EditedScenes, scores: Callable[..., Floats], settings: list[dict[str, float]]) -> Scores:
    """The settings that find most on the validation queries."""
    asked = world.val
    found = tune(lambda **one: scores(asked, **one), settings, asked.targets, leave=asked.references).best
    return lambda asked: scores(asked, **found)


def near(world: EditedScenes) -> LanguageComposer:
    """Captions by the nearest of those of training scenes; the edit is joined to them."""
    bank = sorted({caption(scene) for scene in world.train.scenes})
    return LanguageComposer(world.encoder, [NearestTexts(world.encoder, bank)])


def language(world: EditedScenes) -> Scores:
    """By the caption with the edit joined to it."""
    composer = near(world)
    return lambda asked: pdv.by(composer, asked).after @ asked.images.T


def templates(world: EditedScenes) -> LanguageComposer:
    """Words that know nothing of the picture, as :class:`DirectionalQuery` has them."""
    base = LanguageComposer(world.encoder)
    base.words = DirectionalQuery(world.encoder).words  # type: ignore[method-assign]
    return base


def direction(world: EditedScenes, base: LanguageComposer) -> Scores:
    """Sliders from the validation queries."""
    known = {id(asked): pdv.by(base, asked) for asked in (world.val, world.test)}

    def scores(asked: Asked, **sliders: float) -> Floats:
        made = known[id(asked)].fused(**sliders)
        ranked: Floats = made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9) @ asked.images.T
        return ranked

    return best(world, scores, [{"a_text": a, "a_image": i, "b": b} for a in pdv.A[2:] for i in pdv.A for b in pdv.B])


def words(world: EditedScenes, steps: int) -> Scores:
    """A picture as a word; RTD on the captions before and after the training edits, no picture."""
    train, encoder = world.train, world.encoder
    text = SlotText.of(encoder.model, encoder.tokenizer)
    torch.manual_seed(0)
    phi = fit_pseudo_word(PseudoWord(encoder.dim, text.tower.width), text, torch.from_numpy(train.images))
    if steps:
        before, after = ([caption(train.scenes[row]) for row in side] for side in (train.references, train.targets))
        triplets = TextTriplets(before, [one.text for one in train.triplets], after)
        text = RTD(text, phi, noise=0.15).fit(triplets, steps=steps)
    composer = PseudoWordComposer(encoder, phi, text)

    def scores(asked: Asked) -> Floats:
        queries = composer.queries(asked.images[asked.references], [one.text for one in asked.triplets])
        made: Floats = queries @ asked.images.T
        return made

    return scores


def combined(world: EditedScenes) -> Scores:
    """A combiner of the frozen vectors."""
    plan = Plan(epochs=20, batch=128, rate=1e-3)
    model, _, _ = fit_combiner(vectors(world.train), vectors(world.val), InfoNCE(), plan, width=256)
    return lambda asked: model.runs()(asked.images[asked.references], asked.texts) @ asked.images.T


def vectors(asked: Asked) -> Triplets:
    """The queries as the trainer takes them."""
    return Triplets(asked.images, asked.texts, asked.references, [np.array([row], np.int64) for row in asked.targets])


def prompts(world: EditedScenes) -> Scores:
    """Soft sentences on the frozen tokens."""
    tokenizer = WordTokenizer.fit([one.text for one in world.train.triplets], length=24)
    train = sprc.read(world, world.train, tokenizer)
    model = sprc.fitted(world.train, train, len(tokenizer), Budget(), Budget().steps(sprc.A_SECOND))

    def scores(asked: Asked) -> Floats:
        given = sprc.read(world, asked, tokenizer)
        with torch.no_grad():
            queries = model.compose(given.tokens[torch.as_tensor(asked.references)], given.ids)
            made: Floats = model.score(queries, model.targets(given.tokens)).numpy()
        return made

    return scores


def line(name: str, asked: Asked, scores: Floats, draws: Resampling, groups: Ints) -> str:
    """One row of the table."""
    cells = []
    for k in (1, 5, 10):
        hits = np.array([asked.ranked(scores, k, np.array([row])) for row in range(len(groups))])
        low, high = interval(draws.mean(hits, groups))
        cells.append(f"{hits.mean():.1f} ({low:.1f}-{high:.1f})")
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="rows whose names have these letters")
    asked = parser.parse_args()
    world = edited_scenes(Budget(), train=REFERENCES)
    test = world.test
    _, groups = np.unique(test.references, return_inverse=True)
    draws = Resampling(int(groups.max()) + 1)
    print(
        f"{len(test.triplets)} edits over {len(test.scenes)} scenes; {len(world.train.triplets)} others to train on\n"
    )
    print("| composer | R@1 | R@5 | R@10 |\n|---|---|---|---|")
    for name, make in rows(world).items():
        if asked.only.lower() in name.lower():
            print(line(name, test, make()(test), draws, groups.astype(np.int64)), flush=True)


if __name__ == "__main__":
    main()
