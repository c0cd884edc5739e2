# mypy: disallow-subclassing-any=False
"""UniME: text similarities learned from a teacher, then hard negatives without those that are likely right."""

from __future__ import annotations

from torch import Tensor

from openitr.objectives.constant import constant
from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Softmax
from openitr.objectives.mining import Hardest


class FilteredHardNegative(Contrastive):
    """Cross-entropy of a query over its answer and its k hardest candidates, false negatives left out.

    A candidate scored more than ``alpha`` above the answer is taken for another right answer. Pictures are the queries.

    Args:
        k: Negatives per query.
        alpha: A candidate may be this much better than the answer before it is left out.
        tau: Temperature, fixed.

    When to use:
        Fine-tuning a strong model on data with mismatched or repeated pairs.

    References:
        UniME, 2025, arXiv:2504.17432.

    >>> import torch
    >>> from openitr.objectives import Batch
    >>> FilteredHardNegative()(Batch(torch.eye(3), torch.eye(3))).item() < 1e-6
    True
    """

    def __init__(self, k: int = 8, alpha: float = 0.1, tau: float = 0.02) -> None:
        super().__init__(mining=Hardest(k, above=alpha), form=Softmax(tau, learn=False), directions=(1.0, 0.0))


def similarity_kl(student: Tensor, teacher: Tensor, tau: float = 0.05) -> Tensor:
    """UniME's first stage: how alike texts of a batch are to the student, as they are to the teacher.

    ``KL(softmax(T T' / tau) || softmax(E E' / tau))``, mean over the rows. The widths may differ.

    Args:
        student: (n, d) unit vectors.
        teacher: (n, e) unit vectors; they get no gradient.
        tau: Temperature of both.

    >>> import torch
    >>> similarity_kl(torch.eye(3), torch.eye(3)).item()
    0.0
    """
    wanted = constant((teacher @ teacher.T / tau).log_softmax(1))
    found = (student @ student.T / tau).log_softmax(1)
    return (wanted.exp() * (wanted - found)).sum(1).mean()
