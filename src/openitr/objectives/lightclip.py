# mypy: disallow-subclassing-any=False
"""LightCLIP's three tasks for small towers."""

from __future__ import annotations

from openitr.objectives.assigned import Assigned
from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Softmax
from openitr.objectives.masked_words import MaskedWords
from openitr.objectives.several import Several
from openitr.objectives.softened import Softened


class LightCLIPLoss(Several):
    """Progressively softened contrast, contrast of matched words and patches, masked words with the picture injected.

    Args:
        most: Of :class:`Softened`, the share that negatives get at the end.
        steps: Of :class:`Softened`, until then.
        tokens: Weight of the contrast over :class:`Assigned`.
        words: Weight of :class:`MaskedWords`.
        tau: Both temperatures at the start.

    Needs:
        image_tokens, image_mask, text_tokens, text_mask, word_logits, word_ids: from
        :class:`openitr.models.injected.Injected`.

    When to use:
        Towers so small that they cannot fit hard targets; what is searched with does not grow.

    References:
        LightCLIP, Nie et al. 2023, arXiv:2312.00674; weights are ours.

    >>> LightCLIPLoss(tokens=0.0, words=0.0).needs
    ()
    """

    def __init__(
        self, most: float = 0.2, steps: int = 1000, tokens: float = 0.5, words: float = 0.5, tau: float = 0.07
    ) -> None:
        parts = Contrastive(similarity=Assigned(), form=Softmax(tau))
        super().__init__(Softened(most, steps, tau=tau), parts, MaskedWords(), weights=(1.0, tokens, words))
