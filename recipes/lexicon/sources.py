"""What the heads are trained on, one data set at a time: vectors of the default model, class probabilities, words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags
from torch import Tensor

from recipes.default_model.corpus import Pair
from recipes.default_model.features import image_features
from recipes.default_model.train import Splits
from recipes.default_model.vectors import image_vectors, text_vectors

from . import words


def class_hints(logits: Tensor, classes: Tensor, count: int) -> Tensor:
    """(n, 1000) logits of the classifier to (n, V) hints: a word is as probable as the classes whose name holds it."""
    odds = logits.float().softmax(1).unsqueeze(2).expand(-1, -1, classes.shape[1]).flatten(1)
    # Made from the data, so that an exported graph takes any number of pictures.
    nothing = (odds[:, :1] * 0.0).expand(-1, count + 1)
    found = nothing.scatter_add(1, classes.reshape(1, -1) + 0 * odds.long(), odds)
    return found[:, :count].clamp(max=1.0)


@dataclass
class Source(Splits):
    """Pictures, their texts, and what is known of both before any training.

    `images` (n, d) and `texts` (m, d) of the default model, `mirrored` likewise or None, `logits` and
    `mirrored_logits` (n, 1000), `owner` (m,), `split` (n,), `present` (m, V) and `bags` (n, V), rows of sum 1.
    """

    images: Tensor
    mirrored: Tensor | None
    logits: Tensor
    mirrored_logits: Tensor | None
    texts: Tensor
    owner: np.ndarray
    split: np.ndarray
    present: csr_matrix
    bags: csr_matrix


def dense(matrix: csr_matrix, rows: np.ndarray) -> Tensor:
    return torch.from_numpy(matrix[rows].toarray())


def source(data: Path, pairs: list[Pair], default: Path, cache: Path, vocabulary: list[str], mirror: bool) -> Source:
    """Vectors of `pairs` under the finished model in the folder `default`, from the features that `cache` keeps."""
    texts = [t for p in pairs for t in p.texts]
    logits = image_features(data, pairs, cache / "towers", cache).logits
    turned = image_features(data, pairs, cache / "towers", cache, mirror=True).logits if mirror else None
    owner = np.repeat(np.arange(len(pairs)), [len(p.texts) for p in pairs])
    present = words.held_by(texts, vocabulary)
    group = csr_matrix((np.ones(len(owner), np.float32), (owner, np.arange(len(owner)))))
    bags = group @ present
    bags = csr_matrix(diags(1 / np.maximum(np.asarray(bags.sum(1)).ravel(), 1e-6)) @ bags, dtype=np.float32)
    return Source(
        torch.from_numpy(image_vectors(data, pairs, default, cache)),
        torch.from_numpy(image_vectors(data, pairs, default, cache, mirror=True)) if mirror else None,
        torch.from_numpy(np.array(logits)),
        None if turned is None else torch.from_numpy(np.array(turned)),
        torch.from_numpy(text_vectors(texts, default, cache, pairs[0].source)),
        owner,
        np.array([p.split for p in pairs]),
        present,
        bags,
    )
