"""Vectors of real pairs under a frozen model, made once and kept: what many experiments start from."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import cast

import numpy as np

from openitr.collection.places import cache_folder
from openitr.datasets.pairs import PairDataset
from openitr.embeddings import DenseEmbeddings, Floats, Ints
from openitr.encoders.base import Encoder
from openitr.errors import DatasetError, ShapeError
from openitr.evaluate.encode import encode_dataset_images, encode_dataset_texts
from openitr.systems.card import Budget


@dataclass(frozen=True, eq=False)
class FrozenPairs:
    """Pictures and their texts as vectors of one dense model.

    Args:
        images: (n, d) float32, unit length.
        texts: (m, d) float32, unit length.
        owners: (m,) int64, the row in ``images`` that each text belongs to.
        ids: Of the n pictures in the dataset.
        captions: The m texts.
        pairs: The n pairs, for their pictures and metadata.
    """

    images: Floats
    texts: Floats
    owners: Ints
    ids: list[str]
    captions: list[str]
    pairs: PairDataset


def pairs(
    budget: Budget,
    name: str,
    *,
    split: str | None = None,
    lang: str = "en",
    model: str = "default",
    limit: int | None = None,
) -> FrozenPairs:
    """Encode real pairs, or read what was encoded before.

    Args:
        budget: Says where the data is.
        name: Of the folder of pairs.
        split: Only this one; None for all.
        lang: Language of the texts.
        model: Spec of a dense encoder.
        limit: Only the first so many pictures.

    Raises:
        DatasetError: The data is not there, or none of its pictures can be decoded.
        ShapeError: The model is not a dense one.
    """
    from openitr import datasets, encoders

    whole = datasets.read(budget.data(name))
    part = (whole if split is None else whole.split(split)).language(lang)
    if limit is not None:
        part = part[:limit]
    encoder = encoders.load(model)
    if encoder.kind != "dense":
        raise ShapeError(f"the model {model!r} makes {encoder.kind} embeddings", "frozen pairs are dense")
    asked = f"1|{part.hash}|{lang}|{encoder.fingerprint}|{len(part)}"
    kept = cache_folder() / "frozen" / f"{name}-{sha256(asked.encode()).hexdigest()[:20]}.npz"
    found = _read(kept)
    if found is None:
        found = _encode(part, encoder, lang)
        _write(kept, found)
    rows, images, texts = found
    view = _rows(part, rows)
    captions, owners = view.texts(lang)
    return FrozenPairs(images, texts, owners, [pair.id for pair in view], list(captions), view)


def _rows(part: PairDataset, rows: Ints) -> PairDataset:
    return PairDataset([part[int(row)] for row in rows], part.name)


def _encode(part: PairDataset, encoder: Encoder, lang: str) -> tuple[Ints, Floats, Floats]:
    images = encode_dataset_images(part, encoder, lambda line: None)
    if images.embeddings is None:
        raise DatasetError(f"no picture of {part.name} can be decoded", "check the files")
    captions, _ = _rows(part, images.rows).texts(lang)
    texts = encode_dataset_texts(captions, encoder, lambda line: None)
    return images.rows, cast(DenseEmbeddings, images.embeddings).values, cast(DenseEmbeddings, texts).values


def _read(path: Path) -> tuple[Ints, Floats, Floats] | None:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return file["rows"], file["images"], file["texts"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        # Nothing kept, or a file that a killed process left half-written: it is made again.
        return None


def _write(path: Path, found: tuple[Ints, Floats, Floats]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, images, texts = found
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(file, rows=rows, images=images, texts=texts)
    part.replace(path)
