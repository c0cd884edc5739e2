# mypy: disallow-subclassing-any=False
"""Neural divide-and-conquer: a long text is divided into propositions, each is judged, and logic combines them."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import InputError
from openitr.models.blocks import Attention, Block

SHARP, SOFT = 0.2, 0.5


class Reasoned(NamedTuple):
    """What was thought of n candidates for each of b texts.

    Attributes:
        final: (b, n) probabilities.
        whole: (b, n) logits of the text as a whole.
        each: (b, s, n) logits of its propositions.
        denied: (b, s, n) logits of their negations.
        joint: (b, n) logits of the conjunction.
        shares: (b, s) how much each proposition counts.
        gate: (b,) weight of the propositions against the conjunction.
        propositions: (b, s, width) their vectors.
    """

    final: Tensor
    whole: Tensor
    each: Tensor
    denied: Tensor
    joint: Tensor
    shares: Tensor
    gate: Tensor
    propositions: Tensor


class PropositionReasoner(nn.Module):
    """Divide (slots attend to the words), conquer (each slot judges all candidates), combine (negation, conjunction).

    Candidates have no order: swap two and their numbers swap.

    Args:
        text: Tower over ids, whose tokens the slots attend to.
        features: Width of a candidate's vector.
        width: Of the thinking.
        slots: Propositions (at most 10 in the paper).
        depth: Blocks across the candidates.
        heads: Of every attention.

    Raises:
        InputError: No slot.

    References:
        NDCR, Li et al. 2023, arXiv:2305.02265.

    >>> from openitr.models import TextTransformer
    >>> model = PropositionReasoner(TextTransformer(30, width=16, depth=1), features=8, width=16, slots=3)
    >>> found = model(torch.tensor([[2, 7, 9, 3]]), torch.randn(1, 10, 8))
    >>> found.final.shape, found.each.shape, round(found.final.sum().item(), 4)
    (torch.Size([1, 10]), torch.Size([1, 3, 10]), 1.0)
    """

    def __init__(
        self, text: nn.Module, features: int, *, width: int = 64, slots: int = 4, depth: int = 2, heads: int = 4
    ) -> None:
        super().__init__()
        if not 1 <= slots <= 10:
            raise InputError(f"{slots} propositions", "use 1 to 10")
        self.config: dict[str, Any] = {
            "features": features, "width": width, "slots": slots, "depth": depth, "heads": heads,
        }  # fmt: skip
        self.text, self.features = text, features
        self.slots = nn.Parameter(torch.randn(slots, width) * 0.2)
        self.divide = Block(width, heads, memory_width=text.width)
        self.divide_norm = nn.LayerNorm(width)
        self.look = nn.Linear(features, width)
        self.say = nn.Linear(text.width, width)
        self.pair = nn.Sequential(nn.Linear(3 * width, width), nn.GELU(), nn.Linear(width, width))
        self.modify = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, width))
        self.across = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.across_norm = nn.LayerNorm(width)
        self.judge = nn.Linear(width, 1)
        self.negate = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.judge_denied = nn.Linear(width, 1)
        self.conjoin = Attention(width, heads)
        self.judge_joint = nn.Sequential(nn.Linear(3 * width, width), nn.GELU(), nn.Linear(width, 1))
        self.share, self.weigh = nn.Linear(width, width), nn.Linear(2 * width, 1)

    def forward(self, ids: Tensor, images: Tensor, *, gate: float | None = None, negation: bool = True) -> Reasoned:
        """Ids (b, L) and candidates (b, n, features) to what is thought of them.

        Args:
            ids: 0 for padding.
            images: Candidates of each text.
            gate: In place of the learned weight of the propositions; 1 leaves the conjunction out.
            negation: False leaves the negated states out of the conjunction, for ablation.
        """
        seen = self.text(ids)
        said, looked = self.say(seen.pooled), self.look(images)
        slots = self.slots.expand(len(ids), -1, -1)
        propositions = self.divide_norm(self.divide(slots, None, seen.tokens, seen.mask))
        whole_states = self._paired(said[:, None], looked)[:, 0]
        states = self._judged(propositions, looked, whole_states)
        whole = self.judge(self.across_norm(self._across(whole_states))).squeeze(-1)
        each = self.judge(states).squeeze(-1)
        turned = self.negate(states)
        denied = self.judge_denied(turned).squeeze(-1)
        # A proposition's state: its own, at the pictures that it believes in.
        held = ((each / SHARP).softmax(-1).unsqueeze(-1) * states).sum(2)
        broken = ((denied / SHARP).softmax(-1).unsqueeze(-1) * turned).sum(2)
        facts = torch.cat([held, broken], 1) if negation else held
        concluded = self.conjoin(said[:, None], facts)[:, 0] + said
        around = concluded[:, None].expand_as(looked)
        joint = self.judge_joint(torch.cat([around * looked, looked, whole_states], -1)).squeeze(-1)
        shares = (
            (propositions @ self.share(said)[:, :, None]).squeeze(-1).div(propositions.shape[-1] ** 0.5).softmax(-1)
        )
        weight = self.weigh(torch.cat([said, concluded], -1)).squeeze(-1).sigmoid()
        if gate is not None:
            weight = torch.full_like(weight, gate)
        by_parts = (shares.unsqueeze(-1) * (each / SOFT).softmax(-1)).sum(1)
        final = weight[:, None] * by_parts + (1 - weight[:, None]) * (joint / SOFT).softmax(-1)
        return Reasoned(final, whole, each, denied, joint, shares, weight, propositions)

    def loss(self, found: Reasoned, right: Tensor) -> Tensor:
        """Cross-entropy of the whole text, of every proposition, of the conjunction and of the end, what a negation
        believes against what its proposition does, and 0.2 as the most that neighbouring propositions may be alike.

        Args:
            found: Of the batch.
            right: (b,) place of the right candidate.
        """
        many = found.each.shape[1]
        total = F.cross_entropy(found.whole, right) + F.cross_entropy(found.joint / SOFT, right)
        total = total + F.nll_loss(found.final.clamp(min=1e-9).log(), right)
        total = total + F.cross_entropy(found.each.flatten(0, 1) / SOFT, right.repeat_interleave(many))
        # Where a proposition holds its negation does not: believed in is everything else, in equal parts.
        others = 1 - found.each.detach().div(SOFT).softmax(-1)
        others = others / others.sum(-1, keepdim=True)
        total = (
            total
            + F.kl_div(found.denied.div(SOFT).log_softmax(-1), others, reduction="sum") / found.denied[..., 0].numel()
        )
        if many > 1:
            alike = F.cosine_similarity(found.propositions[:, :-1], found.propositions[:, 1:], dim=-1)
            total = total + (alike.mean() - 0.2).clamp(min=0)
        return total

    def _paired(self, said: Tensor, looked: Tensor) -> Tensor:
        """(b, s, width) texts with (b, n, width) candidates: (b, s, n, width)."""
        one, two = (
            said[:, :, None].expand(-1, -1, looked.shape[1], -1),
            looked[:, None].expand(-1, said.shape[1], -1, -1),
        )
        found: Tensor = self.pair(torch.cat([one, two, one * two], -1))
        return found

    def _across(self, states: Tensor) -> Tensor:
        for block in self.across:
            states = block(states)
        return states

    def _judged(self, propositions: Tensor, looked: Tensor, whole: Tensor) -> Tensor:
        pairs = self._paired(propositions, looked)
        b, s, n, width = pairs.shape
        states = self._across(pairs.flatten(0, 1)).unflatten(0, (b, s))
        states = states + self.modify(torch.cat([states, whole[:, None].expand(b, s, n, width)], -1))
        found: Tensor = self.across_norm(states)
        return found
