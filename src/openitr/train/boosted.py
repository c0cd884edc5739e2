"""Two models trained together, the second to separate better than the first (Deep Boosting Learning)."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from openitr.objectives import Batch, Boost, Objective, Triplet
from openitr.train.examples import Examples
from openitr.train.groups import parameter_groups
from openitr.train.plan import Plan
from openitr.train.views import draw, look


def boosted(
    anchor: nn.Module,
    target: nn.Module,
    examples: Examples,
    plan: Plan,
    *,
    base: Objective | None = None,
    boost: Boost | None = None,
) -> list[tuple[float, float]]:
    """Train both in place, on the same batches; the anchor by the base loss, the target by the boost. Keep the target.

    Args:
        anchor: Trained as usual.
        target: Sees the anchor's scores of each batch, before the anchor moves; no gradient flows back to it.
        examples: One text is drawn per picture and step.
        plan: ``epochs``, ``batch``, rates, ``clip`` and ``seed`` count.
        base: Of the anchor; VSE++ when None.
        boost: Of the target; the relative one when None.

    Returns:
        Mean losses of anchor and target, an entry per epoch.

    References:
        Deep Boosting Learning, 2024, arXiv:2404.18114.
    """
    base, boost = base or Triplet(), boost or Boost()
    pairs: list[tuple[nn.Module, Objective]] = [(anchor, base), (target, boost)]
    optimizers = [torch.optim.AdamW(parameter_groups(model, loss, plan), lr=plan.rate) for model, loss in pairs]
    size = min(plan.batch, len(examples))
    per_epoch = len(examples) // size
    history = []
    for epoch in range(plan.epochs):
        order = np.random.default_rng([plan.seed, 0, epoch]).permutation(len(examples))
        losses = []
        for at in range(per_epoch):
            step = epoch * per_epoch + at
            rng = np.random.default_rng([plan.seed, 1, step])
            drawn = draw(examples, order[at * size : (at + 1) * size], plan, rng, twice=False)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(plan.seed * 1_000_003 + step)
                one, other = (look(model.train(), drawn, frozenset()) for model, _ in pairs)
                found = [base(one), boost(Batch(other.images, other.texts, plain=(one.images @ one.texts.T).detach()))]
            for loss, optimizer, (model, _) in zip(found, optimizers, pairs, strict=True):
                for group in optimizer.param_groups:
                    group["lr"] = group["share"] * plan.rate_at(step, plan.epochs * per_epoch)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
                optimizer.step()
            losses.append([float(loss.detach()) for loss in found])
        means = np.mean(losses, 0)
        history.append((float(means[0]), float(means[1])))
    anchor.eval()
    target.eval()
    return history
