"""How alike two sequences of pictures and sentences are, over all ways to walk through both in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from openitr.errors import InputError, ShapeError


@dataclass(frozen=True, eq=False)
class Slices:
    """A sequence of pictures and sentences, as frozen encoders see them.

    Args:
        picture: (n,) bool, False for a sentence.
        own: (n, d) in the space of its kind: of a vision model for pictures, of a sentence model for sentences; padded
            with zeros where the two differ in width.
        both: (n, e) in a space that both kinds share.

    Raises:
        ShapeError: Lengths that differ, or no slice.
    """

    picture: Tensor
    own: Tensor
    both: Tensor

    def __post_init__(self) -> None:
        if not len(self.picture) == len(self.own) == len(self.both) or not len(self.picture):
            raise ShapeError(
                f"{len(self.picture)} kinds, {len(self.own)} and {len(self.both)} vectors of a sequence",
                "give one of each for every slice, and one slice at least",
            )


class AlignmentKernel:
    """Global alignment kernel (Cuturi et al. 2007) with three local kernels, one for each meeting of kinds.

    Locally ``k = exp(-phi)``, ``phi = d + log(2 - exp(-d))``, ``d = |x - y|^2 / (2 sigma^2)``. Globally
    ``M[i, j] = k(x_i, y_j) (M[i-1, j] + M[i, j-1] + M[i-1, j-1])``: the sum over all monotone walks through both; the
    last M, divided by the root of the two sequences' own, is the kernel. Everything is computed in logarithms.

    With one space and one sigma for all it is positive definite; with three it need not be.

    Args:
        pictures: sigma where two pictures meet.
        sentences: sigma where two sentences meet.
        across: sigma where a picture meets a sentence.

    References:
        Local kernel and recursion: Cuturi et al. 2007, "A kernel for time series based on global alignments". Three
        kernels: Sugar, Chow et al. 2024, arXiv:2411.00304.

    >>> one = Slices(torch.tensor([True]), torch.zeros(1, 2), torch.zeros(1, 2))
    >>> AlignmentKernel()([one, one]).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """

    def __init__(self, pictures: float = 1.0, sentences: float = 1.0, across: float = 1.0) -> None:
        if min(pictures, sentences, across) <= 0:
            raise InputError("a sigma is not above 0", "use the median distance of the vectors")
        self.pictures, self.sentences, self.across = pictures, sentences, across

    def __call__(self, sequences: Sequence[Slices]) -> Tensor:
        """Normalised kernel of S sequences with each other, as logarithms: (S, S), 0 on the diagonal."""
        lengths = torch.tensor([len(one.picture) for one in sequences])
        flat = Slices(*(torch.cat([getattr(one, name) for one in sequences]) for name in ("picture", "own", "both")))
        likeness = -self._phi(flat)
        # (S, n, S, n): every sequence padded to the longest.
        longest, many = int(lengths.max()), len(sequences)
        place = torch.cat([torch.arange(int(n)) for n in lengths]) + longest * torch.arange(many).repeat_interleave(
            lengths
        )
        padded = likeness.new_full((many * longest, many * longest), -torch.inf)
        padded[place[:, None], place[None]] = likeness
        tables = padded.unflatten(1, (many, longest)).unflatten(0, (many, longest)).transpose(1, 2)
        found = walks(tables)[
            torch.arange(many)[:, None], torch.arange(many)[None], lengths[:, None] - 1, lengths[None] - 1
        ]
        return found - (found.diagonal()[:, None] + found.diagonal()[None]) / 2

    def _phi(self, slices: Slices) -> Tensor:
        """(N, N) local distances of all slices."""
        own = torch.cdist(slices.own, slices.own).square()
        both = torch.cdist(slices.both, slices.both).square()
        first, other = slices.picture[:, None], slices.picture[None]
        d = torch.where(
            first & other,
            own / (2 * self.pictures**2),
            torch.where(~first & ~other, own / (2 * self.sentences**2), both / (2 * self.across**2)),
        )
        return d + torch.log(2 - torch.exp(-d))


def walks(likeness: Tensor) -> Tensor:
    """Logarithms of the sums over walks: (..., n, m) local logarithms to (..., n, m), the last entry is the kernel.

    >>> walks(torch.zeros(2, 2)).exp()[-1, -1].item()    # right-down, down-right, across: three walks of weight 1
    3.0
    """
    rows, columns = likeness.shape[-2:]
    found: list[list[Tensor]] = []
    for i in range(rows):
        found.append([])
        for j in range(columns):
            before = [found[a][b] for a, b in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if a >= 0 and b >= 0]
            total = torch.stack(before).logsumexp(0) if before else torch.zeros_like(likeness[..., 0, 0])
            found[i].append(likeness[..., i, j] + total)
    return torch.stack([torch.stack(row, -1) for row in found], -2)
