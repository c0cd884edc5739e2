# mypy: disallow-subclassing-any=False
"""One text tower for queries and descriptions, taught by pairs of both and by queries that are almost right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import InputError
from openitr.models import WordTokenizer
from openitr.train.plan import Plan


class TextMatcher(nn.Module):
    """A text tower and a linear head, for texts on both sides.

    Args:
        tower: A text tower of :mod:`openitr.models`; one with attention reads word order, a bag of words does not.
        tokenizer: The one it reads with; its ``length`` is the longest description.
        dim: Width of the vectors.

    >>> from openitr.models import BagOfWords
    >>> tokenizer = WordTokenizer.fit(["a red dog"])
    >>> TextMatcher(BagOfWords(len(tokenizer)), tokenizer, dim=8)(["a dog", "a red dog"]).shape
    torch.Size([2, 8])
    """

    def __init__(self, tower: nn.Module, tokenizer: WordTokenizer, dim: int = 128) -> None:
        super().__init__()
        self.tower, self.tokenizer, self.dim = tower, tokenizer, dim
        self.head = nn.Linear(tower.width, dim, bias=False)

    def ids(self, texts: Sequence[str]) -> Tensor:
        """(n, L) ids, cut at the tokenizer's length."""
        return self.tokenizer.encode(texts)

    def forward(self, texts: Sequence[str] | Tensor) -> Tensor:
        """Texts, or their ids, to unit vectors (n, dim)."""
        ids = texts if isinstance(texts, Tensor) else self.ids(texts)
        return F.normalize(self.head(self.tower(ids).pooled), dim=-1)


def calibrate(
    matcher: TextMatcher,
    captions: Sequence[str],
    descriptions: Sequence[str],
    negatives: Sequence[str] | None = None,
    *,
    plan: Plan | None = None,
    tau: float = 0.1,
    enough: Callable[[], bool] = lambda: False,
) -> int:
    """Tune a text encoder on what people ask for and what a describer writes: InfoNCE over a batch, both ways.

    A description competes also with the caption that a small change made false (composition negatives), where given.
    (Vision-free retrieval, 2025, calibrates a sentence encoder so; temperature and settings are ours.)

    Args:
        matcher: Trained in place, in evaluation mode afterwards.
        captions: n short texts.
        descriptions: n texts of the same pictures, in the same order.
        negatives: n texts that are false of the same pictures; "" for none. None leaves them out.
        plan: ``epochs``, ``batch``, ``rate``, ``warmup``, ``decay``, ``clip`` and ``seed`` count; None for defaults.
        tau: Temperature.
        enough: Asked between steps; true ends the training early.

    Returns:
        Steps taken.

    Raises:
        InputError: Lists of unequal length, or fewer than two pairs.
    """
    n = len(captions)
    if n < 2 or len(descriptions) != n or (negatives is not None and len(negatives) != n):
        raise InputError(f"{n} captions, {len(descriptions)} descriptions", "give two pairs or more, one each")
    plan = plan or Plan()
    asked, written = matcher.ids(captions), matcher.ids(descriptions)
    wrong = None if negatives is None else matcher.ids([text or "." for text in negatives])
    there = torch.tensor([bool(text) for text in negatives or []])
    optimizer = torch.optim.AdamW(matcher.parameters(), lr=plan.rate, weight_decay=plan.decay)
    batch = min(plan.batch, n)
    steps, done, rng = plan.epochs * (n // batch), 0, np.random.default_rng(plan.seed)
    matcher.train()
    for _ in range(plan.epochs):
        order = torch.from_numpy(rng.permutation(n))
        for rows in order.split(batch)[: n // batch]:
            if done and enough():
                break
            for group in optimizer.param_groups:
                group["lr"] = plan.rate_at(done, steps)
            optimizer.zero_grad()
            hard = None if wrong is None else (matcher(wrong[rows]), there[rows])
            _loss(matcher(asked[rows]), matcher(written[rows]), hard, tau).backward()
            nn.utils.clip_grad_norm_(matcher.parameters(), plan.clip)
            optimizer.step()
            done += 1
    matcher.eval()
    return done


def _loss(asked: Tensor, written: Tensor, hard: tuple[Tensor, Tensor] | None, tau: float) -> Tensor:
    """InfoNCE of queries and descriptions; the description's side has one wrong query of its own more."""
    scores, own = asked @ written.T / tau, torch.arange(len(asked))
    back = scores.T
    if hard is not None:
        wrong, there = hard
        against = ((wrong * written).sum(1) / tau).masked_fill(~there, -torch.inf)
        back = torch.cat([back, against[:, None]], 1)
    return (F.cross_entropy(scores, own) + F.cross_entropy(back, own)) / 2
