# mypy: disallow-subclassing-any=False
"""Contrast against a slow model: queues of what it said before, and a share of the targets as it sees them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from openitr.errors import ShapeError
from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch
from openitr.objectives.constant import constant


class MomentumContrast(Objective):
    """Each vector against slow vectors of the other side, this batch's and a queue's, with targets that share.

    ``y = a softmax(s'/tau) + (1 - a) onehot`` with the slow model's ``s'``, and ``L`` the mean of
    ``CE(y, softmax(s/tau))`` in both directions: a wrong caption that the slow model does not believe pulls with
    ``1 - a`` only.

    Args:
        dim: Width of the vectors.
        queue: Slow vectors remembered per side; 0 for none.
        share: ``a``, the mass of the targets that the slow model gives.
        tau: Temperature at the start; learned, kept within 0.001 and 0.5.

    Attributes:
        image_queue, text_queue: (queue, dim) slow vectors, the oldest overwritten first.
        seen: How many were ever put in.

    Needs:
        slow: the trainer makes it from the averaged weights.

    When to use:
        Noisy pairs; batches too small to hold enough negatives.

    Relations:
        :class:`Slow` is the same share of targets as an axis, without queues; :class:`TCL` adds terms within each side.

    References:
        ALBEF, Li et al. 2021, arXiv:2107.07651, section 3.2 and 3.3.

    >>> v = torch.eye(2)
    >>> MomentumContrast(2, tau=0.1, share=0)(Batch(v, v, slow=Batch(v, v))).item() < 1e-4
    True
    """

    needs = ("slow",)
    one_text = True

    def __init__(self, dim: int = 128, queue: int = 4096, share: float = 0.4, tau: float = 0.07) -> None:
        super().__init__()
        self.share = share
        self.log_scale = nn.Parameter(torch.tensor(-math.log(tau)))
        self.register_buffer("image_queue", torch.zeros(queue, dim))
        self.register_buffer("text_queue", torch.zeros(queue, dim))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        slow = batch.slow
        assert slow is not None
        many, scale = len(slow.images), self.scale(batch.images)
        all_v, all_t = self.galleries(slow)
        return {
            "i2t": (0.5, against(batch.images, all_t, scale, self.shared(all_v[:many], all_t, scale)), None),
            "t2i": (0.5, against(batch.texts, all_v, scale, self.shared(all_t[:many], all_v, scale)), None),
        }

    def update(self, batch: Batch) -> None:
        """Put the slow vectors into the queues, over the oldest."""
        slow, size = batch.slow, len(self.image_queue)
        if slow is None or not size:
            return
        rows = (int(self.seen) + torch.arange(len(slow.images))) % size
        with torch.no_grad():
            self.image_queue[rows] = slow.images.to(self.image_queue)
            self.text_queue[rows] = slow.texts.to(self.text_queue)
            self.seen += len(slow.images)

    def scale(self, like: Tensor) -> Tensor:
        """One over the temperature, in the type of ``like``."""
        return self.log_scale.to(like.dtype).exp().clamp(1 / 0.5, 1 / 0.001)

    def galleries(self, slow: Batch) -> tuple[Tensor, Tensor]:
        """What a vector is compared with: the batch's slow pictures, and texts (B, dim), each followed by its queue.

        Raises:
            ShapeError: Another width than the queue's.
        """
        if slow.images.shape[1] != self.image_queue.shape[1]:
            raise ShapeError(
                f"vectors of width {slow.images.shape[1]} meet a queue of width {self.image_queue.shape[1]}",
                f"set dim of {type(self).__name__}",
            )
        filled = min(int(self.seen), len(self.image_queue))
        return (
            torch.cat([constant(slow.images), self.image_queue[:filled].to(slow.images.dtype)]),
            torch.cat([constant(slow.texts), self.text_queue[:filled].to(slow.texts.dtype)]),
        )

    def shared(self, asking: Tensor, gallery: Tensor, scale: Tensor) -> Tensor:
        """``a softmax(slow scores) + (1 - a) onehot``, without gradient."""
        seen = (asking @ gallery.T * scale).softmax(1)
        own = torch.eye(len(asking), len(gallery), dtype=seen.dtype, device=seen.device)
        return constant(self.share * seen + (1 - self.share) * own)


def against(asking: Tensor, gallery: Tensor, scale: Tensor, targets: Tensor | None) -> Tensor:
    """Cross-entropy of (B, n) targets against the softmax over a gallery (n, dim): (B,); None: row i's answer is i."""
    logp = (asking @ gallery.T * scale).log_softmax(1)
    return -logp.diagonal() if targets is None else -(targets * logp).sum(1)
