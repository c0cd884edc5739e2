"""RTD: tune a text encoder so that a pseudo-word and a change, read together, land on the wanted text."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from openitr.datasets.text_triplets import TextTriplets
from openitr.errors import InputError
from openitr.models.pseudo_word import CHANGED, PLAIN, PseudoWord, SlotText

_CAPTION = "a photo of {}"


def fit_pseudo_word(
    phi: PseudoWord,
    text: SlotText,
    images: Tensor,
    *,
    steps: int = 300,
    batch: int = 128,
    rate: float = 1e-3,
    tau: float = 0.07,
    seed: int = 0,
) -> PseudoWord:
    """Train phi so that "a photo of $" says its picture: symmetric InfoNCE against the pictures, the text side frozen.

    Args:
        phi: Trained in place.
        text: Frozen.
        images: (n, d) unit vectors of pictures; no text is needed.
        steps: How many batches.
        batch: Pictures of one.
        rate: Learning rate of AdamW.
        tau: Temperature.
        seed: Of the order.

    References:
        Saito et al. 2023, Pic2Word, arXiv:2302.03084, section 3.1.
    """
    learned = [parameter for parameter in text.parameters() if parameter.requires_grad]
    for parameter in learned:
        parameter.requires_grad_(False)

    def loss(rows: Tensor) -> Tensor:
        return symmetric(text([PLAIN] * len(rows), phi(images[rows])), images[rows], tau)

    _descend(phi, loss, len(images), steps=steps, batch=batch, rate=rate, seed=seed)
    for parameter in learned:
        parameter.requires_grad_(True)
    return phi


class RTD:
    """Reducing task discrepancy: a copy E' of the text encoder E is tuned on texts, phi and E stay as they are.

    For T_r "a red dog", T_c "is blue", T_t "a blue dog": $ = phi(E(T_r) + n), with n = noise u g, u uniform on (0, 1)
    for each sample and g normal, since phi was trained on pictures and these are texts; E'("a photo of $ that T_c") is
    drawn to E(T_t) by symmetric InfoNCE. In the refined batch E'("a photo of $") is drawn to E(T_r) as well, so that
    every T_r is a hard negative of its own T_t.

    Args:
        text_encoder: E.
        phi: Trained on E's pictures.
        noise: 0 for none.
        refined: Whether the batch is.
        tau: Temperature.

    Raises:
        InputError: A noise below 0, a temperature of 0.

    References:
        Byun et al. 2024, Reducing task discrepancy of text encoders for zero-shot composed image retrieval,
        arXiv:2406.09188.

    >>> from openitr.models import WordTokenizer, tiny_dual_encoder
    >>> triplets = TextTriplets(["a red dog", "a red cat"], ["is blue", "is blue"], ["a blue dog", "a blue cat"])
    >>> tokenizer = WordTokenizer.fit([*triplets.references, *triplets.targets, "a photo of that is"])
    >>> text = SlotText.of(tiny_dual_encoder(32, tokenizer, dim=16, depth=1, heads=2), tokenizer)
    >>> tuned = RTD(text, PseudoWord(16, 16)).fit(triplets, steps=2)
    >>> tuned is text, tuned(["a photo of a red dog"]).shape
    (False, torch.Size([1, 16]))
    """

    def __init__(
        self, text_encoder: SlotText, phi: PseudoWord, *, noise: float = 0.5, refined: bool = True, tau: float = 0.07
    ) -> None:
        if noise < 0 or tau <= 0:
            raise InputError(f"noise {noise} and temperature {tau}", "use 0 or more, and more than 0")
        self.text_encoder, self.phi = text_encoder, phi
        self.noise, self.refined, self.tau = noise, refined, tau

    def fit(
        self, triplets: TextTriplets, *, steps: int = 300, batch: int = 128, rate: float = 1e-4, seed: int = 0
    ) -> SlotText:
        """The tuned copy, for any composer that projects pictures to words.

        Args:
            triplets: Texts alone.
            steps: How many batches; 0 gives a copy of the encoder.
            batch: Triplets of one; the refined batch has as many plain pairs beside them.
            rate: Learning rate of AdamW.
            seed: Of order and noise.
        """
        tuned: SlotText = deepcopy(self.text_encoder)
        tuned.requires_grad_(True)
        with torch.inference_mode(False), torch.no_grad():
            before, after = (
                _all(self.text_encoder, [_CAPTION.format(text) for text in texts])
                for texts in (triplets.references, triplets.targets)
            )
        generator = torch.Generator().manual_seed(seed)
        frozen = [p for p in self.phi.parameters() if p.requires_grad]
        for parameter in frozen:
            parameter.requires_grad_(False)

        def loss(rows: Tensor) -> Tensor:
            seen = before[rows]
            amount = self.noise * torch.rand(len(rows), 1, generator=generator)
            words = self.phi(seen + amount * torch.randn(seen.shape, generator=generator))
            made, wanted = tuned([CHANGED.format(triplets.changes[int(row)]) for row in rows], words), after[rows]
            if self.refined:
                made = torch.cat([made, tuned([PLAIN] * len(rows), words)])
                wanted = torch.cat([wanted, seen])
            return symmetric(made, wanted, self.tau)

        if steps:
            _descend(tuned, loss, len(triplets), steps=steps, batch=batch, rate=rate, seed=seed)
        for parameter in frozen:
            parameter.requires_grad_(True)
        tuned.eval()
        return tuned


def symmetric(queries: Tensor, targets: Tensor, tau: float) -> Tensor:
    """Symmetric InfoNCE of unit rows, each with the one in its place.

    >>> round(symmetric(torch.eye(2), torch.eye(2), 1.0).item(), 4)
    0.3133
    """
    scores, right = queries @ targets.T / tau, torch.arange(len(queries))
    return 0.5 * (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right))


def _descend(
    model: torch.nn.Module,
    loss: Callable[[Tensor], Tensor],
    count: int,
    *,
    steps: int,
    batch: int,
    rate: float,
    seed: int,
) -> None:
    """AdamW at a steady rate, epochs in random order."""
    rng, order = np.random.default_rng(seed), np.empty(0, np.int64)
    batch = min(batch, count)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    model.train()
    for _ in range(steps):
        if len(order) < batch:
            order = rng.permutation(count)
        rows, order = order[:batch], order[batch:]
        optimizer.zero_grad(set_to_none=True)
        loss(torch.as_tensor(rows)).backward()
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    model.eval()


def _all(text: SlotText, texts: list[str]) -> Tensor:
    return torch.cat([text(texts[at : at + 256]) for at in range(0, len(texts), 256)])
