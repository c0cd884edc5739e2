# mypy: disallow-subclassing-any=False
"""Several objectives at once, and the published losses of fusion models as such sums."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch
from openitr.objectives.info_nce import InfoNCE
from openitr.objectives.masked_words import MaskedWords
from openitr.objectives.matching import Matching, Transported
from openitr.objectives.momentum import MomentumContrast


class Several(Objective):
    """A weighted sum of objectives, each with its own terms and memory.

    Args:
        objectives: By default contrast and matching, what a fusion model needs at least. A name of a term that stands
            in two of them gets the number of its objective.
        weights: One each; 1 when left out. An objective of weight 0 is not computed, and its needs are none.

    >>> import torch
    >>> v = torch.eye(2)
    >>> both = Several(InfoNCE(0.1), InfoNCE(1.0), weights=(1.0, 0.5))
    >>> list(both.parts(Batch(v, v)))
    ['i2t', 't2i', 'i2t 2', 't2i 2']
    """

    def __init__(self, *objectives: Objective, weights: Sequence[float] = ()) -> None:
        super().__init__()
        chosen = objectives or (InfoNCE(), Matching())
        self.weights = tuple(weights) or (1.0,) * len(chosen)
        self.objectives = nn.ModuleList(chosen)
        self.needs = tuple(sorted({need for _, objective in self.counted() for need in objective.needs}))

    def counted(self) -> list[tuple[float, Objective]]:
        """The objectives that have a weight."""
        return [(w, o) for w, o in zip(self.weights, self.objectives, strict=True) if w]

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        found: dict[str, tuple[float, Tensor, Tensor | None]] = {}
        for number, (weight, objective) in enumerate(self.counted(), 1):
            for name, (share, values, counts) in objective.terms(batch).items():
                found[f"{name} {number}" if name in found else name] = weight * share, values, counts
        return found

    def update(self, batch: Batch) -> None:
        """Each objective remembers what it wants to."""
        for _, objective in self.counted():
            objective.update(batch)


class AlignThenFuseLoss(Several):
    """ALBEF's loss: contrast with a slow model and queues, matching on hard negatives, masked words.

    Args:
        dim: Width of the vectors.
        queue: Slow vectors remembered per side.
        share: Mass of the targets that the slow model gives, in contrast and in masked words; 0 trusts the pairs fully.
        tau: Temperature at the start.

    Needs:
        slow, match, matched, word_logits, word_ids

    When to use:
        Noisy pairs, for a model that searches by vectors and re-scores by fusion.

    References:
        ALBEF, Li et al. 2021, arXiv:2107.07651. The paper ramps ``share`` up in its first epoch; here it is constant.

    >>> sorted(AlignThenFuseLoss().needs)
    ['match', 'matched', 'slow', 'word_ids', 'word_logits']
    """

    one_text = True

    def __init__(self, dim: int = 128, queue: int = 4096, share: float = 0.4, tau: float = 0.07) -> None:
        super().__init__(MomentumContrast(dim, queue, share, tau), Matching(), MaskedWords(share))


class FusedBackboneLoss(Several):
    """FIBER's coarse stage: contrast with gates closed, matching and masked words with gates open, equal weights.

    Args:
        tau: Temperature at the start.

    Needs:
        match, matched, word_logits, word_ids

    References:
        FIBER, Dou et al. 2022, arXiv:2206.07643; without its queue.

    >>> sorted(FusedBackboneLoss().needs)
    ['match', 'matched', 'word_ids', 'word_logits']
    """

    def __init__(self, tau: float = 0.07) -> None:
        super().__init__(InfoNCE(tau), Matching(), MaskedWords())


class SingleStreamLoss(Several):
    """UNITER's losses over words: matching, masked words, alignment by optimal transport.

    The paper draws one task a step; here all are summed in every step (ours). Masked regions, its fourth task, need a
    detector's classes and are left out.

    Args:
        match, words, transport: Weights; the paper weighs transport 0.1 beside the others.

    Needs:
        match, matched, word_logits, word_ids, apart

    References:
        UNITER, Chen et al. 2020, arXiv:1909.11740.

    >>> sorted(SingleStreamLoss().needs)
    ['apart', 'match', 'matched', 'word_ids', 'word_logits']
    """

    def __init__(self, match: float = 1.0, words: float = 1.0, transport: float = 0.1) -> None:
        super().__init__(Matching(), MaskedWords(), Transported(), weights=(match, words, transport))
