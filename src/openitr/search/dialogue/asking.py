"""The question that tells the most: expected information gain over the pictures that may be meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from openitr.errors import QueryError
from openitr.search.dialogue.showing import Grid, Shows
from openitr.search.dialogue.topics import THINGS, TOPICS, Option, Topic
from openitr.search.dialogue.turns import Memory, Question
from openitr.search.forms import content
from openitr.types import Hit

LEAST = 0.005
"""Bits: a question that is expected to tell less is not asked. Small, since the guesses of what a picture shows are
weak, and gains with them: the simulated dialogues gain from questions of 0.01 bits."""
OFFERED = 4
"""Options of one question, beside "none of these"."""
NOISE = 0.1
"""Share of answers that are given at random: people err, and so does the guess of what a picture shows."""
_TAGS = 30
# Share of pictures of which something is said, where nobody knows it.
_UNKNOWN = 0.15


def information_gain(belief: npt.ArrayLike, answers: npt.ArrayLike) -> float:
    """Expected bits that an answer tells about which picture is meant: H(answer) - H(answer | picture).

    Args:
        belief: (n,) weight of each picture, 0 or more; need not add up to 1.
        answers: (n, a) probability of each answer if that picture is meant; rows add up to 1.

    Raises:
        QueryError: No weight, or shapes that do not fit.

    >>> information_gain([1, 1], [[1, 0], [0, 1]]), information_gain([1, 1], [[0.5, 0.5], [0.5, 0.5]])
    (1.0, 0.0)
    """
    weights, chances = np.asarray(belief, np.float64), np.asarray(answers, np.float64)
    if weights.ndim != 1 or chances.shape[:1] != weights.shape or chances.ndim != 2:
        raise QueryError(f"beliefs {weights.shape} and answers {chances.shape}", "give (n,) and (n, a)")
    total = float(weights.sum())
    if not total > 0 or (weights < 0).any():
        raise QueryError("nothing is believed", "give weights of 0 or more, one of them above 0")
    weights = weights / total
    return max(0.0, _entropy(weights @ chances) - float(weights @ _entropies(chances)))


def belief(hits: Sequence[Hit]) -> Grid:
    """(n,) probability that each hit is the one meant, if exactly one is.

    If the hits' probabilities were independent, it would be in proportion to the odds p / (1 - p) of each. The square
    of the odds tells the truth better: over 1,000 captions of 500 photos that were set aside from the training of the
    default model, the photo meant has 4.3 bits on average with the square, 5.0 with the odds, 6.4 with their root.
    """
    p = np.clip([hit.probability for hit in hits], 1e-4, 0.9999)
    odds = (p / (1 - p)) ** 2
    made: Grid = odds / odds.sum()
    return made


@dataclass(frozen=True)
class Trust:
    """How a standardised score becomes the probability that something would be said of a picture.

    Args:
        slope: Log-odds for each standard deviation. 0.7 was fitted on 500 photos set aside from the default model's
            training, what their five captions say being taken for the truth; mean AUC over the phrases is 0.77.
    """

    slope: float = 0.7

    def of(self, scores: Grid, often: Grid) -> Grid:
        """(n, w) probabilities from scores (n, w) and how often each phrase is said of any picture (w,)."""
        # A mean of 0 and a spread of 1 shift the average of the logistic by about half the squared slope.
        odds = np.log(often / (1 - often)) - self.slope**2 / 2 + self.slope * scores
        made: Grid = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
        return made


class Questioner:
    """Chooses, among questions of templates and of the pictures' own tags, the one with the highest gain (ours; the
    setting is ChatIR's).

    Args:
        shows: Guesses what pictures show.
        least: Bits that a question must tell; below, nothing is asked.
        topics: What can be asked.
        trust: In the guesses.
        noise: Share of answers given at random.
        rng: Where given, any question that could be asked is, at random: a baseline.

    References:
        Levy et al. 2023, Chatting Makes Perfect, arXiv:2305.20062; Lindley 1956 for the measure.
    """

    def __init__(
        self,
        shows: Shows,
        *,
        least: float = LEAST,
        topics: Sequence[Topic] = TOPICS,
        trust: Trust | None = None,
        noise: float = NOISE,
        rng: np.random.Generator | None = None,
    ) -> None:
        if not 0 <= noise < 1:
            raise QueryError(f"noise is {noise}", "use 0 to less than 1")
        self.shows, self.least, self.topics = shows, least, tuple(topics)
        self.trust, self.noise, self.rng = trust or Trust(), noise, rng

    def __call__(
        self, hits: Sequence[Hit], memory: Memory, before: Sequence[Question]
    ) -> tuple[Question | None, Sequence[str]]:
        """The best question, or None."""
        found = self.questions(hits, memory, before)
        if self.rng is not None:
            return (found[int(self.rng.integers(len(found)))] if found else None), ()
        best = max(found, key=lambda question: question.gain, default=None)
        return (best if best is not None and best.gain >= self.least else None), ()

    def questions(self, hits: Sequence[Hit], memory: Memory, before: Sequence[Question]) -> list[Question]:
        """All that can be asked now, with their gains; nothing that was asked or said before."""
        told = (*memory.wanted, *memory.avoid, *memory.doubt)
        known = content(" ".join([*told, *(add for one in before for add in one.adds)]))
        open_topics = [_left(topic, known) for topic in (*self.topics, *of_tags(hits))]
        often = {option.phrase: option.often for topic in open_topics for option in topic.options}
        if not often or len(hits) < 2:
            return []
        likely = self._likely(hits, often)
        weights = belief(hits)
        asked = {question.text for question in before}
        made = list[Question]()
        for topic in open_topics:
            for option in topic.options:
                made.append(_yes_no(option, weights, likely[option.phrase], self.noise))
            if not topic.together and len(topic.options) > 1 and not _begun(topic, before):
                made.append(_choice(topic, weights, likely, self.noise))
        return [question for question in made if question.text not in asked]

    def ranked(self, questions: Sequence[Question], hits: Sequence[Hit]) -> list[Question]:
        """Questions of anybody with their gains, best first: options are judged by the phrases that they add."""
        often = {p: _UNKNOWN for one in questions for p in (*one.adds, *one.avoids) if p}
        if not often:
            return []
        likely = self._likely(hits, often)
        weights = belief(hits)
        made = []
        for one in questions:
            columns = np.stack(
                [
                    likely[add] if add else 1 - likely[avoid] if avoid else np.full(len(hits), 0.05)
                    for add, avoid in zip(one.adds, one.avoids, strict=True)
                ],
                axis=1,
            )
            answers = columns / columns.sum(1, keepdims=True)
            made.append(replace(one, gain=information_gain(weights, _noisy(answers, self.noise))))
        return sorted(made, key=lambda one: -one.gain)

    def _likely(self, hits: Sequence[Hit], often: dict[str, float]) -> dict[str, Grid]:
        """By phrase, (n,) probability that it would be said of each picture."""
        shares = np.array(list(often.values()))
        return dict(zip(often, self.trust.of(self.shows(hits, list(often)), shares).T, strict=True))


def of_tags(hits: Sequence[Hit]) -> list[Topic]:
    """What is written of the candidates, as further things to ask of: words of some of them, not of nearly all."""
    counts = Counter(word for hit in hits for word in {w.lower() for w in _tags(hit)})
    most = 0.8 * len(hits)
    chosen = [(word, count) for word, count in counts.most_common(_TAGS) if 1 < count < most]
    options = tuple(Option(word, word, count / len(hits)) for word, count in chosen)
    return [Topic(THINGS.text, options, together=True)] if options else []


def _tags(hit: Hit) -> list[str]:
    listed = [value for value in hit.item.metadata.values() if not isinstance(value, str | int | float | bool)]
    return [str(tag).strip() for tags in listed for tag in tags if 0 < len(str(tag).strip()) <= 40]


def _left(topic: Topic, known: frozenset[str]) -> Topic:
    return replace(topic, options=tuple(one for one in topic.options if not content(one.phrase) & known))


def _begun(topic: Topic, before: Sequence[Question]) -> bool:
    return any(question.text.startswith(topic.text) for question in before)


def _yes_no(option: Option, weights: Grid, shown: Grid, noise: float) -> Question:
    answers = _noisy(np.stack([shown, 1 - shown], axis=1), noise)
    return Question(
        f"Does it show {option.phrase}?"
        if option.phrase[:2] in ("a ", "an")
        else f"Does this describe it: {option.phrase}?",
        ("yes", "no"),
        information_gain(weights, answers),
        (option.phrase, ""),
        ("", option.phrase),
    )


def _choice(topic: Topic, weights: Grid, likely: dict[str, Grid], noise: float) -> Question:
    """The options that are likeliest among the candidates; of what a picture may show, the strongest is answered."""
    columns = np.stack([likely[option.phrase] for option in topic.options], axis=1)
    order = np.argsort(-(weights @ columns), kind="stable")[:OFFERED]
    odds = columns / (1 - columns)
    # The options that are not offered, and nothing of the kind, are one answer.
    rest = 1 + odds.sum(1, keepdims=True) - odds[:, order].sum(1, keepdims=True)
    answers = np.concatenate([odds[:, order], rest], axis=1)
    chosen = [topic.options[at] for at in order]
    return Question(
        f"{topic.text}: {', '.join(option.name for option in chosen)}?",
        (*(option.name for option in chosen), "none of these"),
        information_gain(weights, _noisy(answers / answers.sum(1, keepdims=True), noise)),
        (*(option.phrase for option in chosen), ""),
        ("",) * (len(chosen) + 1),
    )


def _noisy(answers: Grid, noise: float) -> Grid:
    made: Grid = (1 - noise) * answers + noise / answers.shape[1]
    return made


def _entropy(chances: Grid) -> float:
    return float(_entropies(chances[None, :])[0])


def _entropies(chances: Grid) -> Grid:
    safe = np.where(chances > 0, chances, 1.0)
    made: Grid = -(chances * np.log2(safe)).sum(1)
    return made
