"""GenIR (2025): a generator shows what was understood, the user corrects it, and the drawing is searched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from openitr.datasets.scenes import Scene, Thing, World, render
from openitr.embeddings import DenseEmbeddings
from openitr.encoders.base import Encoder
from openitr.evaluate.dialogue import dialog_hits
from openitr.search.dialogue.visual import Exemplar, Generator, PictureSearch, Proposal, VisualFeedbackSession, simulate
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.systems.edited_scenes import SIDE, WORLD, caption, edited_scenes
from openitr.types import ImageArray

PICTURES, DIALOGUES, ROUNDS = 400, 100, 4
ATTRIBUTES = ("kind", "colour", "pattern", "background")
ONE = replace(WORLD, things=(1, 1))
CAP = 12


def experiment(budget: Budget) -> Outcome:
    """Wrong openings over scenes of one thing: the renderer draws, the best hit is shown, a generator is deaf."""
    encoder = edited_scenes(budget, queries=5).encoder
    made, strewn = (gallery(encoder, PICTURES, budget.seed, middle=middle) for middle in (True, False))
    openings = [wrong(scene, budget.seed + row) for row, scene in enumerate(made.scenes[:DIALOGUES])]
    ranks = {name: dialogues(made, openings, name, budget.seed) for name in ("drawn", "retrieved", "deaf")}
    elsewhere = dialog_hits(dialogues(strewn, openings, "drawn", budget.seed), 1)[0]
    first = {name: dialog_hits(found, 1)[0] for name, found in ranks.items()}
    alone, so_far = dialog_hits(ranks["deaf"], 10)
    hand = dialog_hits(np.array([[12, 3, 40], [9, 30, 40], [11, 2, 10]]), 10)
    right = np.allclose(hand[0], [100 / 3, 100 / 3, 200 / 3]) and np.allclose(hand[1], [100 / 3, 200 / 3, 100])
    # Two standard errors of a difference of two shares of so many dialogues.
    error = 200 * np.sqrt(2 * alone[0] / 100 * (1 - alone[0] / 100) / DIALOGUES) + 1e-9
    sizes = capped(made, openings[0])
    return Outcome(
        [
            Check(
                "cumulative hits match an example made by hand, and never fall",
                {"hits by hand": float(hand[1][-1]), "largest fall": float(-min(0.0, np.diff(so_far).min()))},
                bool(right) and bool((np.diff(so_far) >= 0).all()),
            ),
            Check(
                f"with the renderer as generator, Hits@1 reaches 100 within {ROUNDS} rounds, one for each attribute",
                {f"Hits@1 drawn, round {r}": float(v) for r, v in enumerate(first["drawn"])},
                float(first["drawn"][-1]) == 100.0,
            ),
            Check(
                "the same where the thing stands anywhere in the picture meant, and the drawing does not know where",
                {"Hits@1 drawn, standing anywhere, last round": float(elsewhere[-1])},
                float(elsewhere[-1]) == 100.0,
                counts=False,
            ),
            Check(
                "correcting the drawing is faster than correcting the best hit",
                {
                    **{f"Hits@1 best hit, round {r}": float(v) for r, v in enumerate(first["retrieved"])},
                    "mean over rounds, drawn": float(first["drawn"][1:].mean()),
                    "mean over rounds, best hit": float(first["retrieved"][1:].mean()),
                },
                float(first["drawn"][1:].mean()) > float(first["retrieved"][1:].mean()),
            ),
            Check(
                "a generator that ignores the words gains nothing from round to round; cumulative hits rise by chance",
                {
                    "Hits@10 deaf, round 0": float(alone[0]),
                    "Hits@10 deaf, last round": float(alone[-1]),
                    "two standard errors": float(error),
                    "cumulative, last round": float(so_far[-1]),
                },
                float(alone[-1]) <= float(alone[0]) + float(error),
            ),
            Check(
                f"a description that grows is cut to {CAP} words and says so",
                {"words of the longest": max(sizes), "rounds": len(sizes)},
                max(sizes) <= CAP,
            ),
        ],
        f"{PICTURES} rendered scenes of one thing, {DIALOGUES} dialogues whose opening is wrong in all of "
        + ", ".join(ATTRIBUTES),
        [
            "the generator is the renderer, the user an oracle that names one wrong attribute: no diffusion model and "
            "no language model was run",
            "a small encoder trained on scenes; things stand in the middle, as the renderer draws them, where nothing "
            "else is said",
        ],
    )


@dataclass(frozen=True, eq=False)
class Shown:
    """Scenes of one thing, no two of the same attributes.

    Args:
        scenes: n of them.
        pictures: (n, side, side, 3) uint8.
        images: (n, d).
        encoder: That made them.
    """

    scenes: list[Scene]
    pictures: ImageArray
    images: DenseEmbeddings
    encoder: Encoder


def gallery(encoder: Encoder, n: int, seed: int, world: World = ONE, *, middle: bool = True) -> Shown:
    """At most n scenes, as many as differ, their things in the middle or anywhere."""
    rng, found = np.random.default_rng([seed, 5]), dict[tuple[str, ...], Scene]()
    for _ in range(20 * n):
        scene = world.sample(rng)
        found.setdefault(attributes(scene), drawn(attributes(scene)) if middle else scene)
        if len(found) == n:
            break
    scenes = list(found.values())
    pictures = np.stack([render(scene, SIDE) for scene in scenes])
    images = encoder.encode_images(list(pictures))
    assert isinstance(images, DenseEmbeddings)
    return Shown(scenes, pictures, images, encoder)


def attributes(scene: Scene) -> tuple[str, ...]:
    """Kind, colour, pattern and background."""
    thing = scene.things[0]
    return thing.kind, thing.colour, thing.pattern, scene.background


def drawn(said: tuple[str, ...]) -> Scene:
    """The scene of four attributes, its thing in the middle."""
    kind, colour, pattern, background = said
    return Scene((Thing(kind, colour, "large", pattern, 0.5, 0.5),), background)


def wrong(scene: Scene, seed: int) -> tuple[str, ...]:
    """Attributes of which none is the scene's."""
    rng = np.random.default_rng([seed, 6])
    known = (ONE.kinds, ONE.colours, ONE.patterns, ONE.backgrounds)
    return tuple(
        str(rng.choice([word for word in words if word != true]))
        for words, true in zip(known, attributes(scene), strict=True)
    )


class Table:
    """Captions of scenes of one thing, to their attributes and back: what the renderer and the oracle agree on."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, ...]] = {}

    def write(self, said: tuple[str, ...]) -> str:
        """The caption of four attributes."""
        text = caption(drawn(said))
        self._known[text] = said
        return text

    def draw(self, text: str) -> ImageArray:
        """The picture of a caption that was written here."""
        return render(drawn(self._known[text]), SIDE)

    def refine(self, text: str, feedback: str) -> str:
        """The caption with one attribute put right ("colour: red")."""
        name, _, value = feedback.partition(": ")
        return self.write(
            tuple(value if name == of else old for of, old in zip(ATTRIBUTES, self._known[text], strict=True))
        )

    def read(self, text: str) -> tuple[str, ...]:
        """The attributes in a caption that was written here."""
        return self._known[text]


def dialogues(shown: Shown, openings: list[tuple[str, ...]], way: str, seed: int) -> npt.NDArray[np.int64]:
    """(rounds + 1, n) ranks; corrected is what is "drawn", the best hit "retrieved", or what a "deaf" one drew."""
    table, rng = Table(), np.random.default_rng([seed, 7])
    seen = {picture.tobytes(): attributes(scene) for picture, scene in zip(shown.pictures, shown.scenes, strict=True)}

    def user(proposal: Proposal, target: int) -> str:
        assert proposal.picture is not None
        said = table.read(proposal.text) if way == "drawn" else seen[proposal.picture.tobytes()]
        for name, shows, true in zip(ATTRIBUTES, said, attributes(shown.scenes[target]), strict=True):
            if shows != true:
                return f"{name}: {true}"
        return ""

    generators: dict[str, Generator] = {
        "drawn": table.draw,
        "retrieved": Exemplar(shown.encoder, shown.images, lambda row: shown.pictures[row]),
        "deaf": lambda text: shown.pictures[int(rng.integers(len(shown.pictures)))],
    }
    search = PictureSearch(shown.encoder, shown.images, blend=1.0 if way == "retrieved" else 0.0)
    begin = partial(VisualFeedbackSession, generators[way], search, table.refine)
    return simulate(begin, user, [table.write(one) for one in openings], list(range(len(openings))), ROUNDS)


def capped(shown: Shown, opening: tuple[str, ...]) -> list[int]:
    """Words of the description over rounds that only add, with a cap."""
    search = PictureSearch(shown.encoder, shown.images)
    session = VisualFeedbackSession(lambda text: render(drawn(opening), SIDE), search, most_words=CAP)
    made = [
        session.begin(Table().write(opening)),
        *(session.feedback("it should be a little larger") for _ in range(6)),
    ]
    assert any("longer than" in note for proposal in made for note in proposal.notes)
    return [len(proposal.text.split()) for proposal in made]


CARD = Card(
    slug="genir",
    title="GenIR: Generative Visual Feedback for Mental Image Retrieval",
    year=2025,
    family="search/dialogue",
    claim="Showing a generated picture of what was understood lets people correct it, and searching by that picture "
    "finds a mental image in fewer rounds than words or the best hit as feedback.",
    parts=(
        "openitr.search.dialogue.visual.VisualFeedbackSession",
        "openitr.search.dialogue.visual.PictureSearch",
        "openitr.search.dialogue.visual.simulate",
        "openitr.evaluate.dialogue.dialog_hits",
    ),
    experiment=experiment,
)
