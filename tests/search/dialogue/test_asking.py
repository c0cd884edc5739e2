"""Information gain against Bayes in plain loops, and which questions are asked."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import QueryError
from openitr.search.dialogue.asking import Questioner, Trust, belief, information_gain, of_tags
from openitr.search.dialogue.topics import TOPICS, Option, Topic
from openitr.search.dialogue.turns import Memory, Question
from openitr.types import Hit
from tests.search.fakes import item


def hits(*probabilities: float, tags: dict[int, list[str]] | None = None) -> list[Hit]:
    return [
        Hit(item(at, metadata={"tags": (tags or {}).get(at, [])}), 0.0, p, "maybe")
        for at, p in enumerate(probabilities)
    ]


def by_bayes(weights, answers) -> float:
    """Entropy before, less the mean entropy after: for each answer, the posterior picture by picture."""
    prior = [w / sum(weights) for w in weights]
    gain = -sum(p * log2(p) for p in prior if p > 0)
    for a in range(len(answers[0])):
        joint = [p * row[a] for p, row in zip(prior, answers, strict=True)]
        total = sum(joint)
        if total > 0:
            gain -= total * -sum(j / total * log2(j / total) for j in joint if j > 0)
    return gain


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**31))
def test_gain_is_entropy_before_less_entropy_after(n, a, seed):
    rng = np.random.default_rng(seed)
    weights, answers = rng.random(n) + 1e-3, rng.dirichlet(np.ones(a), n)
    gain = information_gain(weights, answers)
    assert gain == pytest.approx(by_bayes(weights.tolist(), answers.tolist()), abs=1e-9)
    assert -1e-12 <= gain <= min(log2(n), log2(a)) + 1e-9


@pytest.mark.parametrize(
    ("weights", "answers"), [([0, 0], [[1], [1]]), ([1, -1], [[1], [1]]), ([1], [[1], [1]]), ([1, 1], [0.5, 0.5])]
)
def test_nothing_to_gain_from_nonsense(weights, answers):
    with pytest.raises(QueryError):
        information_gain(weights, answers)


def test_belief_is_the_squared_odds():
    assert belief(hits(0.5, 0.75, 0.5)).tolist() == pytest.approx([1 / 11, 9 / 11, 1 / 11])


def test_trust_is_the_share_on_average():
    scores = np.random.default_rng(0).normal(size=(20_000, 2))
    # The shift is exact for small slopes only; a tenth of the share is near enough to choose questions by.
    assert Trust().of(scores, np.array([0.1, 0.3])).mean(0) == pytest.approx([0.1, 0.3], rel=0.2)
    assert Trust(0.0).of(scores, np.array([0.1, 0.3]))[0].tolist() == pytest.approx([0.1, 0.3])


class Truth:
    """Knows of each hit what it shows."""

    def __init__(self, shown: dict[int, set[str]]) -> None:
        self.shown = shown

    def __call__(self, hits, phrases):
        return np.array([[8.0 if p in self.shown.get(hit.id, ()) else -8.0 for p in phrases] for hit in hits])


PLACES = Topic("Where is it", (Option("grass", "on grass"), Option("snow", "in the snow"), Option("a car", "in a car")))
OTHERS = Topic("Is there", (Option("a hat", "a hat"), Option("a cup", "a cup")), together=True)


def test_the_question_that_splits_best_is_asked():
    shown = {0: {"on grass", "a hat"}, 1: {"on grass", "a hat"}, 2: {"in the snow", "a hat"}, 3: {"in a car"}}
    asks = Questioner(Truth(shown), topics=(PLACES, OTHERS), noise=0.0)
    found = asks.questions(hits(0.5, 0.5, 0.5, 0.5), Memory(("a man",)), ())
    best, notes = asks(hits(0.5, 0.5, 0.5, 0.5), Memory(("a man",)), ())
    assert best is not None and best.gain == max(one.gain for one in found) and not notes
    # Half, a quarter, a quarter: 1.5 bits; the guess is not quite sure of each.
    assert best.text.startswith("Where is it: grass") and best.gain == pytest.approx(1.5, abs=0.15)
    assert best.options[-1] == "none of these" and best.adds[:1] == ("on grass",)
    hat = next(one for one in found if one.adds == ("a hat", ""))
    assert hat.gain == pytest.approx(-(0.75 * log2(0.75) + 0.25 * log2(0.25)), abs=0.15)
    cup = next(one for one in found if one.adds == ("a cup", ""))
    assert cup.gain < 0.05


def test_nothing_that_is_known_or_was_asked_is_asked():
    shown = {0: {"on grass"}, 1: {"in the snow"}, 2: {"in a car"}}
    asks = Questioner(Truth(shown), topics=(PLACES,), noise=0.0)
    three = hits(0.5, 0.5, 0.5)
    known = asks.questions(three, Memory(("snowy",), ("grass",)), ())
    assert {add for one in known for add in one.adds if add} == {"in a car"}
    before: list[Question] = []
    while (question := asks(three, Memory(("a man",)), before)[0]) is not None:
        assert question.text not in [one.text for one in before]
        before.append(question)
    assert 1 <= len(before) < 5


def test_below_the_least_gain_nothing_is_asked():
    same = Questioner(Truth({at: {"on grass"} for at in range(3)}), topics=(PLACES,))
    assert same(hits(0.5, 0.5, 0.5), Memory(("x",)), ())[0] is None
    sure = Questioner(Truth({0: {"on grass"}, 1: {"in the snow"}}), topics=(PLACES,))
    assert sure(hits(0.999, 0.01), Memory(("x",)), ())[0] is None
    assert sure(hits(0.5, 0.5), Memory(("x",)), ())[0] is not None
    assert sure(hits(0.5), Memory(("x",)), ())[0] is None


def test_tags_of_some_are_asked_of_those_of_all_or_one_are_not():
    found = of_tags(
        hits(*[0.5] * 5, tags={0: ["Rex", "all"], 1: ["rex", "all"], 2: ["all"], 3: ["all"], 4: ["all", "z"]})
    )
    assert [(one.name, one.often) for one in found[0].options] == [("rex", 0.4)]
    assert of_tags(hits(0.5, 0.5)) == []


def test_questions_of_others_are_judged():
    asks = Questioner(Truth({0: {"on grass"}, 1: {"in the snow"}}), noise=0.0)
    useful = Question("Where?", ("green", "white"), 0.0, ("on grass", "in the snow"), ("", ""))
    useless = Question("What?", ("cup", "hat"), 0.0, ("a cup", "a hat"), ("", ""))
    first, second = asks.ranked([useless, useful], hits(0.5, 0.5))
    assert first.text == "Where?" and first.gain > 0.5 > second.gain
    assert asks.ranked([Question("?", ("a", "b"), 0.0, ("", ""), ("", ""))], hits(0.5, 0.5)) == []


def test_topics_are_sound():
    assert len({topic.text for topic in TOPICS}) == len(TOPICS)
    for topic in TOPICS:
        names = [option.name for option in topic.options]
        assert len(names) > 1 and len(set(names)) == len(names)
        assert all(0 < option.often < 1 and option.phrase.strip() for option in topic.options)


def test_noise_out_of_range():
    with pytest.raises(QueryError):
        Questioner(Truth({}), noise=1.0)
