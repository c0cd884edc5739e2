"""Reranking what a session shows, by text, pictures and what the user looked at before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError, ShapeError
from openitr.evaluate.run import Run

Numbers = npt.NDArray[np.float64]
Scorer = Callable[[str, Sequence[str]], npt.ArrayLike]


class SessionReranker:
    """A weighted sum of scores, with weights learned from clicks.

    Each scorer says how well each shown note fits a request, by one source of evidence. Within a request its scores are
    standardised (mean 0, standard deviation 1 over the shown notes), so weights compare sources, and the model is a
    conditional logit: the probability that note j of a request is the one clicked is softmax_j(w . x_j). Weights are
    fitted by Newton's method with a small ridge.

    Args:
        text: Request id and note ids to (n,) scores of the notes' texts.
        image: The same for their pictures; None leaves the source out.
        history: The same for their likeness to what the user clicked before; None leaves it out.
        ridge: Strength of the ridge.

    References:
        The sources are those of Qilin's baselines (Chen et al. 2025); the conditional logit is McFadden 1974, its use
        here ours.

    >>> good = {"n1": 1.0, "n2": 0.0, "n3": 0.5}
    >>> reranker = SessionReranker(text=lambda request, notes: [good[note] for note in notes])
    >>> shown = {f"r{i}": ["n1", "n2", "n3"] for i in range(8)}
    >>> reranker.fit(shown, {request: ["n1"] for request in shown}).weights["text"] > 0
    True
    >>> list(reranker.rerank({"r9": ["n2", "n3", "n1"]})["r9"])
    ['n1', 'n3', 'n2']
    """

    def __init__(
        self, text: Scorer, image: Scorer | None = None, history: Scorer | None = None, *, ridge: float = 1.0
    ) -> None:
        self.scorers = {
            name: one for name, one in (("text", text), ("image", image), ("history", history)) if one is not None
        }
        self.ridge = ridge
        self._weights: Numbers | None = None

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each source; equal ones before :meth:`fit`."""
        return dict(zip(self.scorers, self._used().tolist(), strict=True))

    def fit(self, shown: Mapping[str, Sequence[str]], clicks: Mapping[str, Sequence[str]]) -> SessionReranker:
        """Learn the weights.

        Args:
            shown: Request id to the notes shown.
            clicks: Request id to the notes clicked among them; requests without a click teach nothing.

        Raises:
            InputError: No click at all, or one on a note that was not shown.
        """
        seen = []
        for request, notes in shown.items():
            clicked = set(clicks.get(request, ()))
            if clicked - set(notes):
                raise InputError(
                    f"request {request!r}: {sorted(clicked - set(notes))[0]!r} was clicked but not shown",
                    "check the ids",
                )
            if clicked and len(notes) > 1:
                seen.append((self._features(request, notes), np.array([note in clicked for note in notes])))
        if not seen:
            raise InputError("no request with a click", "there is nothing to learn from")
        weights = np.zeros(len(self.scorers))
        for _ in range(50):
            slope, bend = -self.ridge * weights, self.ridge * np.eye(len(weights))
            for features, clicked_at in seen:
                chance = _softmax(features @ weights)
                mean = chance @ features
                apart = features - mean
                slope += (features[clicked_at] - mean).sum(axis=0)
                bend += clicked_at.sum() * (apart * chance[:, None]).T @ apart
            step = np.linalg.solve(bend, slope)
            weights = weights + step
            if np.abs(step).max() < 1e-9:
                break
        self._weights = weights
        return self

    def rerank(self, shown: Mapping[str, Sequence[str]], name: str = "reranked") -> Run:
        """Every request's shown notes in a new order."""
        ranked = {}
        for request, notes in shown.items():
            scores = self._features(request, notes) @ self._used()
            ranked[request] = dict(zip(notes, scores.tolist(), strict=True))
        return Run(ranked, name)

    def _used(self) -> Numbers:
        return np.ones(len(self.scorers)) if self._weights is None else self._weights

    def _features(self, request: str, notes: Sequence[str]) -> Numbers:
        columns = []
        for name, scorer in self.scorers.items():
            scores = np.asarray(scorer(request, notes), np.float64)
            if scores.shape != (len(notes),) or not np.isfinite(scores).all():
                what = f"the scorer {name!r} gave shape {scores.shape} for {len(notes)} notes, or not finite numbers"
                raise ShapeError(what, "one finite score for each note")
            spread = scores.std() if len(scores) else 0.0
            columns.append((scores - scores.mean()) / spread if spread > 1e-12 else np.zeros(len(scores)))
        return np.stack(columns, axis=1)


def _softmax(values: Numbers) -> Numbers:
    raised = np.exp(values - values.max())
    return np.asarray(raised / raised.sum())
