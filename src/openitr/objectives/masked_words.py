# mypy: disallow-subclassing-any=False
"""Masked words: what was hidden in a text is to be read off the rest of it and the picture."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch
from openitr.objectives.constant import constant


class MaskedWords(Objective):
    """Cross-entropy of the hidden words, a share of the targets as the slow model guesses them.

    Args:
        share: Mass of the targets that the slow model gives (ALBEF: 0.4); 0 needs no slow model.

    Needs:
        word_logits, word_ids: a fusion model makes them; slow, with its own word_logits, where there is a share.

    References:
        Devlin et al. 2019, arXiv:1810.04805; conditioned on the picture as in UNITER, arXiv:1909.11740; soft targets
        as in ALBEF, arXiv:2107.07651, section 3.3.

    >>> v = torch.eye(1)
    >>> batch = Batch(v, v, word_logits=torch.zeros(1, 4), word_ids=torch.tensor([3]))
    >>> round(MaskedWords()(batch).exp().item(), 4)
    4.0
    """

    def __init__(self, share: float = 0.0) -> None:
        super().__init__()
        self.share = share
        self.needs = ("word_logits", "word_ids", "slow") if share else ("word_logits", "word_ids")

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        assert batch.word_logits is not None and batch.word_ids is not None
        logp = batch.word_logits.log_softmax(1)
        values = -logp.gather(1, batch.word_ids[:, None]).flatten()
        if self.share:
            assert batch.slow is not None
            batch.slow.need("word_logits")
            assert batch.slow.word_logits is not None
            guessed = constant(batch.slow.word_logits.softmax(1))
            values = (1 - self.share) * values - self.share * (guessed * logp).sum(1)
        return {"words": (1.0, values, None)}


def hide(ids: Tensor, share: float, *, mask: int, special: int) -> tuple[Tensor, Tensor]:
    """Words drawn and hidden: a text with any word left to hide loses one at least.

    Of the drawn words all are replaced by the mask; BERT's tenth of random and tenth of unchanged words is left out
    (ours: short captions have few words to lose).

    Args:
        ids: (n, L) int64.
        share: Chance of each word.
        mask: The id that stands for a hidden word.
        special: Ids up to and with this one are never hidden (padding, begin, end, mask).

    Returns:
        The ids with the mask in place (n, L), and (n, L) bool, true where a word was hidden.

    >>> hidden, where = hide(torch.tensor([[2, 7, 3, 0]]), 0.15, mask=4, special=4)
    >>> hidden.tolist(), where.tolist()
    ([[2, 4, 3, 0]], [[False, True, False, False]])
    """
    able = ids > special
    luck = torch.rand(ids.shape, device=ids.device).masked_fill(~able, torch.inf)
    first = F.one_hot(luck.argmin(1), ids.shape[1]).bool()
    where = able & ((luck < share) | first)
    return ids.masked_fill(where, mask), where
