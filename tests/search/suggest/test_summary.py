"""Submodular summaries, against all subsets."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.errors import InputError
from openitr.search.suggest import SubmodularSummarizer
from openitr.search.suggest.summary import greedy, lazy_greedy, likeness, sentiment

WORDS = ["room", "clean", "dirty", "food", "great", "awful", "view", "staff"]
ASPECTS = {"room": ["room", "view"], "food": ["food"]}
SENTENCES = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join), min_size=1, max_size=6)


def by_loops(sentences: list[str], chosen: tuple[int, ...], lam: float, g: float) -> float:
    """F as its docstring says."""
    w = np.maximum(likeness(sentences).astype(float), 0)
    n = range(len(sentences))
    content = sum(min(sum(w[i, j] for j in chosen), g * sum(w[i, j] for j in n)) for i in n)
    whole = sum(g * sum(w[i, j] for j in n) for i in n)

    def feeling(some: tuple[int, ...]) -> float:
        sums: dict[tuple[str, float], float] = {}
        for j in some:
            words = sentences[j].split()
            names = [name for name, known in ASPECTS.items() if set(known) & set(words)] or [""]
            for name in names:
                key = name, float(np.sign(sentiment(sentences[j])))
                sums[key] = sums.get(key, 0.0) + abs(sentiment(sentences[j]))
        return sum(value**0.5 for value in sums.values())

    return lam * content / max(whole, 1e-9) + (1 - lam) * feeling(chosen) / max(feeling(tuple(n)), 1e-9)


@given(SENTENCES, st.sampled_from([0.0, 0.3, 1.0]))
@settings(max_examples=25, deadline=None)
def test_the_objective_equals_plain_loops_and_has_diminishing_returns(sentences: list[str], lam: float) -> None:
    worth = SubmodularSummarizer(lam, aspects=ASPECTS).objective(sentences)
    n = len(sentences)
    value = {some: worth(some) for size in range(n + 1) for some in combinations(range(n), size)}
    for some, one in value.items():
        assert one == pytest.approx(by_loops(sentences, some, lam, 0.25), abs=1e-6)
        for other in set(range(n)) - set(some):
            more = value[tuple(sorted((*some, other)))]
            assert more >= one - 1e-9
            for third in set(range(n)) - set(some) - {other}:
                small = value[tuple(sorted((*some, third)))] - one
                large = value[tuple(sorted((*some, other, third)))] - more
                assert large <= small + 1e-9


@given(SENTENCES, st.integers(1, 12), st.sampled_from([0.0, 1.0]))
@settings(max_examples=40, deadline=None)
def test_lazy_is_plain_greedy(sentences: list[str], budget: int, power: float) -> None:
    worth = SubmodularSummarizer(0.5, aspects=ASPECTS).objective(sentences)
    costs = np.array([len(one.split()) for one in sentences], float)
    lazy, plain = (make(worth, costs, budget, power) for make in (lazy_greedy, greedy))
    # Sentences that say the same are of the same use: which of them is taken is not decided.
    assert worth(lazy) == pytest.approx(worth(plain), abs=1e-9)
    assert costs[lazy].sum() <= budget


def test_greedy_is_near_the_best_of_all_sets() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        sentences = [" ".join(rng.choice(WORDS, 3)) for _ in range(8)]
        worth = SubmodularSummarizer(0.5, aspects=ASPECTS).objective(sentences)
        best = max(worth(some) for some in combinations(range(8), 3))
        assert worth(greedy(worth, np.ones(8), 3)) >= (1 - 1 / np.e) * best


def test_looks_fewer_times() -> None:
    rng = np.random.default_rng(1)
    sentences = [" ".join(rng.choice(WORDS, 3)) for _ in range(30)]
    worth = SubmodularSummarizer(0.5).objective(sentences)
    looks = {"lazy": 0, "plain": 0}

    def counted(name: str) -> object:
        def look(some: object) -> float:
            looks[name] += 1
            return worth(some)  # type: ignore[arg-type]

        return look

    lazy_greedy(counted("lazy"), np.ones(30), 8)  # type: ignore[arg-type]
    greedy(counted("plain"), np.ones(30), 8)  # type: ignore[arg-type]
    assert looks["lazy"] < 0.7 * looks["plain"]


def test_both_feelings_are_heard() -> None:
    sentences = ["the room was clean", "the room was great", "the room was lovely", "the food was awful"]
    chosen = SubmodularSummarizer(0.0, aspects=ASPECTS).summarize(sentences, budget=8)
    assert 3 in chosen and len(chosen) == 2


def test_the_best_single_sentence_is_the_safeguard() -> None:
    # By gain over cost the first comes first, and then nothing else fits: it covers one sentence, the second two.
    sentences = ["room", "food staff view clean", "food staff view dirty"]
    chosen = SubmodularSummarizer(1.0, saturation=1.0).summarize(sentences, budget=8, costs=[1, 8, 9])
    assert chosen == [1]


def test_edges() -> None:
    assert SubmodularSummarizer().summarize([], 10) == []
    assert SubmodularSummarizer().summarize(["a room"], 0) == []
    with pytest.raises(InputError):
        SubmodularSummarizer(1.5)
    with pytest.raises(InputError):
        SubmodularSummarizer().summarize(["a", "b"], 3, costs=[1, 0])
    assert sentiment("It was never dirty") == 1.0
