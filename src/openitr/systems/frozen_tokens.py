"""Token vectors of real pairs under a frozen late interaction model, made once and kept."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import cast

import numpy as np

from openitr.collection.places import cache_folder
from openitr.embeddings import Ints, TokenEmbeddings
from openitr.errors import DatasetError, ShapeError
from openitr.evaluate.encode import encode_dataset_images, encode_dataset_texts
from openitr.systems.card import Budget


@dataclass(frozen=True, eq=False)
class FrozenTokens:
    """Pictures and their texts as bags of one late model.

    Args:
        images: n bags.
        texts: m bags.
        owners: (m,) int64, the picture each text belongs to.
        rows: (n,) int64, where each picture stands in the part of the dataset that was asked for.
    """

    images: TokenEmbeddings
    texts: TokenEmbeddings
    owners: Ints
    rows: Ints


def tokens(
    budget: Budget,
    name: str,
    *,
    split: str | None = None,
    lang: str = "en",
    model: str = "late",
    limit: int | None = None,
    texts: int | None = None,
) -> FrozenTokens:
    """Encode real pairs, or read what was encoded before.

    Args:
        budget: Says where the data is.
        name: Of the folder of pairs.
        split: Only this one; None for all.
        lang: Language of the texts.
        model: Spec of a late encoder.
        limit: Only the first so many pictures.
        texts: Only the first so many texts of each picture.

    Raises:
        DatasetError: The data is not there, or none of its pictures can be decoded.
        ShapeError: The model is not a late one.
    """
    from openitr import datasets, encoders
    from openitr.datasets.pairs import PairDataset

    whole = datasets.read(budget.data(name))
    part = (whole if split is None else whole.split(split)).language(lang)[:limit]
    encoder = encoders.load(model)
    if encoder.kind != "late":
        raise ShapeError(f"the model {model!r} makes {encoder.kind} embeddings", "frozen tokens are late")
    asked = f"1|{part.hash}|{encoder.fingerprint}|{len(part)}|{lang}|{texts}"
    kept = cache_folder() / "frozen" / f"{name}-tokens-{sha256(asked.encode()).hexdigest()[:20]}.npz"
    found = _read(kept)
    if found is None:
        images = encode_dataset_images(part, encoder, lambda line: None)
        if images.embeddings is None:
            raise DatasetError(f"no picture of {part.name} can be decoded", "check the files")
        seen = PairDataset([part[int(row)] for row in images.rows], part.name)
        captions, owners = seen.texts(lang)
        place = np.arange(len(owners)) - np.searchsorted(owners, owners)
        rows = np.flatnonzero(place < (texts or len(owners)))
        said = encode_dataset_texts([captions[row] for row in rows], encoder, lambda line: None)
        found = FrozenTokens(
            cast(TokenEmbeddings, images.embeddings), cast(TokenEmbeddings, said), owners[rows], images.rows
        )
        _write(kept, found)
    return found


def _read(path: Path) -> FrozenTokens | None:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            sides = [TokenEmbeddings(file[side].astype(np.float32), file[f"{side}_at"]) for side in ("images", "texts")]
            return FrozenTokens(sides[0], sides[1], file["owners"], file["rows"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # nothing kept, or half of it: it is made again


def _write(path: Path, found: FrozenTokens) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(
            file,
            images=found.images.values,
            images_at=found.images.offsets,
            texts=found.texts.values,
            texts_at=found.texts.offsets,
            owners=found.owners,
            rows=found.rows,
        )
    part.replace(path)
