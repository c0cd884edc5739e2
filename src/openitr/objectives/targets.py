"""What the scores should be: the second axis of an objective.

Each gives a (B, M) matrix of non-negative weights, how much text j is an answer to picture i. No gradient passes.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from openitr.objectives.batch import Batch
from openitr.objectives.constant import constant


class Targets:
    """Base of all targets: fill in :meth:`weights`.

    Attributes:
        needs: Fields of the batch beside the two embeddings.
        by_rows: Whether they follow from ``owner`` alone, so that they can be made for some pictures or texts only.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    by_rows: ClassVar[bool] = False

    def weights(self, batch: Batch, scores: Tensor) -> Tensor:
        """(B, M), any non-negative numbers; a form divides rows or columns by their sums where it wants them so."""
        raise NotImplementedError

    def __call__(self, batch: Batch, scores: Tensor) -> Tensor:
        """The weights, without gradient, in the type of the scores."""
        return constant(self.weights(batch, scores).to(scores.dtype))


class Own(Targets):
    """A picture's own texts, one or several (translations, paraphrases), and nothing else.

    >>> import torch
    >>> batch = Batch(torch.eye(2), torch.eye(3, 2), owner=torch.tensor([0, 0, 1]))
    >>> Own()(batch, torch.zeros(2, 3)).tolist()
    [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    by_rows = True

    def weights(self, batch: Batch, scores: Tensor) -> Tensor:
        return batch.positives()


class SameLabel(Targets):
    """Every text of a picture with the same label (UniCL, arXiv:2204.03610), smoothed over the batch if asked.

    Args:
        smoothing: This share of each row's mass is spread evenly.

    Needs:
        labels
    """

    needs = ("labels",)

    def __init__(self, smoothing: float = 0.0) -> None:
        self.smoothing = smoothing

    def weights(self, batch: Batch, scores: Tensor) -> Tensor:
        assert batch.labels is not None
        same = (batch.labels[:, None] == batch.labels[batch.owner][None]).to(scores.dtype)
        return (1 - self.smoothing) * shares(same) + self.smoothing / max(1, same.shape[1])


class Alike(Targets):
    """The own text, and a share for texts that say nearly the same: ``(1 - a) onehot + a softmax_j(t_i . t_j / tau)``.

    The likeness of texts is taken from the batch itself (Andonian et al. 2022, arXiv:2204.04588, and others).

    Args:
        share: ``a``, the mass that is given away.
        tau: Temperature of the likeness.
    """

    def __init__(self, share: float = 0.3, tau: float = 0.1) -> None:
        self.share, self.tau = share, tau

    def weights(self, batch: Batch, scores: Tensor) -> Tensor:
        own = shares(batch.positives().to(scores.dtype))
        like = own @ (batch.texts @ batch.texts.T / self.tau).softmax(1)
        return (1 - self.share) * own + self.share * like


class Slow(Targets):
    """The own text, and a share as the slow model sees it: ``(1 - a) onehot + a softmax_j(v'_i . t'_j / tau)``.

    Momentum distillation (ALBEF, arXiv:2107.07651).

    Args:
        share: ``a``.
        tau: Temperature of the slow scores.

    Needs:
        slow
    """

    needs = ("slow",)

    def __init__(self, share: float = 0.4, tau: float = 0.07) -> None:
        self.share, self.tau = share, tau

    def weights(self, batch: Batch, scores: Tensor) -> Tensor:
        assert batch.slow is not None
        own = shares(batch.positives().to(scores.dtype))
        seen = (batch.slow.images @ batch.slow.texts.T / self.tau).softmax(1).to(scores.dtype)
        return (1 - self.share) * own + self.share * seen


class Trusted(Targets):
    """The own text as far as the pair is trusted, the rest as the present model sees it (noisy correspondence; ours).

    ``Y_i = w_i onehot + (1 - w_i) softmax_j(S_ij / tau)``: a doubtful pair does not pull its wrong text closer.

    Args:
        tau: Temperature of the model's own opinion.

    Needs:
        trust
    """

    needs = ("trust",)

    def __init__(self, tau: float = 0.07) -> None:
        self.tau = tau

    def weights(self, batch: Batch, scores: Tensor) -> Tensor:
        assert batch.trust is not None
        trust = batch.trust.to(scores.dtype)[:, None]
        return trust * shares(batch.positives().to(scores.dtype)) + (1 - trust) * (scores / self.tau).softmax(1)


def shares(weights: Tensor) -> Tensor:
    """Rows divided by their sums; a row of zeros stays zero."""
    total = weights.sum(-1, keepdim=True)
    return weights / total.where(total > 0, total.new_ones(()))
