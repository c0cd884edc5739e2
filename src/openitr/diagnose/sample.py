"""What a diagnosis looks at: pictures of a dataset with their texts, decoded and embedded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from openitr.datasets.pairs import PairDataset
from openitr.embeddings import Embeddings, Floats, Ints, joined
from openitr.encoders.base import Encoder
from openitr.errors import DatasetError, UnreadableImage
from openitr.evaluate.encode import encode_dataset_texts
from openitr.evaluate.protocol import choose_language, choose_split
from openitr.types import ImageArray

_BATCH = 32


@dataclass(frozen=True, eq=False)
class Sample:
    """Pairs drawn from a dataset.

    Args:
        pairs: Those whose picture could be decoded, in the order of the dataset.
        pictures: Prepared for the encoder, (size, size, 3) uint8 each.
        captions: All their texts in one language.
        owners: (m,) row of the picture of each text.
        images, texts: Embedded.
        lang, split: What was settled on.
        notes: What a reader of the numbers must know.
    """

    pairs: PairDataset
    pictures: Sequence[ImageArray]
    captions: Sequence[str]
    owners: Ints
    images: Embeddings
    texts: Embeddings
    lang: str
    split: str
    notes: Sequence[str] = ()

    def scores(self) -> Floats:
        """(m, n) of every text with every picture."""
        return np.asarray(self.texts.score(self.images), np.float32)  # type: ignore[arg-type]


def take_sample(
    dataset: PairDataset,
    encoder: Encoder,
    *,
    split: str | None = None,
    lang: str = "en",
    limit: int = 300,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Sample:
    """Draw pictures at random, decode and embed them with their texts.

    Args:
        dataset: The pairs.
        encoder: Any.
        split: By default test, else val, else all.
        lang: Of the texts.
        limit: Most pictures.
        seed: Of the draw.
        say: Called now and then with a line for people.

    Raises:
        DatasetError: No such split or language, or fewer than ten pictures that can be decoded.
    """
    from openitr.media.images import decode

    chosen = choose_split(dataset, split)
    part = dataset if chosen.name == "all" else dataset.split(chosen.name)
    language = choose_language(part, lang)
    drawn = part.language(language.name).take(limit, seed)
    kept, pictures, parts, dropped = [], [], [], 0
    for pair in drawn:
        try:
            picture = decode(pair.read(), shrink_to=encoder.preparation.size).array
        except UnreadableImage:
            dropped += 1
            continue
        kept.append(pair)
        pictures.append(encoder.preparation(picture))
        if len(pictures) % _BATCH == 0:
            parts.append(encoder.encode_images(pictures[-_BATCH:]))
            say(f"pictures {len(pictures):,} of {len(drawn):,}")
    if len(pictures) < 10:
        raise DatasetError(f"{len(pictures)} pictures can be decoded", "a diagnosis needs ten or more")
    if rest := len(pictures) % _BATCH:
        parts.append(encoder.encode_images(pictures[-rest:]))
    # Ids are unique in what was drawn, so building the view anew cannot fail.
    view = PairDataset(kept, dataset.name)
    captions, owners = view.texts(language.name)
    notes = [note for note in (chosen.note, language.note) if note]
    notes += [f"{dropped} pictures could not be decoded and were left out"] if dropped else []
    texts = encode_dataset_texts(captions, encoder, say)
    return Sample(view, pictures, captions, owners, joined(parts), texts, language.name, chosen.name, notes)
