"""Conversations, measured: a simulated user who knows a picture by its captions answers what a session asks.

Hits are counted after every round by itself, and cumulatively, as ChatIR counts them: a dialogue that hit in any round
up to this one. The second number cannot fall, even if answers are noise; the first one can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from openitr.datasets.pairs import PairDataset
from openitr.embeddings import DenseEmbeddings, Ints
from openitr.encoders.base import Encoder
from openitr.errors import DatasetError, InputError
from openitr.evaluate.bootstrap import Interval, Resampling, interval
from openitr.evaluate.encode import encode_dataset_images
from openitr.search.dialogue.asking import Questioner
from openitr.search.dialogue.gallery import Gallery
from openitr.search.dialogue.session import Asks, Session
from openitr.search.dialogue.turns import Question, Turn
from openitr.search.forms import content

K = 10
Percent = npt.NDArray[np.float64]


def dialog_hits(ranks: Ints, k: int = K) -> tuple[Percent, Percent]:
    """Share of dialogues whose picture is among the first k: after each round, and in any round so far, percent.

    Args:
        ranks: (rounds + 1, n), from 1; the first row before any answer.
        k: 1 or more.

    Raises:
        InputError: No dialogue, or a k below 1.

    >>> [line.tolist() for line in dialog_hits(np.array([[12, 3], [9, 30]]), k=10)]
    [[50.0, 50.0], [50.0, 100.0]]
    """
    found = np.asarray(ranks)
    if found.ndim != 2 or not found.size or k < 1:
        raise InputError(f"ranks of shape {found.shape}, k {k}", "give (rounds, dialogues), and k of 1 or more")
    hit = found <= k
    return 100 * hit.mean(1), 100 * np.maximum.accumulate(hit, axis=0).mean(1)


class CaptionUser:
    """A user who can say of a picture what its captions say, and answers by word overlap.

    A question is answered by the caption, not said before, that shares the most words with the question and its
    options; by "no" or "not sure" where none shares any.

    Args:
        captions: That were not said yet.

    >>> user = CaptionUser(["A dog on a beach .", "Two men talk"])
    >>> ask = Question("Where is it: a beach, a street?", ("a beach", "a street"))
    >>> user(ask), user(ask)
    ('A dog on a beach', 'not sure')
    """

    def __init__(self, captions: Sequence[str]) -> None:
        self.left = list(captions)

    def __call__(self, question: Question) -> str:
        """What it says."""
        wanted = content(" ".join((question.text, *question.options, *question.adds)))
        best = max(self.left, key=lambda caption: len(content(caption) & wanted), default="")
        if not content(best) & wanted:
            return "no" if "no" in question.options else "not sure"
        self.left.remove(best)
        return best.strip(" .")


@dataclass(frozen=True, eq=False)
class ChatReport:
    """Ranks of every way to ask.

    Args:
        ranks: Way to ask, to (rounds + 1, n) ranks.
        answered: Way to ask, to how many of its questions were answered by more than no or not sure, per dialogue.
        protocol: What was asked of what, and how.
    """

    ranks: Mapping[str, Ints]
    answered: Mapping[str, float]
    protocol: Mapping[str, Any]

    def interval(self, name: str, round_: int, *, since: str | None = None, cumulative: bool = False) -> Interval:
        """95% of hits@10 after a round, or of what it is above another way's; dialogues are drawn with replacement."""
        draws = Resampling(self.ranks[name].shape[1], 1000, 0)
        hit = _hits(self.ranks[name], cumulative)[round_]
        if since is not None:
            hit = hit - _hits(self.ranks[since], cumulative)[round_]
        return interval(100 * draws.mean(hit, np.arange(hit.size)))

    def table(self) -> tuple[list[str], list[list[str]]]:
        """A line for each way to ask and each count, a column for each round."""
        rounds = next(iter(self.ranks.values())).shape[0]
        rows = []
        for name, found in self.ranks.items():
            alone, so_far = dialog_hits(found)
            for count, values in (("of the round", alone), ("up to it", so_far)):
                low, high = self.interval(name, rounds - 1, cumulative=count == "up to it")
                cells = [f"{value:.1f}" for value in values]
                rows.append([name, count, *cells, f"{low:.1f}–{high:.1f}"])
        return ["questions", "hits@10", "round 0", *map(str, range(1, rounds)), "95%, last"], rows

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        ways = {}
        for name, found in self.ranks.items():
            alone, so_far = dialog_hits(found)
            rounds = range(len(alone))
            ways[name] = {
                "hits@10": [round(float(v), 2) for v in alone],
                "hits@10 up to the round": [round(float(v), 2) for v in so_far],
                "intervals": [[round(v, 2) for v in self.interval(name, r)] for r in rounds],
                "intervals up to the round": [
                    [round(v, 2) for v in self.interval(name, r, cumulative=True)] for r in rounds
                ],
                "mean rank": [round(float(v), 2) for v in found.mean(1)],
                "answered per dialogue": round(self.answered[name], 2),
            }
        return {"task": "chat", "ways": ways, "protocol": dict(self.protocol)}


def evaluate_chat(
    pairs: PairDataset,
    encoder: Encoder,
    *,
    split: str | None = None,
    rounds: int = 5,
    dialogues: int = 200,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> ChatReport:
    """Hold the same dialogues with questions of the highest gain, with random questions, and with none.

    Each begins with the first caption of a picture; the user knows the others.

    Args:
        pairs: Pictures with two captions or more.
        encoder: Of any kind that :class:`~openitr.search.dialogue.gallery.Gallery` takes.
        split: Which part; None takes all.
        rounds: After the first search.
        dialogues: So many pictures are asked about, drawn by the seed; all are searched.
        seed: Of what is drawn, and of the random questions.
        progress: Called now and then with a line for people.

    Raises:
        InputError: Counts below 1.
        DatasetError: No picture has two captions.
    """
    if min(rounds, dialogues) < 1:
        raise InputError(f"{rounds} rounds, {dialogues} dialogues", "use 1 or more")
    say = progress or (lambda line: None)
    part = (pairs if split is None else pairs.split(split)).language("en")
    seen = encode_dataset_images(part, encoder, say)
    if seen.embeddings is None:
        raise DatasetError(f"no picture of {part.name} can be decoded", "check the files")
    kept = [part[int(row)] for row in seen.rows]
    captions = [list(pair.texts.get("en", ())) for pair in kept]
    able = np.array([row for row, said in enumerate(captions) if len(said) > 1])
    if not len(able):
        raise DatasetError(f"no picture of {part.name} has two captions", "a user must know more than was said first")
    rng = np.random.default_rng(seed)
    targets = np.sort(rng.permutation(able)[:dialogues])
    gallery = Gallery(cast(DenseEmbeddings, seen.embeddings), encoder)
    ways: dict[str, Asks | bool] = {
        "none": False,
        "random": Questioner(gallery.shows, rng=np.random.default_rng([seed, 1])),
        "information gain": Questioner(gallery.shows, least=0.0),
    }
    ranks, answered = {}, {}
    for name, asks in ways.items():
        say(f"{len(targets)} dialogues, questions: {name}")
        held = [dialogue(gallery, captions[row], int(row), asks, rounds) for row in targets.tolist()]
        ranks[name] = np.array([one for one, _ in held], np.int64).T
        answered[name] = float(np.mean([count for _, count in held]))
    protocol = {
        "data": f"{part.name}, {len(kept)} pictures searched, {len(targets)} asked about, seed {seed}",
        "opening": "the first caption",
        "user": "says the caption that shares the most words with the question, each once; else no or not sure",
        "counts": "hits@10 of the round, and of any round up to it (ChatIR); the second cannot fall",
        "intervals": "95%, percentile bootstrap over dialogues",
        "model": encoder.spec,
        "model_fingerprint": encoder.fingerprint,
        "language_model": "none",
    }
    return ChatReport(ranks, answered, protocol)


def dialogue(
    gallery: Gallery, captions: Sequence[str], target: int, asks: Asks | bool, rounds: int
) -> tuple[list[int], int]:
    """Ranks of one target after every round, and how many questions were answered by a caption."""
    session, user = Session(gallery, k=100, asks=asks), CaptionUser(captions[1:])
    turn = session.say(captions[0])
    ranks, before = [_rank(turn, target, len(gallery.items))], len(user.left)
    for _ in range(rounds):
        if turn.question is not None:
            turn = session.say(user(turn.question))
        ranks.append(_rank(turn, target, len(gallery.items)))
    return ranks, before - len(user.left)


def _rank(turn: Turn, target: int, total: int) -> int:
    """Among the hits, or behind all."""
    return next((place for place, hit in enumerate(turn.hits, 1) if hit.id == target), total)


def _hits(ranks: Ints, cumulative: bool) -> Percent:
    hit = ranks <= K
    made: Percent = (np.maximum.accumulate(hit, axis=0) if cumulative else hit).astype(np.float64)
    return made
