"""How much of a language's distance is what its captions leave out: `python -m recipes.multilingual.lengths`.

English captions by how long they are, and cut short, through the English tower; Chinese ones by how long they are,
through the bag. On the photos set aside that have a caption in every language; every caption is asked. Needs no
Flickr8k val.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from openitr.embeddings import DenseEmbeddings
from openitr.encoders import load
from openitr.encoders.base import Encoder
from recipes.command import given, options

from . import corpus
from .export import NAME
from .teacher import Teacher

FEW = ("a", "an", "the", "is", "are", "of", "and")  # say nothing of a picture
CUT = (3, 4, 5, 6)
_WORD = re.compile("[a-z]+")
_HAN = re.compile("[\u4e00-\u9fff]")


def shortened(text: str, most: int) -> str:
    """The first words of a text that say something.

    >>> shortened("A black dog and a spotted dog are fighting", 4)
    'black dog spotted dog'
    """
    kept = [word for word in _WORD.findall(text.lower()) if word not in FEW][:most]
    return " ".join(kept) or text


def found(texts: list[str], owner: list[int], encoder: Encoder, pictures: DenseEmbeddings) -> float:
    """Of texts whose picture is among the first ten, in percent; ties count against."""
    scores = encoder.encode_texts(texts).score(pictures)
    own = scores[np.arange(len(owner)), owner]
    return float(((scores >= own[:, None]).sum(1) <= 10).mean() * 100)


def groups(data: Path, held: list[int]) -> Iterator[tuple[str, list[str], list[int]]]:
    """What is asked together: a name, the texts, and the picture of each by its place in `held`."""
    pairs, place = corpus.photos(data), {row: i for i, row in enumerate(held)}
    english = [(text, place[row]) for row in held for text in pairs[row].texts]
    said = corpus.captions(data, pairs)
    chinese = [(s.text, place[s.row]) for s in said if s.column == "zh" and s.row in place]
    sized = {
        "English words": [(len(_WORD.findall(text.lower())), text, at) for text, at in english],
        "Chinese characters": [(len(_HAN.findall(text)), text, at) for text, at in chinese],
    }
    for name, bounds in (("English words", (0, 7, 9, 11, 14, 99)), ("Chinese characters", (0, 7, 9, 11, 14, 99))):
        mean = np.mean([size for size, _, _ in sized[name]])
        chosen = [(f"{name}, all ({mean:.1f} on average)", sized[name])]
        for low, high in pairwise(bounds):
            some = [one for one in sized[name] if low <= one[0] < high]
            chosen.append((f"{name}, {low} to {high - 1}", some))
        for title, some in chosen:
            yield title, [text for _, text, _ in some], [at for _, _, at in some]
    for most in CUT:
        yield (
            f"English, the first {most} words without {', '.join(FEW)}",
            [shortened(text, most) for text, _ in english],
            [at for _, at in english],
        )


def main() -> None:
    said = given(options(__doc__, cache=Path(".cache/multilingual")))
    encoder = load(str(said.out / NAME), threads=1, allow=said.out)
    pairs = corpus.photos(said.data)
    held = corpus.shared(pairs, corpus.captions(said.data, pairs), "held")
    pictures = DenseEmbeddings(Teacher(said.cache).pictures(said.data, pairs).numpy()[held])
    print(f"| {len(held)} photos set aside | captions | t2i R@10 |\n|---|---|---|")
    for name, texts, owner in groups(said.data, held):
        if texts:
            print(f"| {name} | {len(texts)} | {found(texts, owner, encoder, pictures):.1f} |", flush=True)


if __name__ == "__main__":
    main()
