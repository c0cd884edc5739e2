"""GenIR: the system shows a picture of what it understood, the user says what is wrong with it, and it is the picture
that is searched with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats, Ints
from openitr.encoders.base import Encoder
from openitr.encoders.lmm import LMM, Message
from openitr.errors import LMMError, QueryError, ShapeError
from openitr.types import ImageArray

MAX_WORDS = 60


class Generator(Protocol):
    """Words to a picture: a diffusion model, a renderer, or the best picture that is there."""

    def __call__(self, text: str) -> ImageArray:
        """(h, w, 3) uint8 RGB; an LMMError where it fails."""
        ...


class Refiner(Protocol):
    """What was understood and what is wrong with it, to what is understood now."""

    def __call__(self, text: str, feedback: str) -> str:
        """The new description; an LMMError where it fails."""
        ...


class PictureSearch:
    """Ranks pictures by their cosine with a picture, blended with that of words.

    Args:
        encoder: A dense one.
        images: (n, d) of the pictures.
        blend: Share of the words, 0 to 1; 0 searches by the picture alone, as the paper does.

    Raises:
        ShapeError: An encoder that is not dense, or pictures of another width.
        QueryError: A share out of range.
    """

    def __init__(self, encoder: Encoder, images: DenseEmbeddings, *, blend: float = 0.0) -> None:
        if encoder.kind != "dense" or images.values.shape[1] != encoder.dim:
            raise ShapeError(
                f"pictures have {images.values.shape[1]} numbers, {encoder.spec} makes {encoder.dim}", "use one model"
            )
        if not 0 <= blend <= 1:
            raise QueryError(f"blend is {blend}", "use 0 (the picture alone) to 1 (the words alone)")
        self.encoder, self.images, self.blend = encoder, images, blend

    def scores(self, picture: ImageArray, text: str) -> Floats:
        """(n,) of all pictures."""
        found = np.zeros(len(self.images), np.float32)
        if self.blend < 1:
            found += (1 - self.blend) * (self.images.values @ _row(self.encoder.encode_images([picture])))
        if self.blend > 0:
            found += self.blend * (self.images.values @ _row(self.encoder.encode_texts([text])))
        return found


class Exemplar:
    """A generator without a generator: the picture that fits the words best, as a mental picture to correct.

    Args:
        encoder: A dense one.
        images: (n, d) of the pictures.
        picture: Row to pixels.
    """

    def __init__(self, encoder: Encoder, images: DenseEmbeddings, picture: Callable[[int], ImageArray]) -> None:
        self.encoder, self.images, self.picture = encoder, images, picture

    def __call__(self, text: str) -> ImageArray:
        """The pixels of the best."""
        return self.picture(int(np.argmax(self.images.values @ _row(self.encoder.encode_texts([text])))))


def joined(text: str, feedback: str) -> str:
    """A refiner without a language model: what was said last is added."""
    return f"{text}, {feedback}"


def lmm_refiner(lmm: LMM) -> Refiner:
    """A refiner by a language model. Untested with a live model here."""

    def refine(text: str, feedback: str) -> str:
        told = (
            "Rewrite the description of a picture so that it takes the correction in; keep the rest, one sentence, "
            f"the description alone.\nDescription: {text}\nCorrection: {feedback}"
        )
        return lmm.generate([Message("user", told)], max_tokens=160).text

    return refine


@dataclass(frozen=True, eq=False)
class Proposal:
    """What the system understood after a round, and what it found by it.

    Args:
        text: The description.
        picture: Of it; None where the generator failed.
        scores: (n,) of all pictures.
        notes: What did not go as planned.
    """

    text: str
    picture: ImageArray | None
    scores: Floats
    notes: tuple[str, ...] = ()

    @property
    def order(self) -> Ints:
        """Rows, best first; ties in their order."""
        return np.argsort(-self.scores, kind="stable").astype(np.int64)

    def rank(self, row: int) -> int:
        """Of one picture, from 1, ties against it."""
        return int((self.scores >= self.scores[row]).sum())


class VisualFeedbackSession:
    """Rounds of seeing and correcting.

    Args:
        generator: Draws what was understood.
        retriever: Finds by the drawing.
        refiner: Takes corrections in.
        most_words: The description never grows beyond; what a refiner adds to it is cut from the front.

    Raises:
        QueryError: Nothing to begin with, a correction that is blank, or one before the beginning.

    References:
        GenIR: Generative Visual Feedback for Mental Image Retrieval, 2025.

    >>> session = VisualFeedbackSession(draw, PictureSearch(encoder, images), joined)   # doctest: +SKIP
    >>> session.begin("a red fish").order[:3]                                           # doctest: +SKIP
    >>> session.feedback("it should be striped").picture.shape                          # doctest: +SKIP
    (64, 64, 3)
    """

    def __init__(
        self, generator: Generator, retriever: PictureSearch, refiner: Refiner = joined, *, most_words: int = MAX_WORDS
    ) -> None:
        self.generator, self.retriever, self.refiner, self.most_words = generator, retriever, refiner, most_words
        self.proposals: list[Proposal] = []

    def begin(self, text: str) -> Proposal:
        """The first picture of what is looked for."""
        self.proposals.clear()
        return self._proposed(_said(text), ())

    def propose(self) -> Proposal:
        """What is understood now."""
        if not self.proposals:
            raise QueryError("nothing is looked for yet", "begin with a description")
        return self.proposals[-1]

    def feedback(self, text: str) -> Proposal:
        """Take a correction in, draw and search anew."""
        before, said, notes = self.propose(), _said(text), list[str]()
        try:
            made = self.refiner(before.text, said).strip()
        except LMMError as error:
            made = ""
            notes.append(f"the correction was added to the words as it is: {error.message}")
        if not made:
            notes = notes or ["the correction was added to the words as it is: the refiner said nothing"]
        return self._proposed(made or joined(before.text, said), notes)

    def _proposed(self, text: str, notes: Sequence[str]) -> Proposal:
        words, told = text.split(), list(notes)
        if len(words) > self.most_words:
            told.append(f"the description is longer than {self.most_words} words: the newest are kept")
            text = " ".join(words[-self.most_words :])
        picture: ImageArray | None = None
        try:
            picture = self.generator(text)
            scores = self.retriever.scores(picture, text)
        except LMMError as error:
            told.append(f"no picture was made, the words are searched: {error.message}")
            scores = self.retriever.images.values @ _row(self.retriever.encoder.encode_texts([text]))
        self.proposals.append(Proposal(text, picture, scores, tuple(told)))
        return self.proposals[-1]


def simulate(
    begin: Callable[[], VisualFeedbackSession],
    user: Callable[[Proposal, int], str],
    openings: Sequence[str],
    targets: Sequence[int],
    rounds: int,
) -> Ints:
    """(rounds + 1, n) ranks of the targets after every round.

    Args:
        begin: A new session.
        user: A proposal and the row of the target, to what is wrong; "" where nothing is.
        openings: What each dialogue begins with.
        targets: Row of the picture that each is about.
        rounds: After the first search.
    """
    ranks = np.zeros((rounds + 1, len(targets)), np.int64)
    for column, (opening, target) in enumerate(zip(openings, targets, strict=True)):
        session = begin()
        proposal = session.begin(opening)
        ranks[0, column] = proposal.rank(target)
        for round_ in range(1, rounds + 1):
            wrong = user(proposal, target)
            proposal = session.feedback(wrong) if wrong else proposal
            ranks[round_, column] = proposal.rank(target)
    return ranks


def _said(text: str) -> str:
    if not text.strip():
        raise QueryError("nothing was said", "say what the picture shows, or what is wrong with it")
    return " ".join(text.split())


def _row(embeddings: Any) -> Floats:
    made: Floats = embeddings.values[0]
    return made
