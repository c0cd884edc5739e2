"""Short summaries of many opinions: sentences that cover what was said and how people felt about it.

The objective is monotone and submodular, so that the greedy choice is within 1 - 1/e of the best.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats
from openitr.errors import InputError
from openitr.search.forms import STOP, singular, words_of

Group = tuple[str, int]
_GOOD = (
    "good great excellent lovely wonderful amazing best love loved perfect nice beautiful friendly clean comfortable "
    "fast quick helpful delicious tasty fresh bright sharp easy quiet cheap fair happy pleasant reliable sturdy superb"
)
_BAD = (
    "bad poor terrible awful horrible worst hate hated dirty rude slow broken noisy expensive cold stale bland dull "
    "blurry heavy weak uncomfortable unreliable ugly useless disappointing sad cheaply faulty painful boring cramped"
)
_FEELING = dict.fromkeys(_GOOD.split(), 1.0) | dict.fromkeys(_BAD.split(), -1.0)
_NOT = frozenset(["not", "no", "never", "hardly", "isn't", "wasn't", "don't", "doesn't", "didn't", "aren't"])


def sentiment(text: str) -> float:
    """How good a text finds something, -1 to 1: the mean of its words of feeling, turned round by a "not" (ours).

    It knows some 70 English words: give a better one where it matters.

    >>> sentiment("The room was clean."), sentiment("not good"), sentiment("a room")
    (1.0, -1.0, 0.0)
    """
    words = words_of(text)
    found = [
        -_FEELING[word] if _NOT & set(words[max(0, at - 3) : at]) else _FEELING[word]
        for at, word in enumerate(words)
        if word in _FEELING
    ]
    return float(np.mean(found)) if found else 0.0


def likeness(sentences: Sequence[str]) -> Floats:
    """(n, n) cosine of sentences by their words, weighed by how few sentences have them."""
    bags = [[singular(word) for word in words_of(one) if word not in STOP] for one in sentences]
    place = {word: at for at, word in enumerate(dict.fromkeys(word for bag in bags for word in bag))}
    counts = np.zeros((len(bags), max(1, len(place))), np.float32)
    for row, bag in enumerate(bags):
        for word in bag:
            counts[row, place[word]] += 1
    weighed = counts * np.log(1 + len(bags) / np.maximum((counts > 0).sum(0), 1))
    lengths = np.linalg.norm(weighed, axis=1, keepdims=True)
    weighed /= np.maximum(lengths, 1e-9)
    alike: Floats = (weighed @ weighed.T).astype(np.float32)
    return alike


class SubmodularSummarizer:
    """Chooses sentences under a budget of words by lazy greedy.

    F(S) = lam * sum over i of min(sum over j in S of w_ij, g * sum over all j of w_ij)
    + (1 - lam) * sum over groups of sqrt(sum over j in S in the group of |sentiment_j|), each part divided by
    its value for all sentences. A group is an aspect with a polarity, so that both sides of every aspect are heard.

    Args:
        lam: Weight of content beside feeling, 0 to 1.
        saturation: g: how much of a sentence's ties are enough.
        cost_power: r of the greedy rule gain / cost ** r.
        sentiment: Text to -1..1.
        aspects: Aspect to the words that speak of it; without any, all sentences are of one aspect.

    Raises:
        InputError: ``lam`` or ``saturation`` out of range.

    References:
        Lin and Bilmes 2011 (the objective); Minoux 1978 (lazy greedy); the thesis of ``summ-keyphrase-ir`` (feeling).

    >>> SubmodularSummarizer(1.0).summarize(["A red dog.", "A red dog runs.", "The sea is cold."], budget=7)
    [0, 2]
    """

    def __init__(
        self,
        lam: float = 0.5,
        *,
        saturation: float = 0.25,
        cost_power: float = 1.0,
        sentiment: Callable[[str], float] = sentiment,
        aspects: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        if not 0 <= lam <= 1 or not 0 < saturation <= 1:
            raise InputError(f"lam {lam}, saturation {saturation}", "use 0 to 1, and a saturation above 0")
        self.lam, self.saturation, self.cost_power, self.sentiment = lam, saturation, cost_power, sentiment
        self.aspects = {name: {singular(word.lower()) for word in words} for name, words in (aspects or {}).items()}

    def summarize(self, sentences: Sequence[str], budget: float, *, costs: Sequence[float] | None = None) -> list[int]:
        """Places of the chosen sentences, in their order.

        Args:
            sentences: To choose from.
            budget: Most that the chosen may cost together.
            costs: Of each; its number of words if None.

        Raises:
            InputError: A cost that is not above 0, or not one per sentence.
        """
        if not sentences:
            return []
        prices = np.array([max(1, len(words_of(one))) for one in sentences] if costs is None else costs, np.float64)
        if prices.shape != (len(sentences),) or not (prices > 0).all():
            raise InputError("a sentence costs nothing", "give a cost above 0 for each")
        worth = self.objective(sentences)
        chosen = lazy_greedy(worth, prices, budget, self.cost_power)
        alone = [at for at in range(len(sentences)) if prices[at] <= budget]
        # With costs, greedy alone can be arbitrarily bad: the best single sentence is its safeguard.
        best = max(alone, key=lambda at: worth([at]), default=None)
        if best is not None and worth([best]) > worth(chosen):
            chosen = [best]
        return sorted(chosen)

    def objective(self, sentences: Sequence[str]) -> Callable[[Sequence[int]], float]:
        """F, of places of sentences."""
        alike = np.maximum(likeness(sentences).astype(np.float64), 0)
        most = self.saturation * alike.sum(1)
        feelings = np.array([self.sentiment(one) for one in sentences])
        groups: dict[Group, list[int]] = {}
        for at, one in enumerate(sentences):
            for aspect in self._aspects_of(one):
                groups.setdefault((aspect, int(np.sign(feelings[at]))), []).append(at)
        members: npt.NDArray[Any] = np.zeros((len(groups), len(sentences)))
        for row, places in enumerate(groups.values()):
            members[row, places] = 1
        strong = members * np.abs(feelings)
        whole = max(float(most.sum()), 1e-9), max(float(np.sqrt(strong.sum(1)).sum()), 1e-9)

        def worth(chosen: Sequence[int]) -> float:
            rows = list(chosen)
            content = float(np.minimum(alike[:, rows].sum(1), most).sum()) / whole[0]
            feeling = float(np.sqrt(strong[:, rows].sum(1)).sum()) / whole[1]
            return self.lam * content + (1 - self.lam) * feeling

        return worth

    def _aspects_of(self, sentence: str) -> list[str]:
        if not self.aspects:
            return [""]
        words = {singular(word) for word in words_of(sentence)}
        return [name for name, known in self.aspects.items() if words & known] or [""]


def greedy(
    worth: Callable[[Sequence[int]], float], costs: npt.NDArray[Any], budget: float, power: float = 1.0
) -> list[int]:
    """Plain greedy: again and again the element with the best gain / cost ** power that still fits; ties by place."""
    chosen: list[int] = []
    left, now = budget, worth([])
    while True:
        open_ = [at for at in range(len(costs)) if at not in chosen and costs[at] <= left]
        gains = [(-(worth([*chosen, at]) - now) / costs[at] ** power, at) for at in open_]
        best = min(gains, default=(0.0, -1))
        if best[0] >= -1e-12:
            return chosen
        chosen.append(best[1])
        left -= costs[best[1]]
        now = worth(chosen)


def lazy_greedy(
    worth: Callable[[Sequence[int]], float], costs: npt.NDArray[Any], budget: float, power: float = 1.0
) -> list[int]:
    """The same choice, with far fewer looks: a gain never grows, so an old one is a bound (Minoux 1978)."""
    chosen: list[int] = []
    left, now = budget, worth([])
    queue = [(-(worth([at]) - now) / costs[at] ** power, at, 0) for at in range(len(costs)) if costs[at] <= budget]
    heapq.heapify(queue)
    while queue:
        bound, at, known = heapq.heappop(queue)
        if costs[at] > left:
            continue
        if known < len(chosen):
            gain = -(worth([*chosen, at]) - now) / costs[at] ** power
            heapq.heappush(queue, (gain, at, len(chosen)))
            continue
        if bound >= -1e-12:
            break
        chosen.append(at)
        left -= costs[at]
        now = worth(chosen)
    return chosen
