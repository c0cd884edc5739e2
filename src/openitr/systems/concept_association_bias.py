"""Concept Association Bias (2022): two things in the picture, one named, and the other one's colour is the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from openitr.datasets.scenes import Scene, Thing, caption, render
from openitr.diagnose.association import CABProbe, CABReport, Subject
from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    from openitr.models import DualEncoder, WordTokenizer

SIZE, SCENES, ASKED = 32, 1500, 150
OWN = {
    "apple": "red",
    "tree": "green",
    "moon": "yellow",
    "heart": "pink",
    "fish": "orange",
    "chair": "brown",
    "car": "blue",
    "umbrella": "purple",
}
COLOURS = tuple(sorted(OWN.values()))
TEMPLATE = "A {colour} {thing}"


def experiment(budget: Budget) -> Outcome:
    """Constructed models first; then towers trained with fixed and with random colours, and a fusion layer on top."""
    from openitr.models import WordTokenizer

    probe = CABProbe(COLOURS, TEMPLATE)
    rng = np.random.default_rng(budget.seed)
    binder, bag = constructed(probe, rng)
    told = [caption(scene, "short", rng).texts["en"] for scene in draw(2, rng, natural=False)]
    told += [TEMPLATE.format(colour=colour, thing=thing) for colour in COLOURS for thing in OWN] + ["and"]
    tokenizer = WordTokenizer.fit([*told, *map(question, OWN)])
    subjects = ask(draw(ASKED, rng, natural=True))
    mixed = ask(draw(ASKED, rng, natural=False))
    found: dict[str, CABReport] = {}
    for name, natural in (("fixed", True), ("random", False)):
        model, steps = towers(tokenizer, budget, natural=natural)
        from openitr.diagnose.towers import TowerEncoder

        encoder = TowerEncoder(model, tokenizer)
        found[name] = probe.run(encoder, subjects if natural else mixed)
        if natural:
            kept, taken = model, steps
    accuracy, fused = fusion(kept, tokenizer, subjects, mixed, budget)
    return Outcome(
        [
            Check("an oracle that binds scores 0", {"score, oracle binder": binder.score}, binder.score == 0),
            Check(
                "a constructed bag of concepts scores > 0.9",
                {"score, bag of concepts": bag.score, "swap, bag of concepts": bag.swap},
                bag.score > 0.9,
            ),
            Check(
                "towers trained by InfoNCE on fixed colours: score > 0.6 on natural pictures",
                {
                    "score, fixed": found["fixed"].score,
                    "hit, fixed": found["fixed"].hit,
                    "swap, fixed": found["fixed"].swap,
                },
                found["fixed"].score > 0.6,
                counts=False,
            ),
            Check(
                "towers trained on random colours: score within 0.1 of 0.5",
                {
                    "score, random": found["random"].score,
                    "hit, random": found["random"].hit,
                    "swap, random": found["random"].swap,
                },
                abs(found["random"].score - 0.5) < 0.1,
                counts=False,
            ),
            Check(
                "a fusion layer over frozen tokens, taught to answer, lowers the score by > 0.2",
                {
                    "score, fused": fused.score,
                    "hit, fused": fused.hit,
                    "swap, fused": fused.swap,
                    "answers right on new pictures with random colours": accuracy,
                },
                found["fixed"].score - fused.score > 0.2,
                counts=False,
            ),
        ],
        f"scenes of two things out of {len(OWN)}, {SIZE} px; {len(subjects)} questions",
        [
            f"{taken} steps of the first towers, {steps} of the second; the checks on trained towers are reported, not "
            "asserted",
            "the fusion layer learns from pictures with random colours, so that the thing alone does not tell",
        ],
    )


def constructed(probe: CABProbe, rng: np.random.Generator) -> tuple[CABReport, CABReport]:
    """Answers of an oracle that reads the right colour, and of a bag of concepts.

    The bag's picture is the sum of both things' and both colours' vectors; the vector of a named thing already holds
    its own colour's, because the two always came together. The prompt with the other colour covers more of the picture.
    """
    subjects = ask(draw(100, rng, natural=True))
    oracle = probe.tally(subjects, [subject.right for subject in subjects])
    basis = np.eye(len(OWN) + len(COLOURS))
    thing = {name: basis[i] for i, name in enumerate(OWN)}
    colour = {name: basis[len(OWN) + i] for i, name in enumerate(COLOURS)}
    whole = {name: thing[name] + colour[OWN[name]] for name in OWN}
    owner = {value: name for name, value in OWN.items()}
    answers = []
    for subject in subjects:
        seen = whole[subject.thing] + whole[owner[subject.other]]
        asked = {x: whole[subject.thing] + colour[x] for x in COLOURS}
        answers.append(max(asked, key=lambda x: float(asked[x] @ seen / np.linalg.norm(asked[x]))))
    return oracle, probe.tally(subjects, answers)


def draw(count: int, rng: np.random.Generator, *, natural: bool) -> list[Scene]:
    """Scenes of two different things side by side, in their own colours or in any two different ones."""
    made = []
    for _ in range(count):
        kinds = [list(OWN)[i] for i in rng.permutation(len(OWN))[:2]]
        colours = [OWN[k] for k in kinds] if natural else [COLOURS[i] for i in rng.permutation(len(COLOURS))[:2]]
        places = rng.permutation([0.27, 0.73]), 0.3 + 0.4 * rng.random(2)
        made.append(
            Scene(
                tuple(
                    Thing(kind, hue, "large", "plain", float(x), float(y))
                    for kind, hue, x, y in zip(kinds, colours, *places, strict=True)
                )
            )
        )
    return made


def ask(scenes: list[Scene]) -> list[Subject]:
    """Both things of every scene in turn."""
    found = []
    for scene in scenes:
        one, two = scene.things
        picture = render(scene, SIZE)
        found += [
            Subject(picture, one.kind, one.colour, two.colour),
            Subject(picture, two.kind, two.colour, one.colour),
        ]
    return found


def question(thing: str) -> str:
    """What the fusion layer is asked."""
    return f"the colour of the {thing}"


def towers(tokenizer: WordTokenizer, budget: Budget, *, natural: bool) -> tuple[DualEncoder, int]:
    """Two towers trained by InfoNCE on scenes and their captions, and the steps taken."""
    import torch

    from openitr.diagnose.towers import fit, pixels
    from openitr.models import tiny_dual_encoder
    from openitr.objectives import info_nce

    rng = np.random.default_rng([budget.seed, int(natural)])
    scenes = draw(SCENES, rng, natural=natural)
    pictures = pixels([render(scene, SIZE) for scene in scenes])
    ids = tokenizer.encode([caption(scene, "short", rng).texts["en"] for scene in scenes])
    torch.manual_seed(budget.seed)
    model = tiny_dual_encoder(SIZE, tokenizer, dim=64, depth=4, patch=8)
    steps = fit(
        model,
        lambda rows: info_nce(model.encode_images(pictures[rows]), model.encode_texts(ids[rows]), 0.1),
        len(scenes),
        steps=budget.steps(5),
        rate=2e-3,
        seed=budget.seed,
    )
    return model, steps


def fusion(
    model: DualEncoder, tokenizer: WordTokenizer, subjects: list[Subject], mixed: list[Subject], budget: Budget
) -> tuple[float, CABReport]:
    """A transformer over patch and word tokens of the frozen towers, taught to answer; accuracy, and its CAB."""
    import torch
    from torch import nn

    from openitr.diagnose.towers import fit, frozen, pixels
    from openitr.models import Block

    rng = np.random.default_rng([budget.seed, 7])
    lessons = ask(draw(SCENES, rng, natural=False))

    def tokens(some: list[Subject]) -> torch.Tensor:
        with torch.inference_mode():
            seen = [model.view_images(pixels([s.picture for s in some[at : at + 256]])).tokens for at in parts(some)]
            said = model.view_texts(tokenizer.encode([question(s.thing) for s in some])).tokens
        return torch.cat([torch.cat(seen), said], dim=1).clone()

    def parts(some: list[Subject]) -> range:
        return range(0, len(some), 256)

    torch.manual_seed(budget.seed)
    width = int(model.dim)
    kinds = nn.Parameter(torch.randn(tokens(lessons[:2]).shape[1], width) * 0.02)
    blocks = nn.ModuleList(Block(width, 4) for _ in range(2))
    head = nn.Linear(width, len(COLOURS))
    fused = nn.ModuleDict({"blocks": blocks, "head": head})
    fused.register_parameter("kinds", kinds)

    def answer(states: torch.Tensor) -> torch.Tensor:
        states = states * width**0.5 + kinds
        for block in blocks:
            states = block(states)
        return head(states.mean(dim=1))

    with frozen(model):
        given = tokens(lessons)
        right = torch.tensor([COLOURS.index(s.right) for s in lessons])
        fit(
            fused,
            lambda rows: nn.functional.cross_entropy(answer(given[rows]), right[rows]),
            len(lessons),
            steps=budget.steps(10),
            rate=2e-3,
            seed=budget.seed,
        )
    with torch.inference_mode():
        natural, new = (answer(tokens(some)).argmax(dim=1).tolist() for some in (subjects, mixed))
    accuracy = float(np.mean([COLOURS[a] == s.right for a, s in zip(new, mixed, strict=True)]))
    return accuracy, CABProbe(COLOURS, TEMPLATE).tally(subjects, [COLOURS[a] for a in natural])


CARD = Card(
    slug="concept-association-bias",
    title="When are Lemons Purple? The Concept Association Bias of Vision-Language Models",
    year=2022,
    family="diagnose",
    claim="Contrastive models answer with the attribute of the thing that was not named; fusing the modalities helps.",
    parts=(
        "openitr.diagnose.association.CABProbe",
        "openitr.diagnose.association.CABReport",
        "openitr.diagnose.association.make_two_object_images",
    ),
    experiment=experiment,
)
