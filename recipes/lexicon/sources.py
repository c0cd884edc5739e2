"""What the heads are trained on, one data set at a time: frozen features, class probabilities, and words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags
from torch import Tensor

from recipes.default_model.conse import Conse
from recipes.default_model.corpus import Pair
from recipes.default_model.features import image_features
from recipes.default_model.inputs import prepare
from recipes.default_model.train import Splits

from . import words

IMAGE_WIDTH, TEXT_WIDTH = 1280 + 4 * 120 + 120, 3 * 384


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

    `images` (n, 1880), `mirrored` likewise or None, `logits` and `mirrored_logits` (n, 1000), `texts` (m, 1152),
    `sentence` (m, 384), `owner` (m,), `split` (n,), `present` (m, V) and `bags` (n, V), rows of sum 1.
    """

    images: Tensor
    mirrored: Tensor | None
    logits: Tensor
    mirrored_logits: Tensor | None
    texts: Tensor
    sentence: Tensor
    owner: np.ndarray
    split: np.ndarray
    present: csr_matrix
    bags: csr_matrix


def dense(matrix: csr_matrix, rows: np.ndarray) -> Tensor:
    return torch.from_numpy(matrix[rows].toarray())


def source(data: Path, pairs: list[Pair], cache: Path, conse: Conse, vocabulary: list[str], mirror: bool) -> Source:
    """Features of `pairs`, computed or read from `cache`; the same that the default model is trained on."""
    towers = cache / "towers"
    made = prepare(data, pairs, towers, cache, conse, mirror)
    logits = image_features(data, pairs, towers, cache).logits
    turned = image_features(data, pairs, towers, cache, mirror=True).logits if mirror else None
    present = words.held_by([t for p in pairs for t in p.texts], vocabulary)
    group = csr_matrix((np.ones(len(made.owner), np.float32), (made.owner, np.arange(len(made.owner)))))
    bags = group @ present
    bags = csr_matrix(diags(1 / np.maximum(np.asarray(bags.sum(1)).ravel(), 1e-6)) @ bags, dtype=np.float32)
    return Source(
        made.images[:, :IMAGE_WIDTH].half(),
        None if made.mirrored is None else made.mirrored[:, :IMAGE_WIDTH].half(),
        torch.from_numpy(np.array(logits)),
        None if turned is None else torch.from_numpy(np.array(turned)),
        made.texts.half(),
        made.sentence.half(),
        made.owner,
        made.split,
        present,
        bags,
    )
