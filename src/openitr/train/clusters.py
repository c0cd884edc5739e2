"""Many clusters of features, and the nearest few of each picture: labels without anybody labelling."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from openitr.errors import InputError


class Clusters:
    """k-means by the cosine.

    Args:
        k: Centres.
        top: Clusters that a picture is given, its nearest.
        rounds: Of Lloyd's algorithm, at most.
        seed: Of the first centres, which are pictures drawn far apart (k-means++).

    Attributes:
        centres: (k, d) unit vectors, after :meth:`fit`.

    References:
        Labels of several nearest centres: MLCD, arXiv:2407.17331. k-means++: Arthur and Vassilvitskii 2007.

    >>> features = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    >>> labels = Clusters(2).fit(features).assign(features)
    >>> labels[0, 0].item() == labels[1, 0].item() != labels[2, 0].item() == labels[3, 0].item()
    True
    """

    def __init__(self, k: int, *, top: int = 1, rounds: int = 30, seed: int = 0) -> None:
        if not 1 <= top <= k:
            raise InputError(f"top is {top} of {k} clusters", "use 1 to k")
        self.k, self.top, self.rounds, self.seed = k, top, rounds, seed
        self.centres = torch.zeros(0, 0)

    def fit(self, features: Tensor) -> Clusters:
        """Find the centres of (n, d) features.

        Raises:
            InputError: Fewer features than clusters.
        """
        if len(features) < self.k:
            raise InputError(f"{len(features)} pictures cannot form {self.k} clusters", "use fewer clusters")
        unit = F.normalize(features.float(), dim=1)
        centres = self._first(unit)
        nearest = torch.full((len(unit),), -1)
        for _ in range(self.rounds):
            scores = unit @ centres.T
            found = scores.argmax(1)
            if torch.equal(found, nearest):
                break
            nearest = found
            sums = torch.zeros_like(centres).index_add_(0, nearest, unit)
            empty = (torch.bincount(nearest, minlength=self.k) == 0).nonzero().flatten()
            # A centre without pictures takes one that is far from its own.
            sums[empty] = unit[scores.amax(1).argsort()[: len(empty)]]
            centres = F.normalize(sums, dim=1)
        self.centres = centres
        return self

    def assign(self, features: Tensor) -> Tensor:
        """The ``top`` nearest clusters of (n, d) features: (n, top) int64, nearest first."""
        return (F.normalize(features.float(), dim=1) @ self.centres.T).topk(self.top, 1).indices

    def _first(self, unit: Tensor) -> Tensor:
        made = torch.Generator().manual_seed(self.seed)
        chosen = [int(torch.randint(len(unit), (1,), generator=made))]
        far = 1 - unit @ unit[chosen[0]]
        for _ in range(self.k - 1):
            weights = far.clamp(min=0)
            weights = weights if float(weights.sum()) > 0 else torch.ones_like(weights)
            chosen.append(int(torch.multinomial(weights, 1, generator=made)))
            far = torch.minimum(far, 1 - unit @ unit[chosen[-1]])
        return unit[chosen].clone()
