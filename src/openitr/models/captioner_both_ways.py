# mypy: disallow-subclassing-any=False
"""A captioner made symmetric: words from the picture, and hidden patches of the picture from the words."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from openitr.errors import InputError
from openitr.models.blocks import Block
from openitr.models.captioner import CoCa
from openitr.models.tower import Encoded
from openitr.objectives.batch import Batch

Mode = Literal["high", "low", "random"]


def attentive_mask(patches: Tensor, text: Tensor, ratio: float, mode: Mode = "high") -> Tensor:
    """Which patches to hide, by how much each has to do with the text: ``ceil(ratio P)`` of every picture.

    Args:
        patches: (n, P, d).
        text: (n, d), row by row.
        ratio: Share to hide, 0 to 1.
        mode: The most relevant ("high"), the least ("low"), or any ("random").

    Returns:
        (n, P) bool, true where hidden; no gradient passes.

    Raises:
        InputError: A ratio out of range, or another mode.

    >>> patches = torch.tensor([[[0.1], [0.9], [0.5]]])
    >>> attentive_mask(patches, torch.ones(1, 1), 0.5).tolist()
    [[False, True, True]]
    """
    if not 0 <= ratio <= 1 or mode not in ("high", "low", "random"):
        raise InputError(f"{ratio} of the patches, {mode!r}", 'use a ratio from 0 to 1, and "high", "low" or "random"')
    relevance = torch.einsum("npd,nd->np", patches.detach(), text.detach())
    if mode == "random":
        relevance = torch.rand(relevance.shape, device=relevance.device)
    ranked = relevance.sort(dim=1, descending=mode != "low", stable=True).indices
    hidden = torch.zeros(relevance.shape, dtype=torch.bool, device=relevance.device)
    return hidden.scatter(1, ranked[:, : math.ceil(ratio * patches.shape[1])], True)


class SymmetricCaptioner(CoCa):
    """CoCa with a second decoder that restores hidden patches from the words and the visible patches.

    The patches that have most to do with the text are hidden, so that the text is needed; for captions the ones that
    have least to do with it can be left out. The pictures' vectors are those of the whole picture.

    Args:
        image: A tower that can be entered with patch vectors, and has a ``patch`` in its ``config``.
        vocab: Number of ids.
        ratio: Share of the patches that is hidden for restoring (0.5 to 0.75 in the paper; ours).
        keep: Share of what the captioner sees of a picture that is kept for captions, the most relevant; 1 keeps all.
        mode: Of :func:`attentive_mask`, for restoring.
        rest: As of :class:`~openitr.models.CoCa`.

    References:
        SyCoCa, 2024, arXiv:2401.02137; recalled from the paper, no code was read. The paper leaves out patches for
        captions; here those of the pooled queries that have least to do with the text are left out, since CoCa's
        captioner looks at these (ours).

    >>> from openitr.models import ViT
    >>> model = SymmetricCaptioner(ViT(32, patch=8, width=32, depth=1), 50, dim=16, width=32, depth=1, queries=4)
    >>> rebuilt, pixels, hidden = model.restore(torch.zeros(1, 3, 32, 32), torch.tensor([[2, 7, 9, 3]]))
    >>> rebuilt.shape, pixels.shape, hidden.sum().item()
    (torch.Size([8, 192]), torch.Size([8, 192]), 8)
    """

    def __init__(
        self,
        image: nn.Module,
        vocab: int,
        *,
        ratio: float = 0.5,
        keep: float = 1.0,
        mode: Mode = "high",
        **rest: Any,
    ) -> None:
        super().__init__(image, vocab, **rest)
        self.ratio, self.keep, self.mode = ratio, keep, mode
        width, heads, depth = (int(self.config[name]) for name in ("width", "heads", "depth"))
        self.config |= {"ratio": ratio, "keep": keep, "mode": mode}
        self.side = int(image.config["patch"])
        self.hidden_patch = nn.Parameter(torch.randn(image.width) * 0.02)
        self.restorer = nn.ModuleList(Block(image.width, heads, memory_width=width) for _ in range(depth))
        self.restore_norm = nn.LayerNorm(image.width)
        self.paint = nn.Linear(image.width, 3 * self.side**2)

    def expect(self, image: Encoded, text: Encoded) -> Tensor:
        if self.keep < 1:
            left_out = attentive_mask(image.tokens, text.pooled, 1 - self.keep, "low")
            image = image._replace(mask=image.mask & ~left_out)
        return super().expect(image, text)

    def alone(self, tokens: Tensor) -> Tensor:
        """(n, P, width) states of patches to (n, P, dim): the picture's vector, had it been pooled from one patch.

        CoCa pools before it compares, so patches have no vectors of their own; these are ours, and learn with contrast.
        """
        states = self.caption_pooler(tokens.flatten(0, 1).unsqueeze(1))
        pooled = self.image_head(self.contrast_pooler(states)[:, 0])
        return nn.functional.normalize(pooled, dim=-1).unflatten(0, tokens.shape[:2])

    def restore(
        self, images: Tensor, ids: Tensor, *, mode: Mode | None = None, hidden: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Hide patches and paint them again, row by row.

        Args:
            images: (n, 3, h, w) float in [-1, 1].
            ids: (n, L), what is said about them.
            mode: Instead of the model's own.
            hidden: (n, P) bool, instead of choosing by the text.

        Returns:
            (R, 3 side²) as painted, the same as they are (each with mean 0 and deviation 1), and (n, P) which they are.
        """
        return self._restore(images, self.view_texts(ids), mode or self.mode, hidden)

    def _restore(
        self, images: Tensor, text: Encoded, mode: Mode, hidden: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        patches = self.image.embed(images)
        if hidden is None:
            with torch.no_grad():
                alone = self.alone(self.image(tokens=patches).tokens)
            hidden = attentive_mask(alone, text.pooled, self.ratio, mode)
        covered = torch.where(hidden[..., None], self.hidden_patch.to(patches.dtype), patches)
        states, memory = self.image(tokens=covered).tokens, text.states
        for block in self.restorer:
            states = block(states, None, memory, text.mask)
        return self.paint(self.restore_norm(states))[hidden], squares(images, self.side)[hidden], hidden

    def join(
        self,
        batch: Batch,
        image: Encoded,
        text: Encoded,
        images: Tensor,
        ids: Tensor,
        needs: frozenset[str],
        slow: tuple[nn.Module, Encoded] | None = None,
    ) -> Batch:
        """The batch with hidden patches, restored and as they are; the trainer calls this.

        Args:
            batch: So far.
            image: What the image tower said.
            text: What the decoder's first half said.
            images: The pictures.
            ids: The texts.
            needs: Names of fields.
            slow: Not used.

        Raises:
            InputError: A field that it does not make.
        """
        if needs & {"match", "matched", "apart", "word_logits", "word_ids"}:
            raise InputError(f"{type(self).__name__} does not judge pairs", "use openitr.models.AlignThenFuse")
        rebuilt, pixels, _ = self._restore(images[batch.owner], text, self.mode, None)
        return replace(batch, rebuilt=rebuilt, pixels=pixels)


def squares(images: Tensor, side: int) -> Tensor:
    """Pictures cut into patches, row by row, each with mean 0 and deviation 1 (He et al. 2022, arXiv:2111.06377).

    >>> squares(torch.rand(2, 3, 8, 8), 4).shape
    torch.Size([2, 4, 48])
    """
    found = nn.functional.unfold(images, side, stride=side).transpose(1, 2)
    return (found - found.mean(-1, keepdim=True)) / (found.var(-1, keepdim=True) + 1e-6).sqrt()
