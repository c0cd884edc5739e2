# mypy: disallow-subclassing-any=False
"""UniCL: contrast with labels."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import torch
from torch import Tensor

from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Softmax
from openitr.objectives.targets import SameLabel


class UniCL(Contrastive):
    """Every text of the same label is right, each with an equal share; the two directions are added, not averaged.

    Args:
        tau: Temperature at the start.
        learn: Whether it is learned.

    Needs:
        labels: equal for texts that say the same (their hash, their class).

    When to use:
        Class names or templates beside captions: "a photo of a dog" must not be a negative of "a dog".

    References:
        Yang et al. 2022, arXiv:2204.03610; Florence, arXiv:2111.11432.

    >>> import torch
    >>> from openitr.objectives import Batch
    >>> v = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> round(UniCL(0.1)(Batch(v, v, labels=torch.tensor([7, 7]))).item(), 4)
    1.3863
    """

    def __init__(self, tau: float = 0.07, *, learn: bool = True) -> None:
        super().__init__(targets=SameLabel(), form=Softmax(tau, learn=learn), directions=(1.0, 1.0))


def hash_labels(texts: Sequence[str]) -> Tensor:
    """A label for each text, equal for texts that are the same but for case and blanks: (n,) int64.

    Expand a short text with templates after its label is taken, and all its expansions keep one label (Florence).

    >>> a, b, c = hash_labels(["a dog", " A  dog", "a cat"]).tolist()
    >>> a == b != c
    True
    """
    plain = (" ".join(text.lower().split()).encode() for text in texts)
    # Seven bytes: always below the largest int64.
    return torch.tensor([int.from_bytes(blake2b(one, digest_size=7).digest()) for one in plain], dtype=torch.int64)
