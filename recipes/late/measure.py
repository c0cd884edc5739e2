"""Recall of the finished tokens, of their two kinds alone, and of the dense vectors they were made from."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recipes.default_model.measure import Recall, _at_k

from . import card
from .heads import Places
from .train import Late, Split
from .whole import OWN, PARTS, Whole

Bags = tuple[Tensor, Tensor]  # (n, L, d) tokens, and the (n, L) mask of those that are there
CHUNK = 100


@torch.no_grad()
def images_of(model: Late, whole: Whole, split: Split, rows: np.ndarray) -> Bags:
    """Tokens of pictures: the pieces of the whole, then the places."""
    patches = Places()(split.patches[rows].float())
    found, mask = model.image.eval()(patches, torch.ones_like(patches[:, :, 0], dtype=torch.bool), _of(split, rows))
    return _joined(whole, split.dense[0][rows].float(), found[:, 1:], mask[:, 1:], whole.seen)


@torch.no_grad()
def texts_of(model: Late, whole: Whole, split: Split, rows: np.ndarray) -> Bags:
    """Tokens of texts: the pieces of the whole, then the words."""
    words, mask = split.padded(rows)
    found, mask = model.text.eval()(words, mask, split.texts[rows].float())
    return _joined(whole, split.dense[1][rows].float(), found[:, 1:], mask[:, 1:], whole.said)


def bags_of(model: Late, whole: Whole, split: Split, rows: np.ndarray, texts: np.ndarray) -> tuple[Bags, Bags]:
    """Both sides."""
    return images_of(model, whole, split, rows), texts_of(model, whole, split, texts)


@torch.no_grad()
def learned_tokens(model: Late, split: Split, many: int = 1500) -> tuple[Tensor, Tensor]:
    """Tokens of places and of words, before any address, of the first pictures and texts: (rows, dim) each."""
    rows = np.arange(min(many, len(split.pictures)))
    patches = Places()(split.patches[rows].float())
    everywhere = torch.ones_like(patches[:, :, 0], dtype=torch.bool)
    places, _ = model.image.eval()(patches, everywhere, _of(split, rows))
    said, mask = split.padded(rows)
    words, _ = model.text.eval()(said, mask, split.texts[rows].float())
    return places[:, 1:].flatten(0, 1), words[:, 1:][mask]


def figures(model: Late, whole: Whole, parts: dict[str, Split], names: list[str]) -> dict[str, Recall]:
    """Recall on some splits: of all tokens, of either kind, and of dense vectors."""
    found: dict[str, Recall] = {}
    for name in names:
        split, about = parts[name], card.SPLITS[name]
        every = np.arange(len(split.owner))
        images = images_of(model, whole, split, np.arange(len(split.pictures)))
        texts = [texts_of(model, whole, split, rows) for rows in np.array_split(every, -(-len(every) // CHUNK))]
        dense = [F.normalize(side.float()[:, :OWN], dim=1) for side in split.dense]
        full = [side.float() for side in split.dense]
        for what, (t2i, i2t) in {
            "late": max_sim(images, texts),
            "  its places and words alone": max_sim(_cut(images, PARTS, None), [_cut(t, PARTS, None) for t in texts]),
            "  its pieces of the whole alone": max_sim(_cut(images, 0, PARTS), [_cut(t, 0, PARTS) for t in texts]),
            "dense, the same towers and heads": (dense[1] @ dense[0].T, dense[0] @ dense[1].T),
            "`default`: the same with class names": (full[1] @ full[0].T, full[0] @ full[1].T),
        }.items():
            found[f"{what}, {about}"] = of_scores(t2i.numpy(), i2t.numpy(), split.owner)
            print(f"{what}, {about}: {found[f'{what}, {about}']}", flush=True)
    return found


def max_sim(images: Bags, texts: list[Bags]) -> tuple[Tensor, Tensor]:
    """(texts, pictures) and (pictures, texts) sums of best matches, each in its own direction, as FILIP has them."""
    tokens, there = images
    down, across = [], []
    for said, mask in texts:
        products = torch.einsum("tld,ipd->tilp", said, tokens)
        best = products.masked_fill(~there[None, :, None], -2.0).amax(3)
        down.append((best * mask[:, None]).sum(2))
        best = products.masked_fill(~mask[:, None, :, None], -2.0).amax(2)
        across.append((best * there[None]).sum(2).T)
    return torch.cat(down), torch.cat(across, 1)


def of_scores(t2i: np.ndarray, i2t: np.ndarray, owner: np.ndarray) -> Recall:
    """Recall from (texts, pictures) and (pictures, texts) scores, ties against the model."""
    own = t2i[np.arange(len(owner)), owner]
    t2i_ranks = (t2i >= own[:, None]).sum(1) - 1
    right = owner[None] == np.arange(len(i2t))[:, None]
    best = np.where(right, i2t, -np.inf).max(1)
    i2t_ranks = ((i2t >= best[:, None]) & ~right).sum(1)
    return Recall(_at_k(t2i_ranks), _at_k(i2t_ranks))


def _of(split: Split, rows: np.ndarray) -> Tensor:
    return split.pictures[rows].float()


def _joined(whole: Whole, dense: Tensor, tokens: Tensor, mask: Tensor, share: float) -> Bags:
    parts = whole.parts(dense)
    found = torch.cat([parts, whole.addressed(tokens, share)], 1)
    return found, nn.functional.pad(mask, (parts.shape[1], 0), value=True)


def _cut(bags: Bags, first: int, last: int | None) -> Bags:
    return bags[0][:, first:last], bags[1][:, first:last]
