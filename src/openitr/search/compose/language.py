"""CIReVL: caption the reference, let a language model rewrite the caption, search by the words that come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats
from openitr.encoders.base import Encoder
from openitr.encoders.lmm import GAIN, LMM
from openitr.errors import LMMError, QueryError
from openitr.search.compose.base import VectorComposer, asked, unit, values
from openitr.search.compose.captions import Captioner, Rewriter, lmm_captioner, lmm_rewriter, parsed
from openitr.types import ImageArray


@dataclass(frozen=True, eq=False)
class Trace:
    """Every string on the way, to read and to overwrite.

    Args:
        captions: What was said of the reference.
        targets: What the wanted picture was taken to show: one per caption.
        text: What should be different.
        composer: That can go on from here.
        notes: What did not go as planned.
    """

    captions: Sequence[str]
    targets: Sequence[str]
    text: str
    composer: LanguageComposer
    notes: Sequence[str] = ()

    @property
    def caption(self) -> str:
        """The first caption."""
        return self.captions[0]

    @property
    def target(self) -> str:
        """The first target."""
        return self.targets[0]

    def embeddings(self) -> DenseEmbeddings:
        """The query: the mean of the targets' vectors, one row."""
        return unit(values(self.composer.encoder.encode_texts(list(self.targets))).mean(0))

    def override(self, *, caption: str | None = None, target: str | None = None) -> Trace:
        """The same with a string overwritten; only what follows from it runs again.

        Args:
            caption: What the reference shows in truth: the rewriter runs again, the captioner does not.
            target: What is wanted: nothing runs again.

        Raises:
            QueryError: Both, or a blank one.
        """
        if (caption is None) == (target is None):
            raise QueryError("one of caption and target can be overwritten", "a target needs no caption")
        if target is not None:
            return replace(self, targets=[asked(target)], notes=())
        return self.composer.rewrite([asked(str(caption))], self.text)


class LanguageComposer(VectorComposer):
    """q = text(rewrite(caption(reference), text)); the picture itself is not compared.

    Strength goes from the caption (0) to the rewritten one (1) and beyond. A captioner or rewriter that fails, or is
    not there, is never an error: the text joins the caption, or stands alone, and a note says so.

    Args:
        encoder: A dense one.
        captioners: Each describes the reference; the mean of the targets' vectors is searched with.
        rewriter: (caption, text) to a reply that holds the new description; None joins the two by ", ".

    References:
        Karthik et al. 2023, Vision-by-Language, arXiv:2310.09291.

    >>> trace = LanguageComposer.of(encoder, lmm).trace(picture, "in the snow")     # doctest: +SKIP
    >>> trace.caption, trace.target                                                 # doctest: +SKIP
    ('a dog on a beach', 'a dog in the snow')
    >>> index.search(trace.override(caption="two dogs on a beach").embeddings(), 5) # doctest: +SKIP
    """

    name = "language (CIReVL)"

    def __init__(
        self, encoder: Encoder, captioners: Sequence[Captioner] = (), rewriter: Rewriter | None = None
    ) -> None:
        super().__init__(encoder)
        self.captioners, self.rewriter = tuple(captioners), rewriter

    @classmethod
    def of(cls, encoder: Encoder, lmm: LMM | None) -> LanguageComposer:
        """With one language model for both, or with none."""
        return cls(encoder) if lmm is None else cls(encoder, [lmm_captioner(lmm)], lmm_rewriter(lmm))

    def trace(self, reference: ImageArray, text: str) -> Trace:
        """Caption and rewrite.

        Raises:
            QueryError: A blank text.
        """
        text, said, notes = asked(text), list[str](), list[str]()
        for captioner in self.captioners:
            try:
                said += [words] if (words := " ".join(captioner(reference).split())) else []
            except LMMError as error:
                notes.append(f"no caption of the picture: {error.message}")
        if said:
            return self.rewrite(said, text, notes)
        notes = notes or [f"nothing says what the picture shows; {GAIN}"]
        return Trace(["a photo"], [text], text, self, notes)

    def rewrite(self, captions: Sequence[str], text: str, notes: Sequence[str] = ()) -> Trace:
        """Rewrite captions that are there already."""
        targets, remarks = list[str](), list(notes)
        for caption in captions:
            try:
                reply = f"{caption}, {text}" if self.rewriter is None else self.rewriter(caption, text)
                target, note = parsed(reply, caption, text)
                note = f"caption and text were joined; {GAIN}" if self.rewriter is None else note
            except LMMError as error:
                target, note = f"{caption}, {text}", f"caption and text were joined: {error.message}"
            targets.append(target)
            remarks += [note] if note and note not in remarks else []
        return Trace(list(captions), targets, text, self, remarks)

    def words(self, reference: ImageArray, text: str) -> tuple[Sequence[str], Sequence[str]]:
        """Captions, then targets; the form that :class:`DirectionalQuery` takes as its base."""
        trace = self.trace(reference, text)
        return [*trace.captions, *trace.targets], trace.notes

    def mix(self, image: Floats, texts: Floats, strength: float) -> Floats:
        """From the mean of the captions' vectors to the mean of the targets'."""
        before, after = np.split(texts, 2)
        made: Floats = before.mean(0) + strength * (after.mean(0) - before.mean(0))
        return made
