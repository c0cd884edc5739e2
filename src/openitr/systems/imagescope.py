"""ImageScope (2025): text, composed and dialogue queries as one text-to-picture search, verified and then judged."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openitr.datasets.scenes import Backdrop, Exists, Scene, Statement, What, describe, edit, holds
from openitr.embeddings import DenseEmbeddings
from openitr.search.dialogue.collective import CollectiveReasoner, Trace
from openitr.search.dialogue.reasoning import Asked
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.systems.edited_scenes import ACTIONS, WORLD, EditedScenes, caption, edited_scenes, part_of
from openitr.systems.edited_scenes import Asked as Queries

ERROR, TOP, ALPHA, QUERIES = 0.1, 20, 3, 150
KINDS = ("text", "composed", "dialogue")
MALFORMED = ("", "{", '{"core": 3}', "[]", "null", '{"core": ""}', "\x00" * 50, "{" * 2000, "Sure!", '{"changes": {}}')


def experiment(budget: Budget) -> Outcome:
    """Three kinds of queries over edited scenes, an oracle for the three models, exact, erring, and guessing."""
    world = edited_scenes(budget, queries=60)
    few = Wanted.of(world.test, budget.seed)
    shown = {name: recalls(world, few, error, budget.seed) for name, error in (("10%", ERROR), ("50%", 0.5))}
    kept, moved, plain = unchanged(world, few), beyond(world, few, budget.seed), as_plain(world, few)
    survived = [robust(world, few, reply) for reply in MALFORMED]
    checks = [
        Check(
            "all-equal counts and all-No leave the order as it was; only the first 20 and the first 3 can move",
            {"orders changed": kept, "moved from behind": moved},
            kept == moved == 0,
        ),
        Check(
            "one description and tau 0 is plain search",
            {"largest difference of a score": plain},
            plain < 1e-5,
        ),
    ]
    for kind in KINDS:
        one, two, three = shown["10%"][kind]
        checks.append(
            Check(
                f"{kind}: with oracles that are wrong on 10%, R@1 rises from search to verification to judgement",
                {f"R@1 {kind}, search": one, f"R@1 {kind}, verified": two, f"R@1 {kind}, judged": three},
                one < two < three,
            )
        )
    one, two = (float(np.mean([shown["50%"][kind][stage] for kind in KINDS])) for stage in (0, 1))
    checks += [
        Check(
            "with a verifier that is wrong on 50%, verification gains nothing",
            {"R@1 guessing, search": one, "R@1 guessing, verified": two},
            two <= one,
        ),
        Check(
            "replies that are no JSON, and models that are down, leave a usable order and a note",
            {"kinds of reply": len(MALFORMED), "survived": int(sum(survived)), "down": int(down(world, few))},
            all(survived) and down(world, few),
        ),
    ]
    return Outcome(
        checks,
        f"{len(few.rows)} targets, each as a text, a composed and a dialogue query, over {len(world.test.scenes)} "
        "rendered scenes",
        ["an oracle of the scenes stands for reasoner, verifier and judge: no language model was run"],
    )


@dataclass(frozen=True, eq=False)
class Wanted:
    """Targets with their three kinds of queries.

    Args:
        rows: (m,) of the targets in the gallery.
        references: (m,) of the pictures that are edited, which are no answer to a composed query.
        queries: By kind, m of them.
        world: The gallery.
    """

    rows: Sequence[int]
    references: Sequence[int]
    queries: dict[str, list[Asked]]
    world: Queries

    @classmethod
    def of(cls, world: Queries, seed: int) -> Wanted:
        """Of as many edits as there is time for."""
        rng = np.random.default_rng([seed, 8])
        chosen = np.sort(rng.permutation(len(world.triplets))[:QUERIES])
        queries: dict[str, list[Asked]] = {kind: [] for kind in KINDS}
        for row in chosen:
            target, reference = world.scenes[world.targets[row]], world.scenes[world.references[row]]
            queries["text"].append(Asked(caption(target)))
            queries["composed"].append(Asked(world.triplets[row].text, caption(reference)))
            turns = tuple(part_of(target, rng) for _ in range(3))
            queries["dialogue"].append(Asked(turns[-1], dialogue=turns[:-1]))
        return cls(world.targets[chosen].tolist(), world.references[chosen].tolist(), queries, world)


class Oracle:
    """Reasoner, verifier and judge for one target, wrong at a rate; always the same to the same question."""

    def __init__(self, wanted: Wanted, at: int, kind: str, error: float, seed: int) -> None:
        self.scenes, self.error, self.seed = wanted.world.scenes, error, seed
        self.at, self.kind, self.row = at, kind, wanted.rows[at]
        self.truth = self.scenes[self.row]
        self.mistaken = edit(self.truth, np.random.default_rng([seed, self.row]), WORLD, ACTIONS).after
        self.known = {**self.statements(self.mistaken), **self.statements(self.truth)}

    def _errs(self, *about: object) -> bool:
        word = "|".join(map(str, (self.seed, self.at, self.kind, *about)))
        return zlib.crc32(word.encode()) / 2**32 < self.error

    def statements(self, scene: Scene) -> dict[str, Statement]:
        """What a scene shows, piece by piece."""
        found: dict[str, Statement] = {f"the background is {scene.background}": Backdrop(scene.background)}
        for thing in scene.things:
            found[f"there is {describe(thing)}"] = Exists(describe(thing))
            found[f"there is a {thing.kind}"] = Exists(What(thing.kind))
        return found

    def reason(self, asked: Asked) -> str:
        """The target in three descriptions, taken for another now and then: one edit away."""
        rng = np.random.default_rng([self.seed, self.row])
        scene = self.mistaken if self._errs("reason") else self.truth
        propositions = [{"text": text, "holds": True} for text in self.statements(scene)]
        said = {"core": part_of(scene, rng), "enhanced": part_of(scene, rng), "comprehensive": caption(scene)}
        return json.dumps({**said, "changes": [], "propositions": propositions})

    def verify(self, row: int, proposition: str) -> bool:
        """Whether a scene shows what a proposition says; it may be one of the scene one edit away."""
        return holds(self.scenes[row], self.known[proposition]) != self._errs("verify", row, proposition)

    def judge(self, asked: Asked, row: int) -> bool:
        """Whether it is the target."""
        return (row == self.row) != self._errs("judge", row)


def recalls(world: EditedScenes, wanted: Wanted, error: float, seed: int) -> dict[str, tuple[float, float, float]]:
    """By kind of query, R@1 in percent after each stage."""
    images, captions = DenseEmbeddings(world.test.images), DenseEmbeddings(world.test.captions)
    found = {}
    for kind in KINDS:
        firsts = np.zeros((len(wanted.rows), 3))
        for at, asked in enumerate(wanted.queries[kind]):
            oracle = Oracle(wanted, at, kind, error, seed)
            system = CollectiveReasoner(
                world.encoder, images, captions=captions, reasoner=oracle.reason, verifier=oracle.verify,
                judge=oracle.judge, top=TOP, alpha=ALPHA,
            )  # fmt: skip
            trace = system.search(asked)
            leave = wanted.references[at] if kind == "composed" else -1
            firsts[at] = [_first(trace.orders[stage], leave) == wanted.rows[at] for stage in (1, 2, 3)]
        one, two, three = (100 * firsts.mean(0)).tolist()
        found[kind] = (one, two, three)
    return found


def _first(order: np.ndarray, leave: int) -> int:
    return int(order[1]) if int(order[0]) == leave else int(order[0])


def system(world: EditedScenes, **models: object) -> CollectiveReasoner:
    """Over the test gallery, pictures alone."""
    images = DenseEmbeddings(world.test.images)
    return CollectiveReasoner(world.encoder, images, top=TOP, alpha=ALPHA, **models)  # type: ignore[arg-type]


def unchanged(world: EditedScenes, wanted: Wanted, most: int = 20) -> int:
    """Queries whose order changes where every picture meets as many propositions and none is accepted."""
    changed = 0
    for at, asked in enumerate(wanted.queries["text"][:most]):
        oracle = Oracle(wanted, at, "text", 0.0, 0)
        made = system(world, reasoner=oracle.reason, verifier=lambda row, text: True, judge=lambda asked, row: False)
        orders = made.search(asked).orders
        changed += not all(np.array_equal(orders[1], orders[stage]) for stage in (2, 3))
    return changed


def beyond(world: EditedScenes, wanted: Wanted, seed: int, most: int = 20) -> int:
    """Pictures that moved though they stood behind those that a stage looks at, with models that guess."""
    moved = 0
    for at, asked in enumerate(wanted.queries["composed"][:most]):
        oracle = Oracle(wanted, at, "composed", 0.5, seed)
        orders = system(world, reasoner=oracle.reason, verifier=oracle.verify, judge=oracle.judge).search(asked).orders
        moved += int((orders[1][TOP:] != orders[2][TOP:]).sum() + (orders[2][ALPHA:] != orders[3][ALPHA:]).sum())
    return moved


def as_plain(world: EditedScenes, wanted: Wanted) -> float:
    """Largest difference between the scores of one description at tau 0 and the encoder's own."""
    asked = wanted.queries["text"][0]
    plain = world.encoder.encode_texts([asked.text]).values @ world.test.images.T
    images, captions = DenseEmbeddings(world.test.images), DenseEmbeddings(world.test.captions)
    made = CollectiveReasoner(world.encoder, images, captions=captions, tau=0.0).search(asked)
    return float(np.abs(made.scores - plain[0]).max())


def robust(world: EditedScenes, wanted: Wanted, reply: str) -> bool:
    """Whether a reply of any kind leaves a whole order and a note."""
    trace = system(world, reasoner=lambda asked: reply).search(wanted.queries["composed"][0])
    return _whole(trace) and bool(trace.notes)


def down(world: EditedScenes, wanted: Wanted) -> bool:
    """Whether models that are down leave the plain order, and a note of each."""
    from openitr.errors import LMMError

    def broken(*about: object) -> bool:
        raise LMMError("it is down")

    oracle = Oracle(wanted, 0, "text", 0.0, 0)
    made = system(world, reasoner=oracle.reason, verifier=broken, judge=broken).search(wanted.queries["text"][0])
    nobody = system(world, reasoner=broken).search(wanted.queries["text"][0])
    return _whole(made) and len(made.notes) == 2 and bool((made.order == made.orders[1]).all()) and bool(nobody.notes)


def _whole(trace: Trace) -> bool:
    return sorted(trace.order.tolist()) == list(range(len(trace.scores)))


CARD = Card(
    slug="imagescope",
    title="ImageScope: Unifying Language-Guided Image Retrieval via Large Multimodal Model Collective Reasoning",
    year=2025,
    family="search/dialogue",
    claim="Text, composed and chat retrieval are one training-free text-to-picture search, whose hits get better by "
    "verifying propositions and better still by a last judgement.",
    parts=(
        "openitr.search.dialogue.collective.CollectiveReasoner",
        "openitr.search.dialogue.collective.Trace",
        "openitr.search.dialogue.reasoning.as_read",
    ),
    experiment=experiment,
)
