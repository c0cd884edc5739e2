# mypy: disallow-subclassing-any=False
"""Captioning: each word of a text from the picture and the words before it."""

from __future__ import annotations

from torch import Tensor

from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch
from openitr.objectives.constant import constant
from openitr.objectives.info_nce import InfoNCE
from openitr.objectives.several import Several


class Captioning(Objective):
    """``-log P(word | words before it, picture)``, mean over all words that have one before them.

    The first id of a text begins it and is never guessed; padding is not counted.

    Needs:
        ids, logits: a captioner makes them (:class:`openitr.models.CoCa`).

    >>> import torch
    >>> v = torch.eye(1)
    >>> batch = Batch(v, v, ids=torch.tensor([[2, 1, 0]]), logits=torch.zeros(1, 3, 4))
    >>> round(Captioning()(batch).exp().item(), 4)
    4.0
    """

    needs = ("ids", "logits")

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        assert batch.ids is not None and batch.logits is not None
        wanted = batch.ids[:, 1:]
        values = -batch.logits[:, 1:].log_softmax(-1).gather(-1, wanted[..., None])[..., 0]
        return {"caption": (1.0, values.flatten(), (wanted != 0).to(values.dtype).flatten())}


class Restoring(Objective):
    """Mean distance of hidden patches from what a model restores of them; visible ones never count.

    Needs:
        rebuilt, pixels: of the hidden patches alone (:class:`openitr.models.SymmetricCaptioner`).

    References:
        SyCoCa, 2024, arXiv:2401.02137: text-guided masked image modelling.

    >>> import torch
    >>> v = torch.eye(1)
    >>> Restoring()(Batch(v, v, rebuilt=torch.zeros(1, 4), pixels=torch.ones(1, 4))).item()
    2.0
    """

    needs = ("rebuilt", "pixels")

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        assert batch.rebuilt is not None and batch.pixels is not None
        # The root of a sum of squares has no slope at 0; a patch restored exactly pulls no more.
        square = (batch.rebuilt - constant(batch.pixels)).square().sum(1)
        safe = square.clamp(min=1e-12).sqrt()
        return {"restore": (1.0, safe.where(square > 1e-12, square * 0), None)}


class ContrastAndCaption(Several):
    """CoCa's loss: ``contrast * InfoNCE + caption * Captioning``.

    Args:
        contrast, caption: Weights (1 and 2 as published).
        tau: Temperature at the start.

    Needs:
        ids, logits

    When to use:
        Pairs whose texts say much; the model can then also write captions and re-score by their likelihood.

    References:
        CoCa, Yu et al. 2022, arXiv:2205.01917, section 3.2.

    >>> sorted(ContrastAndCaption().needs)
    ['ids', 'logits']
    """

    def __init__(self, contrast: float = 1.0, caption: float = 2.0, tau: float = 0.07) -> None:
        super().__init__(InfoNCE(tau), Captioning(), weights=(contrast, caption))


class BothWays(Several):
    """SyCoCa's loss: contrast, words from the picture, and hidden patches from the words.

    Args:
        contrast, caption, restore: Weights (about 1, 2 and 1 in the paper).
        tau: Temperature at the start.

    Needs:
        ids, logits, rebuilt, pixels

    References:
        SyCoCa, 2024, arXiv:2401.02137; the weights are recalled, not read in code.

    >>> sorted(BothWays().needs)
    ['ids', 'logits', 'pixels', 'rebuilt']
    """

    def __init__(self, contrast: float = 1.0, caption: float = 2.0, restore: float = 1.0, tau: float = 0.07) -> None:
        super().__init__(InfoNCE(tau), Captioning(), Restoring(), weights=(contrast, caption, restore))
