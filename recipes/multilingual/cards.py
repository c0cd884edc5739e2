"""The model card: every figure is that of the finished folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from openitr.embeddings import DenseEmbeddings
from openitr.encoders.base import Encoder
from recipes.default_model.corpus import data_hash

from . import corpus, measure
from .export import TERMS
from .measure import Measured
from .teacher import Teacher
from .train import Plan


def figures(encoder: Encoder, data: Path, final: bool, teacher: Teacher) -> Iterator[tuple[str, list[Measured]]]:
    """The tables of the card, by their titles; Flickr8k val only at the end.

    Pictures are the teacher's: its graphs are this model's.
    """
    photos = teacher.pictures(data, corpus.photos(data)).numpy()
    for split, title in (("held", "photos set aside from train"), ("val", "photos of Flickr8k val")):
        if split == "held" or final:
            wanted, texts = measure.captions(data, split)
            yield f"{len(wanted)} {title}", measure.table(texts, DenseEmbeddings(photos[wanted]), encoder)
    pairs, texts = measure.drawings(data)
    pictures = DenseEmbeddings(teacher.pictures(data, pairs).numpy())
    yield f"{len(pairs)} Tux Paint pictures", measure.table(texts, pictures, encoder)


def card(
    found: dict[str, list[Measured]],
    calibration: str,
    encoder: Encoder,
    data: Path,
    plan: Plan,
    pieces: int,
    start: float,
) -> str:
    """The text of MODEL_CARD.md, with a section on the calibration; `start` is when the recipe began."""
    every = [one for rows in found.values() for one in rows]
    taken = max((one.taken_for_english, one.row.language) for one in every if one.row.language != "en")
    right = min(one.taken_for_english for one in every if one.row.language == "en")
    template = Path(__file__).with_name("card.md").read_text(encoding="utf-8")
    return template.format(
        tables="\n\n".join(f"{name}:\n\n{measure.markdown(rows)}" for name, rows in found.items()),
        pieces=f"{pieces:,}",
        epochs=plan.epochs,
        right=f"{right:.1f}",
        taken=f"{taken[0]:.1f}",
        mistaken=taken[1],
        ms=f"{measure.milliseconds(encoder):.1f}",
        hash=data_hash(data, ["flickr8k", "emoji"]),
        terms=TERMS,
        minutes=f"{(time.time() - start) / 60:.0f}",
        calibration=calibration,
    )
