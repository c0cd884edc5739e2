"""Captions of a reference and their rewriting: by a language model where one is configured, by what is at hand else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from openitr.embeddings import Floats
from openitr.encoders.base import Encoder
from openitr.encoders.lmm import LMM, Message
from openitr.errors import InputError
from openitr.search.compose.base import values
from openitr.types import ImageArray

Captioner = Callable[[ImageArray], str]
Rewriter = Callable[[str, str], str]
MARKER = "Edited Description:"

_CAPTION = "Describe the picture in one short sentence: what is there, its colours and where it is. The sentence alone."
_REWRITE = (
    "You are given the description of a picture and an instruction that changes it. Write the description of the "
    f"changed picture: keep what the instruction does not touch, one short sentence, after the words “{MARKER}”.\n\n"
    "Image Content: a black dog on a beach\nInstruction: make it two, in the snow\n"
    f"{MARKER} two black dogs in the snow\n\n"
)


def lmm_captioner(lmm: LMM) -> Captioner:
    """Captions by a model that sees."""

    def captioner(image: ImageArray) -> str:
        return lmm.generate([Message("user", _CAPTION, [image])], max_tokens=80).text

    return captioner


def lmm_rewriter(lmm: LMM) -> Rewriter:
    """Rewriting by a model that reads; the raw reply, which :func:`parsed` reads."""

    def rewriter(caption: str, text: str) -> str:
        asked = f"{_REWRITE}Image Content: {caption}\nInstruction: {text}"
        return lmm.generate([Message("user", asked)], max_tokens=160).text

    return rewriter


def parsed(reply: str, caption: str, text: str) -> tuple[str, str]:
    """The edited description in a reply, and a note where it was not plainly there.

    Without the marker the whole reply is taken, an empty one becomes "caption, text" (CIReVL's own policy).

    >>> parsed("Sure! Edited Description: two dogs.", "a dog", "make it two")
    ('two dogs.', '')
    >>> parsed("  ", "a dog", "make it two")[0]
    'a dog, make it two'
    """
    _, marker, after = reply.rpartition(MARKER)
    lines = [line.strip(" \t\"'“”*") for line in (after if marker else reply).splitlines()]
    lines = [line for line in lines if line]
    if not lines:
        return f"{caption}, {text}", "the rewriter said nothing: caption and text were joined"
    if marker:
        return lines[0][:600], ""
    return " ".join(lines)[:600], "the rewriter left its marker out: its whole reply was taken"


def swap_rewriter(*classes: Sequence[str]) -> Rewriter:
    """Rewriting without a language model: a word of the caption gives way to one of its class that the text names.

    Args:
        classes: Words that stand in each other's place: colours, say. Where caption and text do not hold exactly one
            word each of the same class, the two are joined by ", ".

    Raises:
        InputError: A class of fewer than two words.

    >>> rewrite = swap_rewriter(["red", "blue", "navy blue"])
    >>> rewrite("a navy blue dress", "in red"), rewrite("a dress", "in red")
    ('Edited Description: a red dress', 'Edited Description: a dress, in red')
    """
    if any(len(set(words)) < 2 for words in classes):
        raise InputError("a word needs another to give way to", "give classes of two words or more")
    patterns = [
        re.compile(rf"\b({'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})\b", re.IGNORECASE)
        for words in classes
    ]

    def rewriter(caption: str, text: str) -> str:
        for pattern in patterns:
            here, wanted = pattern.findall(caption), pattern.findall(text)
            if len(here) == len(wanted) == 1:
                # Everything around the one word, not a template: backslashes in what people write stay what they are.
                before, after = pattern.split(caption)[0], pattern.split(caption)[-1]
                return f"{MARKER} {before}{wanted[0]}{after}"
        return f"{MARKER} {caption}, {text}"

    return rewriter


class NearestTexts:
    """A captioner without a language model: the texts of a bank that fit the picture best, by the encoder itself.

    Args:
        encoder: A dense one.
        bank: Texts that pictures like these are described by: captions of a data set, names of things.
        top: How many are joined by ", ".

    Raises:
        InputError: An empty bank.

    >>> NearestTexts(encoder, ["a dog", "a car"])(picture)                          # doctest: +SKIP
    'a dog'
    """

    def __init__(self, encoder: Encoder, bank: Sequence[str], *, top: int = 1) -> None:
        if not bank or top < 1:
            raise InputError("there are no texts to caption with", "give a bank of texts, and top of 1 or more")
        self.encoder, self.bank, self.top = encoder, list(bank), top
        self._texts = values(encoder.encode_texts(self.bank))

    def __call__(self, image: ImageArray) -> str:
        return self.of(values(self.encoder.encode_images([image]))[0])

    def of(self, vector: Floats) -> str:
        """The same of a picture's unit vector (d,)."""
        scores = self._texts @ vector
        return ", ".join(self.bank[row] for row in np.argsort(-scores, kind="stable")[: self.top])
