"""Explainable multimodal LLMs (2024 survey): its classes of methods, with representatives that run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from openitr.datasets.scenes import Scene, Thing, What, name, render
from openitr.systems.card import Budget, Card, Check, Outcome

if TYPE_CHECKING:
    from openitr.diagnose.explain.methods import Method
    from openitr.diagnose.towers import TowerEncoder

SIZE, GRID = 32, 8
KINDS = ("circle", "square", "star", "heart")
COLOURS = ("red", "green", "blue", "yellow")
METHODS: tuple[Method, ...] = ("occlusion", "ig", "gradient", "maxsim", "rollout")
MAIN: tuple[Method, ...] = ("occlusion", "ig")


def experiment(budget: Budget) -> Outcome:
    """Maps of a tower that knows shapes, and of the default model on photographs."""
    from openitr.diagnose.explain import agreement, explain, faithfulness, integrated_gradients, randomised
    from openitr.diagnose.taxonomy import TAXONOMY

    encoder, right, steps = shapes_tower(budget)
    rng = np.random.default_rng([budget.seed, 1])
    trials = draw(30, rng)
    blank = randomised(encoder, budget.seed)
    hits: dict[str, list[bool]] = {method: [] for method in METHODS}
    missing, deletion, alike = [], {m: list[tuple[float, float]]() for m in MAIN}, []
    for number, scene in enumerate(trials):
        picture, thing = render(scene, SIZE), scene.things[0]
        text = phrase(thing)
        complete = integrated_gradients(encoder, picture, text, steps=128)
        maps = {m: complete.grid(GRID) if m == "ig" else explain(encoder, picture, text, m, GRID) for m in METHODS}
        for method, map in maps.items():
            hits[method].append(_on(thing, map))
        missing.append(complete.missing)
        if number < 15:
            alike.append([agreement(maps[m], explain(blank, picture, text, m, GRID)) for m in MAIN])
            for method, curves in deletion.items():
                judged = faithfulness(encoder, picture, text, maps[method], seed=number)
                curves.append((judged.deletion, judged.random_deletion))
    pointed = {method: float(np.mean(found)) for method, found in hits.items()}
    falls = {method: np.mean(found, axis=0) for method, found in deletion.items()}
    changed = np.mean(alike, axis=0)
    photos = on_photographs(budget)
    broken = [leaf.name for leaf in TAXONOMY if not _resolves(leaf)]
    area = float(np.mean([_share(scene.things[0]) for scene in trials]))
    return Outcome(
        [
            Check(
                "integrated gradients sum to score(x) - score(baseline) within 1%",
                {"worst share missing": max(missing), "pictures explained": len(missing)},
                max(missing) < 0.01,
            ),
            Check(
                "deletion AUC of the map is lower than of random maps (shapes)",
                {f"{m} deletion": float(v[0]) for m, v in falls.items()}
                | {f"{m} random deletion": float(v[1]) for m, v in falls.items()},
                all(v[0] < v[1] for v in falls.values()),
            ),
            Check(
                "deletion AUC of the occlusion map is lower than of random maps (photographs, default model)",
                {"photo deletion": photos[0], "photo random deletion": photos[1], "photos": photos[2]},
                photos[0] < photos[1],
            ),
            Check(
                "“a red circle” peaks on that object in > 80% of scenes: occlusion and integrated gradients",
                {f"{m} peaks on it": pointed[m] for m in MAIN} | {"chance": area},
                min(pointed["occlusion"], pointed["ig"]) > 0.8,
            ),
            Check(
                "the same for the other maps",
                {f"{m} peaks on it": pointed[m] for m in ("gradient", "maxsim", "rollout")},
                min(pointed["gradient"], pointed["maxsim"]) > 0.8,
                counts=False,
            ),
            Check(
                "drawing the weights anew changes the map: mean rank correlation below 0.5",
                {"occlusion against drawn anew": float(changed[0]), "ig against drawn anew": float(changed[1])},
                float(np.abs(changed).max()) < 0.5,
            ),
            Check(
                "every leaf of the taxonomy is an importable object, or declared as not covered",
                {"leaves": len(TAXONOMY), "covered": sum(bool(leaf.code) for leaf in TAXONOMY), "broken": len(broken)},
                not broken and all(leaf.code or leaf.why_not for leaf in TAXONOMY),
            ),
        ],
        f"scenes of two of 16 coloured shapes, {SIZE} px, towers from scratch; {photos[2]} photographs of flickr8k",
        [f"{steps} steps; both things of a new scene score above all that are absent in {right:.0%}"],
    )


def phrase(thing: Thing) -> str:
    """The thing by colour and kind."""
    return name(What(thing.kind, thing.colour))["en"].lower()


def draw(count: int, rng: np.random.Generator) -> list[Scene]:
    """Scenes of two things that differ in kind and colour; the first one is asked about."""
    made = []
    for _ in range(count):
        kinds = [KINDS[i] for i in rng.permutation(len(KINDS))[:2]]
        colours = [COLOURS[i] for i in rng.permutation(len(COLOURS))[:2]]
        across = rng.permutation(2) * 0.46 + 0.27
        down = 0.25 + 0.5 * rng.random(2)
        things = [
            Thing(kind, colour, "large", "plain", float(x), float(y))
            for kind, colour, x, y in zip(kinds, colours, across, down, strict=True)
        ]
        made.append(Scene(tuple(things)))
    return made


def shapes_tower(budget: Budget) -> tuple[TowerEncoder, float, int]:
    """Towers taught which coloured shapes a scene holds; how often they are right on new scenes, and the steps taken.

    The targets of the sigmoid loss are what holds: a phrase may be true of many pictures of a batch.
    """
    import torch

    from openitr.diagnose.towers import TowerEncoder, fit, pixels
    from openitr.models import WordTokenizer, tiny_dual_encoder

    rng = np.random.default_rng(budget.seed)
    looks = [(kind, colour) for kind in KINDS for colour in COLOURS]
    phrases = [name(What(kind, colour))["en"].lower() for kind, colour in looks]
    tokenizer = WordTokenizer.fit(phrases)
    scenes = draw(2200, rng)
    pictures = pixels([render(scene, SIZE) for scene in scenes])
    there = torch.tensor([[float((k, c) in {(t.kind, t.colour) for t in s.things}) for k, c in looks] for s in scenes])
    ids = tokenizer.encode(phrases)
    torch.manual_seed(budget.seed)
    model = tiny_dual_encoder(SIZE, tokenizer, dim=64, depth=4, patch=4)
    scale = torch.nn.Parameter(torch.tensor([2.0, -2.0]))
    both = torch.nn.ModuleDict({"towers": model})
    both.register_parameter("scale", scale)

    def loss(rows: object) -> torch.Tensor:
        chosen = torch.as_tensor(rows)
        logits = model.encode_images(pictures[chosen]) @ model.encode_texts(ids).T * scale[0].exp() + scale[1]
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, there[chosen])

    steps = fit(both, loss, 2000, steps=budget.steps(4), batch=64, rate=2e-3, seed=budget.seed)
    with torch.inference_mode():
        scores = model.encode_images(pictures[2000:]) @ model.encode_texts(ids).T
    held = there[2000:] > 0
    low = torch.where(held, scores, torch.inf).amin(dim=1)
    high = torch.where(held, -torch.inf, scores).amax(dim=1)
    return TowerEncoder(model, tokenizer), float((low > high).float().mean()), steps


def on_photographs(budget: Budget, most: int = 6) -> tuple[float, float, int]:
    """Mean deletion AUC of occlusion maps of the default model, the same for random orders, and on how many photos."""
    from openitr import datasets, encoders
    from openitr.diagnose.explain import faithfulness, occlusion_map
    from openitr.media.images import decode

    encoder = encoders.load("default")
    found = []
    for pair in datasets.read(budget.data("flickr8k")).split("val").take(most, budget.seed):
        picture = decode(pair.read(), shrink_to=encoder.preparation.size).array
        text = pair.texts["en"][0]
        judged = faithfulness(encoder, picture, text, occlusion_map(encoder, picture, text, 5), steps=5, orders=2)
        found.append((judged.deletion, judged.random_deletion))
    means = np.mean(found, axis=0)
    return float(means[0]), float(means[1]), len(found)


def _on(thing: Thing, map: np.ndarray) -> bool:
    """Whether the middle of the highest cell lies in the thing's box."""
    row, column = np.unravel_index(int(map.argmax()), map.shape)
    x0, y0, x1, y1 = thing.box
    return bool(x0 <= (column + 0.5) / len(map) <= x1 and y0 <= (row + 0.5) / len(map) <= y1)


def _share(thing: Thing) -> float:
    x0, y0, x1, y1 = thing.box
    return (x1 - x0) * (y1 - y0)


def _resolves(leaf: object) -> bool:
    try:
        leaf.resolve()  # type: ignore[attr-defined]
    except ImportError:
        return False
    return True


CARD = Card(
    slug="mllm-interpret-survey",
    title="Explainable and Interpretable Multimodal Large Language Models: A Comprehensive Survey",
    year=2024,
    family="diagnose",
    claim="Interpretability falls into data, model, and training and inference, from tokens to embeddings.",
    parts=(
        "openitr.diagnose.explain.explain",
        "openitr.diagnose.explain.faithfulness",
        "openitr.diagnose.probe.linear_probe",
        "openitr.diagnose.taxonomy.TAXONOMY",
    ),
    experiment=experiment,
)
