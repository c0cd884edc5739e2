"""ComCLIP: a picture is put together again from the parts that a sentence speaks of, and then compared with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats
from openitr.encoders.base import Encoder
from openitr.encoders.regions import Box
from openitr.errors import QueryError, ShapeError
from openitr.search.compose.base import normal, values
from openitr.search.pipeline import Candidates
from openitr.search.rerank.cross import Pictures
from openitr.search.rerank.grounding import GridGrounder, Grounder, only
from openitr.search.rerank.sentences import Triple, parse_sentence
from openitr.types import ImageArray, Query


class ComCLIPReranker:
    """Subject, object and predicate, each with its own part of the picture.

    Of every noun the boxes where it is are kept and the rest is black; a noun that is not found has the whole picture,
    the predicate both nouns' boxes. With ``r_k = g(word_k) . f(I_k)`` and ``a_k = r_k / sum r`` the picture becomes
    ``f' = f(I) + sum_k a_k f(I_k)``, scored by ``cos(f', g(sentence))``. Encoders here give vectors of length 1 where
    the paper has raw ones; scores below 0 count as 0.

    Args:
        encoder: A dense one.
        pictures: Where pictures come from, when it is the scorer of a stage; not needed for :meth:`score`.
        grounder: ``(word, picture) -> boxes``; windows of a grid if None.
        parser: Sentence to its three parts.
        weights: "sum" as published, or "softmax".
        temperature: Of the softmax.

    Raises:
        ShapeError: The encoder makes no dense embeddings.
        QueryError: No text, or no ``pictures``, when asked.

    References:
        ComCLIP, Jiang et al. 2022, arXiv:2211.13854.
    """

    def __init__(
        self,
        encoder: Encoder,
        pictures: Pictures | None = None,
        *,
        grounder: Grounder | None = None,
        parser: Callable[[str], Triple] = parse_sentence,
        weights: Literal["sum", "softmax"] = "sum",
        temperature: float = 0.07,
    ) -> None:
        if encoder.kind != "dense":
            raise ShapeError(f"{encoder.spec} makes {encoder.kind} embeddings", "ComCLIP needs a dense encoder")
        self.encoder, self.pictures, self.parser = encoder, pictures, parser
        self.grounder: Grounder = grounder or GridGrounder(encoder)
        self.weights, self.temperature = weights, temperature

    def __repr__(self) -> str:
        return f"ComCLIPReranker({self.encoder.spec})"

    def score(self, text: str, images: Sequence[ImageArray]) -> npt.NDArray[np.float64]:
        """(n,) cosines of a sentence with pictures put together anew; plain cosines where it has no parts."""
        triple = self.parser(text)
        words = [word for word in (triple.subject, triple.object, triple.predicate) if word]
        told = values(self.encoder.encode_texts([text, *words]))
        parts = [self.parts(triple, image) for image in images]
        seen = values(self.encoder.encode_images([one for image, some in zip(images, parts, strict=True)
                                                  for one in (image, *some)]))  # fmt: skip
        seen = seen.reshape(len(images), 1 + len(words), -1)
        return np.array([self._cosine(one, told) for one in seen])

    def parts(self, triple: Triple, image: ImageArray) -> list[ImageArray]:
        """What each part of a sentence looks at: subject, object, predicate, without those that are missing."""
        boxes = [list(self.grounder(noun, image)) for noun in (triple.subject, triple.object) if noun]
        found = [only(image, some) for some in boxes]
        if triple.predicate:
            # Over the whole picture a noun that is not found would hide nothing.
            both: list[Box] = [box for some in boxes for box in some] if all(boxes) else []
            found.append(only(image, both))
        return found

    def rerank(self, text: str, images: Sequence[ImageArray], k: int = 10) -> list[int]:
        """Places of the pictures in a new order; those beyond ``k`` stay where they are."""
        scores = self.score(text, images[:k])
        order = np.argsort(-scores, kind="stable").tolist()
        return [*order, *range(len(order), len(images))]

    def __call__(self, query: Query, things: Sequence[Any], candidates: Candidates) -> npt.NDArray[np.float64]:
        """(n,) scores for :class:`~openitr.search.Rerank`; the weighted mean of texts, those to avoid against."""
        texts = [(part.weight, part.text) for part in query.parts if part.text]
        if not texts or self.pictures is None:
            raise QueryError("ComCLIP compares sentences with pictures", "ask in words, and give it pictures=")
        avoided = [(-abs(part.weight), part.text) for part in query.negatives if part.text]
        images = [self.pictures(thing) for thing in things]
        total = sum((weight * self.score(text, images) for weight, text in [*texts, *avoided]), np.zeros(len(images)))
        return np.asarray(total / max(sum(abs(weight) for weight, _ in texts), 1e-12), np.float64)

    def _cosine(self, seen: Floats, told: Floats) -> float:
        """Of one picture (its whole first) with a text (its whole first)."""
        made = seen[0].astype(np.float64)
        if len(seen) > 1:
            fits = (seen[1:].astype(np.float64) * told[1:]).sum(axis=1)
            made = made + self._shares(fits) @ seen[1:]
        return float(normal(made[None, :].astype(np.float32))[0].astype(np.float64) @ told[0])

    def _shares(self, fits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        if self.weights == "softmax":
            raised = np.exp((fits - fits.max()) / self.temperature)
            return np.asarray(raised / raised.sum())
        fits = np.maximum(fits, 0.0)
        total = float(fits.sum())
        return fits / total if total > 1e-9 else np.full(len(fits), 1 / len(fits))
