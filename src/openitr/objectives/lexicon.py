# mypy: disallow-subclassing-any=False
"""LexLIP: contrast between weighted words, with a price on words that many items use."""

from __future__ import annotations

from torch import Tensor

from openitr.objectives.batch import Batch
from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Softmax
from openitr.objectives.targets import Targets


class LexiconContrast(Contrastive):
    """InfoNCE between normalised word weights, and the FLOPS of each side.

    ``L = NCE + flops (F_images + F_texts)``, ``F = sum_u (mean_batch |s_u|)^2`` over the words u: an estimate of how
    many products a search costs, least where each item uses words that few others do. It is taken of the weights at
    length 1, as in LexLIP's code: NCE does not see their scale, so of raw weights it could be driven to 0 by shrinking
    all of them.

    Args:
        flops: Price; 0.002 in LexLIP, for batches of thousands over 30,522 words.
        tau: Temperature at the start.
        learn: Whether the temperature is learned; LexLIP keeps 0.05.
        targets: What the scores should be.

    Gives:
        The terms ``i2t``, ``t2i``, ``flops_images`` and ``flops_texts``.

    When to use:
        Heads over a vocabulary (:class:`openitr.models.LexiconHead`), searched by an inverted index.

    Relations:
        ``Sparse`` is the similarity of raw weights; FLOPS as in SPLADE, arXiv:2107.05720.

    References:
        LexLIP, 2023, arXiv:2302.02908, section 3.3; FLOPS: Paria et al. 2020, arXiv:2004.05665.

    >>> import torch
    >>> LexiconContrast().parts(Batch(torch.eye(2), torch.eye(2)))["flops_images"].item()
    0.5
    """

    def __init__(
        self, flops: float = 0.002, *, tau: float = 0.05, learn: bool = False, targets: Targets | None = None
    ) -> None:
        super().__init__(form=Softmax(tau, learn=learn), targets=targets)
        self.flops = flops

    def terms(self, batch: Batch) -> dict[str, tuple[float, Tensor, Tensor | None]]:
        found = super().terms(batch)
        for name, weights in (("flops_images", batch.images), ("flops_texts", batch.texts)):
            found[name] = self.flops, flops(weights)[None], None
        return found


def flops(weights: Tensor) -> Tensor:
    """FLOPS of (n, V) weights: how many products a pair of items shares on average, were their words independent.

    >>> import torch
    >>> flops(torch.eye(4)).item(), flops(torch.ones(4, 4) / 2).item()
    (0.25, 1.0)
    """
    return weights.abs().mean(0).square().sum()


def naming(logits: Tensor, bags: Tensor) -> Tensor:
    """Cross-entropy of a bag of words against the bottleneck's own distribution: ``-sum_u t_u log softmax(H)_u``.

    The weakest of all decoders for LexLIP's bottleneck (ours): nothing stands between the weights and the words, so a
    column keeps meaning the word it is named after. Rows of ``bags`` without a word cost nothing.

    Args:
        logits: (n, V) of a head.
        bags: (n, V) not negative; the words of each item's captions.

    >>> import torch
    >>> naming(torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]])).exp().item()
    2.0
    """
    shares = bags / bags.sum(1, keepdim=True).clamp(min=1e-9)
    return -(shares * logits.log_softmax(1)).sum(1).mean()
