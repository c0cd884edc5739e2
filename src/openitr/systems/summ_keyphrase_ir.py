"""Document summarisation for image retrieval (2024): key phrases that fetch pictures, summaries with feeling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from openitr.datasets.scenes import COLOURS, Scene, Thing, render
from openitr.embeddings import Floats
from openitr.encoders.base import Encoder
from openitr.evaluate.metrics.rouge import rouge_n
from openitr.search.dialogue.gallery import Remembering
from openitr.search.suggest import Document, Illustrator, SubmodularSummarizer, rankers_for
from openitr.search.suggest.summary import greedy, lazy_greedy, sentiment
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.systems.edited_scenes import SIDE, WORLD, caption, edited_scenes

ARTICLES, GALLERY, SHOWN = 40, 600, 5
REAL, PARAGRAPHS, WITHIN = 12, 4, 10
PLACES = ("plain", "meadow", "sea", "snow")
TALK = (
    "The committee met on Tuesday to discuss the budget of the coming year.",
    "Visitors are welcome every day, and the entrance is free for members.",
    "Nobody remembers who had the first idea, but the plan was soon agreed.",
    "The weather was mild, and the train arrived with a delay of ten minutes.",
    "Further information can be found in the annual report of the society.",
    "Several letters to the editor asked for a different solution.",
)
ASPECTS = {"room": ["room", "bed"], "food": ["food", "breakfast"], "staff": ["staff", "waiter"], "price": ["price"]}
PRAISE = ("clean", "excellent", "lovely", "great", "perfect")
BLAME = ("dirty", "poor", "awful", "terrible", "disappointing")


def experiment(budget: Budget) -> Outcome:
    """Articles about scenes, sets of sentences looked through one by one, and opinions with a known truth."""
    encoder = Remembering(edited_scenes(budget).encoder)
    found = articles(encoder, budget.seed)
    singles = {name: value for name, value in found.items() if name not in ("together", "with feedback")}
    best = max(singles, key=lambda name: singles[name])
    real = photos(budget)
    alone = {name: value for name, value in real.items() if name not in ("together", "with feedback")}
    sets = small_sets(budget.seed)
    told = opinions(budget.seed)
    half = told[0.5]
    return Outcome(
        [
            Check(
                "articles: rankers put together, with feedback, beat the best single ranker on precision@5 of pictures",
                {
                    **{f"P@5, {name} alone": value for name, value in singles.items()},
                    "best single ranker": best,
                    "P@5, put together": found["together"],
                    "P@5, put together, with feedback": found["with feedback"],
                },
                found["with feedback"] > singles[best],
            ),
            Check(
                f"photos: how often the photo whose caption stands in a paragraph is among its {WITHIN} pictures",
                {
                    **{f"photos found, {name} alone, percent": value for name, value in alone.items()},
                    "photos found, put together, percent": real["together"],
                    "photos found, put together, with feedback, percent": real["with feedback"],
                },
                real["with feedback"] > max(alone.values()),
                counts=False,
            ),
            Check(
                "F has diminishing returns on every pair of nested sets of 7 sentences",
                {"pairs looked at": sets["pairs"], "violations": sets["violations"]},
                sets["violations"] == 0,
            ),
            Check(
                "greedy reaches 1 - 1/e of the best of all sets of the same size, and lazy greedy is plain greedy",
                {"worst share of the best": sets["share"], "sets where lazy differs": sets["differs"]},
                sets["share"] >= 1 - 1 / np.e and sets["differs"] == 0,
            ),
            Check(
                "opinions: lam = 0.5 follows the feeling of the whole more closely than lam = 1",
                {
                    "correlation of feeling, lam 1": told[1.0]["correlation"],
                    "correlation of feeling, lam 0.5": half["correlation"],
                    "correlation of feeling, lam 0": told[0.0]["correlation"],
                },
                half["correlation"] > told[1.0]["correlation"],
            ),
            Check(
                "opinions: lam = 0.5 keeps ROUGE-1 within 10% of lam = 1",
                {"ROUGE-1, lam 1": told[1.0]["rouge"], "ROUGE-1, lam 0.5": half["rouge"]},
                half["rouge"] >= 0.9 * told[1.0]["rouge"],
            ),
        ],
        f"{REAL} articles over the Flickr8k val photos; {ARTICLES} articles over {GALLERY} rendered scenes; "
        "10 sets of 7 sentences; 30 sets of written opinions",
        [
            "articles and opinions are made by templates, so that the truth is known; no collection of reviews is here",
            "position, title and captions find next to nothing on the scenes alone, and every ranker has the same vote",
            "the list of rankers, the caption model and the words of feeling are reconstructions",
        ],
    )


def articles(encoder: Encoder, seed: int) -> dict[str, float]:
    """Mean precision@5 of pictures, by single rankers, all put together, and with feedback."""
    rng = np.random.default_rng([seed, 118])
    scenes = [scene(rng) for _ in range(GALLERY)]
    pictures: Any = encoder.encode_images([render(one, SIDE) for one in scenes])
    images: Floats = pictures.values
    ids = np.arange(GALLERY, dtype=np.int64)
    rankers = rankers_for(encoder, images, [caption(scene(rng)) for _ in range(400)])
    written = [article(rng) for _ in range(ARTICLES)]

    def precision(names: Sequence[str], rounds: int) -> float:
        maker = Illustrator(encoder, ids, images, {name: rankers[name] for name in names}, rounds=rounds)
        got = []
        for document, kind, colour in written:
            shown = maker.best(document, SHOWN)
            got.append(np.mean([has(scenes[row], kind, colour) for row in shown]))
        return float(np.mean(got))

    found = {name: precision([name], 0) for name in rankers}
    return found | {"together": precision(list(rankers), 0), "with feedback": precision(list(rankers), 1)}


def photos(budget: Budget) -> dict[str, float]:
    """Percent of paragraphs whose photo is found, each a caption of a photo between two sentences of other talk."""
    from openitr import encoders
    from openitr.systems.frozen import pairs

    kept = pairs(budget, "flickr8k", split="val")
    encoder = Remembering(encoders.load("default"))
    rng = np.random.default_rng([budget.seed, 119])
    n = len(kept.ids)
    chosen = rng.permutation(n)[: REAL * PARAGRAPHS].reshape(REAL, PARAGRAPHS)
    first = {int(owner): text for text, owner in zip(reversed(kept.captions), reversed(kept.owners), strict=True)}
    told = set(chosen.ravel().tolist())
    captions = [text for text, owner in zip(kept.captions, kept.owners, strict=True) if int(owner) not in told]
    rankers = rankers_for(encoder, kept.images, captions)
    written = []
    for rows in chosen:
        talk = [[TALK[int(at)] for at in rng.choice(len(TALK), 2, replace=False)] for _ in rows]
        written.append(
            Document("", tuple(f"{a} {first[int(row)]} {b}" for row, (a, b) in zip(rows, talk, strict=True)))
        )

    def found(names: Sequence[str], rounds: int) -> float:
        ids = np.arange(n, dtype=np.int64)
        maker = Illustrator(encoder, ids, kept.images, {name: rankers[name] for name in names}, rounds=rounds)
        hits = [
            int(row) in one.ids
            for rows, document in zip(chosen, written, strict=True)
            for row, one in zip(rows, maker.illustrate(document, each=WITHIN), strict=True)
        ]
        return 100 * float(np.mean(hits))

    made = {name: found([name], 0) for name in rankers}
    return made | {"together": found(list(rankers), 0), "with feedback": found(list(rankers), 1)}


def scene(rng: np.random.Generator, kind: str | None = None, colour: str | None = None) -> Scene:
    """A scene of one thing."""
    colours = list(COLOURS)
    x, y = (round(float(value), 4) for value in rng.uniform(0.35, 0.65, 2))
    made = Thing(
        kind or WORLD.kinds[int(rng.integers(len(WORLD.kinds)))],
        colour or colours[int(rng.integers(len(colours)))],
        "large",
        ("plain", "striped")[int(rng.integers(2))],
        x,
        y,
    )
    return Scene((made,), PLACES[int(rng.integers(len(PLACES)))])


def article(rng: np.random.Generator) -> tuple[Document, str, str]:
    """An article about one kind of thing in one colour: the title names the thing, the text both, amid other talk."""
    about = scene(rng).things[0]
    talk = [TALK[int(at)] for at in rng.permutation(len(TALK))]
    said = f"This year the {about.colour} {about.kind} was chosen for the poster."
    again = f"On every wall a {about.colour} {about.kind} could be seen."
    other = scene(rng).things[0]
    aside = f"Once it had been a {other.colour} {other.kind}."
    document = Document(
        f"The {about.kind} of the society",
        (f"{talk[0]} {talk[1]}", f"{talk[2]} {said}", f"{aside} {talk[3]}", f"{again} {talk[4]}"),
    )
    return document, about.kind, about.colour


def has(one: Scene, kind: str, colour: str) -> bool:
    """Whether a scene shows the thing in its colour."""
    return any(thing.kind == kind and thing.colour == colour for thing in one.things)


def small_sets(seed: int, many: int = 10, size: int = 7, chosen: int = 3) -> dict[str, float]:
    """F on all subsets of few sentences."""
    pairs = violations = differs = 0
    share = 1.0
    for number in range(many):
        rng = np.random.default_rng([seed, number])
        sentences = [opinion(rng)[0] for _ in range(size)]
        worth = SubmodularSummarizer(0.5, aspects=ASPECTS).objective(sentences)
        value = {some: worth(some) for n in range(size + 1) for some in combinations(range(size), n)}
        for small in value:
            for large in value:
                if set(small) <= set(large):
                    for one in set(range(size)) - set(large):
                        gain = [value[tuple(sorted((*some, one)))] - value[some] for some in (small, large)]
                        pairs += 1
                        violations += gain[1] > gain[0] + 1e-9
        costs = np.ones(size)
        lazy, plain = lazy_greedy(worth, costs, chosen), greedy(worth, costs, chosen)
        differs += lazy != plain
        best = max(worth(some) for some in combinations(range(size), chosen))
        share = min(share, worth(plain) / best)
    return {"pairs": pairs, "violations": violations, "share": share, "differs": differs}


def opinion(rng: np.random.Generator, good: float = 0.5) -> tuple[str, float]:
    """A sentence about an aspect, and what it feels."""
    aspect = list(ASPECTS)[int(rng.integers(len(ASPECTS)))]
    word = ASPECTS[aspect][int(rng.integers(len(ASPECTS[aspect])))]
    told = ("near the window", "on the second day", "for our family", "in the old building")[int(rng.integers(4))]
    # Of equal length, so that a budget of words prefers neither.
    if rng.random() < 0.5:
        return f"The {word} {told} was {('mentioned', 'listed', 'numbered')[int(rng.integers(3))]}.", 0.0
    feels = bool(rng.random() < good)
    said = (PRAISE if feels else BLAME)[int(rng.integers(5))]
    return f"The {word} {told} was {said}.", 1.0 if feels else -1.0


def opinions(seed: int, many: int = 30, size: int = 30, budget: int = 40) -> dict[float, dict[str, float]]:
    """For three lams: correlation of summary and whole in feeling, and mean ROUGE-1 against the whole."""
    sets = []
    for number in range(many):
        rng = np.random.default_rng([seed, 1000 + number])
        good = float(rng.uniform(0.1, 0.9))
        sets.append([opinion(rng, good)[0] for _ in range(size)])
    whole = [feeling(sentences) for sentences in sets]
    found = {}
    for lam in (1.0, 0.5, 0.0):
        summarizer = SubmodularSummarizer(lam, aspects=ASPECTS)
        chosen = [[one[at] for at in summarizer.summarize(one, budget)] for one in sets]
        rouge = [rouge_n(" ".join(short), " ".join(one)).f1 for short, one in zip(chosen, sets, strict=True)]
        found[lam] = {
            "correlation": correlation([feeling(short) for short in chosen], whole),
            "rouge": float(np.mean(rouge)),
        }
    return found


def feeling(sentences: Sequence[str], of: Callable[[str], float] = sentiment) -> float:
    """Mean feeling of sentences."""
    return float(np.mean([of(one) for one in sentences])) if sentences else 0.0


def correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Pearson's; 0 where one of them does not vary."""
    if np.std(one) < 1e-12 or np.std(other) < 1e-12:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


CARD = Card(
    slug="summ-keyphrase-ir",
    title="Document Summarisation for Image Retrieval: key phrases, and submodular summaries of opinions",
    year=2024,
    family="search/suggest",
    claim="Key phrases by aggregated rankings with relevance feedback fetch pictures for articles; submodular "
    "summaries balance content and sentiment.",
    parts=(
        "openitr.search.suggest.Illustrator",
        "openitr.search.suggest.aggregate_ranks",
        "openitr.search.suggest.rocchio",
        "openitr.search.suggest.SubmodularSummarizer",
        "openitr.evaluate.metrics.rouge.rouge_n",
    ),
    experiment=experiment,
)
