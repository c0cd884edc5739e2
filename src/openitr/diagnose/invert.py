"""Modality inversion: a picture as a pseudo-word, a text as pseudo-patches, by optimising the inputs of frozen towers.

Mistretta et al. 2025, "Cross the Gap" (arXiv:2502.04263), sections 4.1 and 4.2. Comparing pictures with pictures inside
a space that was trained across modalities is misaligned; a query that is first carried over to the other side is not.

    OTI   v* minimises 1 - cos(text tower("a photo of v*"), picture vector)
    OVI   pseudo-patches minimise 1 - cos(picture tower(patches), text vector)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from openitr.diagnose.towers import TowerEncoder, frozen
from openitr.embeddings import DenseEmbeddings, Floats, Ints
from openitr.errors import InputError, ModelError, ShapeError
from openitr.types import ImageArray

if TYPE_CHECKING:
    import torch

_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Inverted:
    """Features that crossed the gap.

    Args:
        features: (n, d) unit vectors of the other side's tower.
        before, after: (n,) cosine with the target before the first step and after the last.
    """

    features: DenseEmbeddings
    before: Floats
    after: Floats


class ModalityInverter:
    """Carries vectors over to the other modality; the weights of the towers stay as they are.

    Args:
        encoder: A torch model in memory.
        prompt: Words before the pseudo-word.
        rate, decay: Of AdamW; the paper's.
        spread: Standard deviation of the pseudo-word at the start.
        patches: Pseudo-patches a side for OVI, enlarged to the tower's grid by nearest neighbour.
        seed: Of the start.
    """

    def __init__(
        self,
        encoder: TowerEncoder,
        *,
        prompt: str = "a photo of",
        rate: float = 2e-2,
        decay: float = 0.01,
        spread: float = 0.02,
        patches: int = 1,
        seed: int = 0,
    ) -> None:
        self.encoder, self.prompt = encoder, prompt
        self.rate, self.decay, self.spread, self.patches, self.seed = rate, decay, spread, patches, seed

    def image_to_text(self, images: Sequence[ImageArray], steps: int = 150) -> Inverted:
        """OTI: pictures to features of the text tower.

        Raises:
            InputError: No picture, or steps below 1.
        """
        return self.images_to_text_features(self.encoder.encode_images(images), steps)

    def images_to_text_features(self, targets: DenseEmbeddings, steps: int = 150) -> Inverted:
        """OTI from picture vectors that are there already."""
        import torch

        model, tokenizer = self.encoder.model, self.encoder.tokenizer
        ids = tokenizer.encode([self.prompt])
        # Between the prompt's words and the mark that ends the text.
        word = model.text.embed(ids).detach()[0]
        width = int(word.shape[1])

        def features(pseudo: torch.Tensor) -> torch.Tensor:
            n = len(pseudo)
            row = [word[:-1].expand(n, -1, -1), pseudo, word[-1:].expand(n, -1, -1)]
            return model.encode_texts(text_embeddings=torch.cat(row, dim=1))

        return self._optimise(targets, features, (1, width), steps)

    def text_to_image(self, texts: Sequence[str], steps: int = 1000) -> Inverted:
        """OVI: texts to features of the picture tower.

        Raises:
            InputError: No text, or steps below 1.
            ModelError: A picture tower without patches to enter by.
        """
        import torch

        model = self.encoder.model
        grid = getattr(model.image, "grid", None)
        if grid is None:
            raise ModelError("the picture tower has no patches to enter by", "use a ViT")
        side, width = int(grid), int(model.image.width)
        rows = torch.arange(side) * self.patches // side
        nearest = (rows[:, None] * self.patches + rows[None, :]).flatten()

        def features(pseudo: torch.Tensor) -> torch.Tensor:
            return model.encode_images(image_tokens=pseudo[:, nearest])

        return self._optimise(self.encoder.encode_texts(texts), features, (self.patches**2, width), steps)

    def _optimise(self, targets: DenseEmbeddings, features, shape: tuple[int, int], steps: int) -> Inverted:  # type: ignore[no-untyped-def]
        import torch

        if not len(targets) or steps < 1:
            raise InputError(f"{len(targets)} to invert in {steps} steps", "give one and a step at least")
        generator = torch.Generator().manual_seed(self.seed)
        found, before, after = [], [], []
        with torch.inference_mode(False), torch.enable_grad(), frozen(self.encoder.model):
            for at in range(0, len(targets), _AT_ONCE):
                target = torch.from_numpy(targets.values[at : at + _AT_ONCE].copy())
                start = torch.randn(len(target), *shape, generator=generator) * self.spread
                pseudo = start.requires_grad_(True)
                optimizer = torch.optim.AdamW([pseudo], lr=self.rate, weight_decay=self.decay)
                for step in range(steps):
                    likeness = (features(pseudo) * target).sum(dim=1)
                    if not step:
                        before.append(likeness.detach().numpy().copy())
                    optimizer.zero_grad()
                    # A sum, not a mean: the items of a batch must not share one step length.
                    (1 - likeness).sum().backward()
                    optimizer.step()
                with torch.no_grad():
                    made = features(pseudo)
                    after.append((made * target).sum(dim=1).numpy())
                    found.append(made.numpy())
        made = DenseEmbeddings.normalise(np.concatenate(found))
        return Inverted(made, np.concatenate(before), np.concatenate(after))


@dataclass(frozen=True)
class IntraModalReport:
    """Picture-to-picture retrieval by label, directly and through inversion.

    Args:
        direct: mAP of picture vectors against picture vectors, share.
        inverted: mAP of inverted queries against the same gallery.
        gap: Distance between the mean picture and the mean feature of the text tower.
        likeness: Mean cosine of the inverted features with their targets.
    """

    direct: float
    inverted: float
    gap: float
    likeness: float

    @property
    def advantage(self) -> float:
        """What inversion adds to mAP."""
        return self.inverted - self.direct


def intra_modal_report(
    inverter: ModalityInverter, images: Sequence[ImageArray], labels: Ints, steps: int = 150
) -> IntraModalReport:
    """Every picture asks for the others of its label, once as it is and once inverted.

    Args:
        inverter: Of the model.
        images: n pictures.
        labels: (n,) what they show.
        steps: Of the inversion.

    Raises:
        ShapeError: A label for each is not given, or no label stands twice.
    """
    vectors = inverter.encoder.encode_images(images)
    crossed = inverter.images_to_text_features(vectors, steps)
    return IntraModalReport(
        label_map(vectors.values @ vectors.values.T, labels),
        label_map(crossed.features.values @ vectors.values.T, labels),
        float(np.linalg.norm(vectors.values.mean(axis=0) - crossed.features.values.mean(axis=0))),
        float(crossed.after.mean()),
    )


def label_map(scores: Floats, labels: Ints) -> float:
    """Mean average precision over all rows: the right answers of a row are the others of its label, itself left out.

    Rows whose label stands alone ask nothing.

    >>> label_map(np.array([[9, 1, 2], [3, 9, 1], [1, 2, 9.0]], np.float32), np.array([0, 0, 1]))      # (1/2 + 1) / 2
    0.75
    """
    n = len(labels)
    if scores.shape != (n, n):
        raise ShapeError(f"scores {scores.shape} for {n} labels", "give (n, n) scores and n labels")
    found = []
    for row in range(n):
        others = np.delete(np.arange(n), row)
        right = labels[others] == labels[row]
        if right.any():
            hits = right[np.argsort(-scores[row, others], kind="stable")]
            found.append(float(np.mean(np.cumsum(hits)[hits] / (np.flatnonzero(hits) + 1))))
    if not found:
        raise ShapeError("no label stands twice", "there is nothing to find")
    return float(np.mean(found))
