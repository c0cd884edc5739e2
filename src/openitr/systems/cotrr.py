"""CoTRR (2025): a language model orders the shortlist in one listwise call, and no reply can lose a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from openitr.embeddings import Floats
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.types import ImageArray

if TYPE_CHECKING:
    from openitr.datasets.scenes import Scene, Statement
    from openitr.encoders.lmm import Message, Reply

SCENES, SIDE, N, ERROR = 200, 224, 10, 0.2
FUZZ = (
    "", "   \n", "I cannot see pictures.", "Final Answer:", "Final Answer: {", '{"top_10_indices": []}',
    '{"top_10_indices": [0, 11, 99, -3]}', '{"top_10_indices": "3, 1"}', '{"top_10_indices": [[1], null, 2.5, true]}',
    "[3, 1, 2]", "\x00{}{}", "{" * 5000,
)  # fmt: skip
READ = (
    'Final Answer: {"top_10_indices": [2, 2, 2, 1, 0, 12, 3], "CoT": "duplicates"}',
    'Sure!\n```json\n{"top_10_indices": ["4", "1"]}\n``` I hope this helps.',
    'Final Answer: {"top_10_indices": [10, 9, 8, 7, 6, 5, 4, 3, 2, 1], "CoT": "backwards"} {"a": 1}',
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Shortlists:
    """Scenes that a first stage found for their captions.

    Args:
        scenes: In order of their pictures.
        pictures: Rendered.
        facts: What each scene's caption says, one statement per thing.
        texts: The captions.
        found: (n, 10) rows of the scenes that the first stage found for each caption, best first.
    """

    scenes: list[Scene]
    pictures: list[ImageArray]
    facts: list[list[Statement]]
    texts: list[str]
    found: Any


class ListOracle:
    """A double for a model that sees: it judges every fact of the query in every candidate, and errs as it is told to.

    It stands where the published system had a large model, so that what is measured is the system's own part.

    Args:
        lists: What it knows.
        error: Share of single judgements that are wrong.
        seed: Of which.
    """

    name = "scene oracle"

    def __init__(self, lists: Shortlists, *, error: float = 0.0, seed: int = 0) -> None:
        self.scenes = {p.tobytes(): scene for p, scene in zip(lists.pictures, lists.scenes, strict=True)}
        self.facts = dict(zip(lists.texts, lists.facts, strict=True))
        self.error, self.seed, self.calls = error, seed, 0

    def shares(self, text: str, pictures: Sequence[ImageArray]) -> list[float]:
        """Of each picture, the share of the query's facts that it is judged to show."""
        from openitr.datasets.scenes import holds

        found = []
        for picture in pictures:
            rng = np.random.default_rng(
                [self.seed, *text.encode(), *np.frombuffer(picture[::32, ::32].tobytes(), np.uint8)]
            )
            seen = [
                holds(self.scenes[picture.tobytes()], fact) != (rng.random() < self.error) for fact in self.facts[text]
            ]
            found.append(float(np.mean(seen)))
        return found

    def generate(self, messages: Sequence[Message], **about: Any) -> Reply:
        """The candidates by the share of facts they show, best first, in the form that is asked for."""
        from openitr.encoders.lmm import Reply

        self.calls += 1
        text = messages[-1].text.partition("Query: ")[2].partition("\n")[0]
        shares = self.shares(text, [image for message in messages[:-1] for image in message.images])
        order = (np.argsort(-np.array(shares), kind="stable") + 1).tolist()
        return Reply(
            f'Thought.\nFinal Answer: {{"top_{len(order)}_indices": {order}, "CoT": "by the facts they show"}}'
        )


class Replies:
    """A double that always replies the same."""

    name = "replies"

    def __init__(self, reply: str) -> None:
        self.reply, self.calls = reply, 0

    def generate(self, messages: Sequence[Message], *, schema: Mapping[str, Any] | None = None, **about: Any) -> Reply:
        """The reply."""
        from openitr.encoders.lmm import Reply

        self.calls += 1
        return Reply(self.reply)


def experiment(budget: Budget) -> Outcome:
    """Listwise with an oracle that is right, with one that errs against yes and no, and with replies that are none."""
    from openitr import encoders

    lists = shortlists(encoders.load("default"), SCENES, budget.seed)
    first, at_n = recall(lists.found, 1), recall(lists.found, N)
    exact, erring = ListOracle(lists), ListOracle(lists, error=ERROR, seed=budget.seed)
    listed, by_error = listwise(lists, exact), listwise(lists, erring)
    pointwise = by_yes_and_no(lists, erring)
    calls, whole, unchanged = robust(lists)
    changed = identity(lists)
    return Outcome(
        [
            Check(
                f"with an oracle R@1 becomes what R@{N} of the first stage was, and R@{N} stays, in one call per query",
                {
                    "R@1, first stage": first,
                    f"R@{N}, first stage": at_n,
                    "R@1, oracle": recall(listed, 1),
                    f"R@{N}, oracle": recall(listed, N),
                    "calls per query": exact.calls / len(lists.texts),
                },
                recall(listed, 1) == at_n == recall(listed, N) and exact.calls == len(lists.texts),
            ),
            Check(
                f"with {ERROR:.0%} of all judgements wrong, ordering by them beats yes or no with ties",
                {"R@1, listwise, erring": recall(by_error, 1), "R@1, yes or no, erring": recall(pointwise, 1)},
                recall(by_error, 1) > recall(pointwise, 1),
            ),
            Check(
                "replies with duplicates, zeros, numbers out of range, prose or nothing give a permutation, in at most "
                "1 + 3 calls, and the old order where nothing can be read",
                {
                    "kinds of reply": len(FUZZ) + len(READ),
                    "permutations": whole,
                    "old order kept": unchanged,
                    "most calls": calls,
                },
                whole == len(FUZZ) + len(READ) and unchanged == len(FUZZ) and calls <= 4,
            ),
            Check("a reply that names the old order changes nothing", {"changed": changed}, changed == 0),
        ],
        f"{SCENES} rendered scenes and their captions, the default model as first stage, {N} candidates each",
        ["The language model is a scene oracle, exact or with wrong judgements at random: no language model was run."],
    )


def shortlists(encoder: Any, many: int, seed: int) -> Shortlists:
    """Scenes of three things with different captions, and the ten that the encoder finds for each caption."""
    from openitr.datasets.scenes import SHAPES, Exists, What, World, render

    world = World(
        kinds=SHAPES, patterns=("plain",), sizes=("large",), backgrounds=("plain",), things=(3, 3), arranged=0
    )
    rng = np.random.default_rng([seed, 23])
    scenes: dict[str, Scene] = {}
    while len(scenes) < many:
        scene = world.sample(rng)
        if len({(thing.kind, thing.colour) for thing in scene.things}) == 3:
            told = sorted(f"a {thing.colour} {thing.kind}" for thing in scene.things)
            scenes.setdefault(", ".join(told), scene)
    texts, drawn = list(scenes), list(scenes.values())
    facts: list[list[Statement]] = [[Exists(What(t.kind, t.colour)) for t in scene.things] for scene in drawn]
    pictures = [render(scene, SIDE) for scene in drawn]
    images: Floats = np.concatenate([encoder.encode_images([picture]).values for picture in pictures])
    scores = encoder.encode_texts(texts).values @ images.T
    return Shortlists(drawn, pictures, facts, texts, np.argsort(-scores, axis=1, kind="stable")[:, :N])


def listwise(lists: Shortlists, lmm: Any) -> Any:
    """(n, 10) rows after reranking, through the stage that a search has."""
    from openitr.search.pipeline import Candidates
    from openitr.search.rerank import ListwiseReranker, Rerank
    from openitr.types import Part, Query

    reranker = ListwiseReranker(lmm, lists.pictures.__getitem__, n=N, pause=0)
    stage = Rerank(reranker, top=N, batch=N, deadline_ms=None)
    found = []
    for text, rows in zip(lists.texts, lists.found, strict=True):
        candidates = Candidates(rows, np.linspace(1, 0.5, len(rows)))
        found.append(stage(Query([Part(text)]), candidates).ids)
    return np.stack(found)


def by_yes_and_no(lists: Shortlists, oracle: ListOracle) -> Any:
    """(n, 10) rows by one yes or no per candidate, from the same judgements; ties stay in the first stage's order."""
    found = []
    for text, rows in zip(lists.texts, lists.found, strict=True):
        yes = np.array(oracle.shares(text, [lists.pictures[row] for row in rows])) == 1
        found.append(rows[np.argsort(~yes, kind="stable")])
    return np.stack(found)


def recall(found: Any, k: int) -> float:
    """Share of queries whose own scene is among the first k, in percent."""
    return round(float((found[:, :k] == np.arange(len(found))[:, None]).any(1).mean() * 100), 2)


def robust(lists: Shortlists) -> tuple[int, int, int]:
    """Most calls that a useless reply cost, how many replies gave a permutation, and how many the old order."""
    from openitr.search.rerank import ListwiseReranker

    before = list(range(N))
    most = whole = unchanged = 0
    for reply in (*FUZZ, *READ):
        lmm = Replies(reply)
        order, _ = ListwiseReranker(lmm, n=N, pause=0).rerank("a red circle", lists.pictures[:N])
        most, whole = max(most, lmm.calls), whole + (sorted(order) == before)
        unchanged += order == before
    return most, whole, unchanged


def identity(lists: Shortlists) -> int:
    """Places that a reply changes which names the old order."""
    same = Replies(f'Final Answer: {{"top_10_indices": {list(range(1, N + 1))}, "CoT": ""}}')
    return int((listwise(lists, same) != lists.found).sum())


CARD = Card(
    slug="cotrr",
    title="CoTRR: chain-of-thought re-ranking for image retrieval",
    year=2025,
    family="search/rerank",
    claim="One listwise call, after taking the query apart and weighing every candidate, orders a shortlist better "
    "than judging candidates one by one.",
    parts=("openitr.search.rerank.ListwiseReranker", "openitr.encoders.lmm.LMM"),
    experiment=experiment,
)
