# mypy: disallow-subclassing-any=False
"""Words and patches matched one to one: a similarity between the whole and its parts."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from openitr.errors import MissingExtra
from openitr.objectives.batch import Batch
from openitr.objectives.constant import constant
from openitr.objectives.similarity import Similarity


class Assigned(Similarity):
    """Every word gets a patch of its own, so that their cosines add up to the most; the score is their mean.

    A patch serves one word at most; patches may be left over, and words only where there are more of them than patches.
    The matching carries no gradient, the cosines do.

    Needs:
        image_tokens, image_mask, text_tokens, text_mask

    Raises:
        MissingExtra: scipy is not installed.

    References:
        Relaxed bipartite matching of LightCLIP, Nie et al. 2023, arXiv:2312.00674; Hungarian algorithm as in scipy.

    >>> tokens, mask = torch.eye(2)[None], torch.ones(1, 2, dtype=torch.bool)
    >>> batch = Batch(torch.ones(1, 2), torch.ones(1, 2), image_tokens=tokens, image_mask=mask,
    ...               text_tokens=tokens.flip(1), text_mask=mask)
    >>> Assigned()(batch)[0].item()
    1.0
    """

    needs = ("image_tokens", "image_mask", "text_tokens", "text_mask")

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        patches, words = batch.image_tokens, batch.text_tokens
        patch_mask, word_mask = batch.image_mask, batch.text_mask
        assert patches is not None and words is not None and patch_mask is not None and word_mask is not None
        cosines = torch.einsum("bpd,mld->bmlp", patches, words)
        chosen = constant(_matched(cosines, patch_mask, word_mask))
        # Words that have no patch point at -1 and do not count.
        there = chosen >= 0
        taken = cosines.gather(3, chosen.clamp(min=0).unsqueeze(-1)).squeeze(-1) * there
        scores = taken.sum(2) / there.sum(2).clamp(min=1)
        return scores, scores.T


def _matched(cosines: Tensor, patch_mask: Tensor, word_mask: Tensor) -> Tensor:
    """(B, M, L) int64: the patch of each word in the best matching, -1 for none."""
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise MissingExtra("matchings of words and patches", "train") from error
    values = cosines.detach().cpu().double().numpy()
    patches = [np.flatnonzero(row) for row in patch_mask.cpu().numpy()]
    words = [np.flatnonzero(row) for row in word_mask.cpu().numpy()]
    found = np.full(values.shape[:3], -1, np.int64)
    for i, here in enumerate(patches):
        for j, said in enumerate(words):
            rows, columns = linear_sum_assignment(values[i, j][np.ix_(said, here)], maximize=True)
            found[i, j, said[rows]] = here[columns]
    return torch.from_numpy(found).to(cosines.device)
