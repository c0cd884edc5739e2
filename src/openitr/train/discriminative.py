# mypy: disallow-subclassing-any=False
"""A generative model of pictures and words, tuned to be a dual encoder as well."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.models.interleaved import Interleaved, Rows
from openitr.models.lora import add_low_rank
from openitr.models.tokenizer import END, MASK, PAD
from openitr.objectives import Batch, InfoNCE, cached_backward
from openitr.train.plan import Plan


class Discriminative(nn.Module):
    """Soft prompts and low-rank additions around a frozen decoder, which make pictures and texts comparable.

    A picture is read as ``[soft prompt, patches, end]``, a text as ``[soft prompt, words, end]``; the state of the end
    is the vector. Without prompts and additions the decoder is what it was.

    Args:
        base: A decoder that writes captions; copied.
        rank: Of the additions to its attention and nets.
        soft: Learned vectors before a picture, and as many before a text.

    References:
        VladVA, Ouali et al. 2024, arXiv:2412.04378.

    >>> model = Discriminative(Interleaved(9, 2, width=8, depth=1, heads=2), rank=1, soft=2)
    >>> model.encode_images(torch.zeros(3, 4, 2)).shape, model.encode_texts(torch.tensor([[5, 6, 3]])).shape
    (torch.Size([3, 8]), torch.Size([1, 8]))
    """

    def __init__(self, base: Interleaved, *, rank: int = 16, soft: int = 8) -> None:
        super().__init__()
        self.base = deepcopy(base)
        add_low_rank(self.base, ("attention.", "net."), rank=rank)
        width = base.words.embedding_dim
        self.soft_image, self.soft_text = (nn.Parameter(torch.randn(soft, width) * 0.02) for _ in range(2))

    def encode_images(self, patches: Tensor) -> Tensor:
        """(n, P, features) to unit vectors (n, width)."""
        states = self._read(self.soft_image, _seen(patches))
        return F.normalize(states[:, -1], dim=1)

    def encode_texts(self, ids: Tensor) -> Tensor:
        """(n, L) words with their end, then padding, to unit vectors (n, width)."""
        states = self._read(self.soft_text, _said(ids, self.base))
        end = len(self.soft_text) + (ids == END).int().argmax(1)
        return F.normalize(states[torch.arange(len(end), device=end.device), end], dim=1)

    def writing(self, patches: Tensor, ids: Tensor) -> Tensor:
        """``-mean log p(word | picture, words before)``, written on from the picture's vector."""
        seen, said = _seen(patches), _said(ids, self.base)
        both = Rows(torch.cat([seen.ids, said.ids], 1), torch.cat([seen.pictures, said.pictures], 1))
        states = self._read(self.soft_image, both)
        # The state of the picture's end expects the first word.
        first = len(self.soft_image) + seen.ids.shape[1] - 1
        logits = self.base.write(states[:, first : first + ids.shape[1]])
        real = ids != PAD
        return F.cross_entropy(logits[real], ids[real])

    def _read(self, soft: Tensor, rows: Rows) -> Tensor:
        embedded = torch.cat([soft.expand(len(rows.ids), -1, -1), self.base.embed(rows)], 1)
        return self.base.run(embedded, F.pad(rows.ids != PAD, (len(soft), 0), value=True))


def tune(
    model: Discriminative,
    patches: Tensor,
    short: Tensor,
    long: Tensor,
    plan: Plan,
    *,
    beta: float = 1.0,
) -> list[tuple[float, float]]:
    """Contrast on short captions plus ``beta`` times writing long ones; only prompts, additions and temperature learn.

    Args:
        model: Trained in place.
        patches: (n, P, features) of n pictures.
        short: (n, L) their short captions.
        long: (n, M) their long captions; may be the same.
        plan: ``epochs``, ``batch``, ``rate``, ``warmup``, ``decay``, ``clip``, ``micro`` and ``seed`` count; with
            ``micro``, the contrast is that of the whole batch in the memory of a part.
        beta: 0 leaves writing out.

    Returns:
        Both losses, an entry per step.
    """
    contrast = InfoNCE()
    learned = [p for p in (*model.parameters(), *contrast.parameters()) if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=plan.rate, weight_decay=plan.decay)
    size = min(plan.batch, len(patches))
    steps, history = plan.epochs * (len(patches) // size), list[tuple[float, float]]()
    for step in range(steps):
        epoch, at = divmod(step, len(patches) // size)
        order = np.random.default_rng([plan.seed, epoch]).permutation(len(patches))
        rows = torch.from_numpy(order[at * size : (at + 1) * size])
        for group in optimizer.param_groups:
            group["lr"] = plan.rate_at(step, steps)
        optimizer.zero_grad(set_to_none=True)
        history.append(gradients(model.train(), contrast, patches[rows], short[rows], long[rows], beta, plan.micro))
        torch.nn.utils.clip_grad_norm_(learned, plan.clip)
        optimizer.step()
    model.eval()
    return history


def gradients(
    model: Discriminative, contrast: InfoNCE, patches: Tensor, short: Tensor, long: Tensor, beta: float, micro: int = 0
) -> tuple[float, float]:
    """Add the gradients of one batch; both losses."""
    parts = micro or len(patches)
    if micro:
        pair = cached_backward(
            lambda v, t: contrast(Batch(v, t)), [model.encode_images, model.encode_texts], [patches, short], micro=micro
        )
    else:
        pair = contrast(Batch(model.encode_images(patches), model.encode_texts(short)))
        pair.backward()
    written = 0.0
    words = int((long != PAD).sum())
    for seen, said in zip(patches.split(parts), long.split(parts), strict=True) if beta else ():
        # A part counts by its words, as in the whole batch.
        loss = model.writing(seen, said) * (int((said != PAD).sum()) / words)
        (beta * loss).backward()
        written += float(loss.detach())
    return float(pair.detach()), written


def _seen(patches: Tensor) -> Rows:
    """Patches and the end."""
    ids = torch.full(patches.shape[:2], MASK, device=patches.device)
    return Rows(F.pad(ids, (0, 1), value=END), F.pad(patches, (0, 0, 0, 1)))


def _said(ids: Tensor, base: Interleaved) -> Rows:
    return Rows(ids, torch.zeros(*ids.shape, base.look.in_features, device=ids.device))
