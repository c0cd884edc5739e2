"""A weak language's texts into the space of a strong one's, by text alone, in closed form.

The distillation loss of Babel-ImageNet's adapters, mean ||f_s(x_lang) - f_t(x_en)||^2 over translated pairs (Geigle et
al. 2023, section 5), for the smallest student there is: a ridge regression from hashed character n-grams to the
teacher's vectors. The student and its closed form are ours; the authors tune adapters inside the text tower.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import cast

import numpy as np

from openitr.embeddings import DenseEmbeddings, Floats
from openitr.errors import InputError, ShapeError
from openitr.evaluate.babel import TextEncoder


class TextStudent:
    """Character n-grams to a teacher's vectors.

    Args:
        width: How many hashed features.
        ridge: Weight of the penalty, relative to the mean square of a feature times the number of texts.
        grams: Shortest and longest n-gram; words are set off by spaces.

    Raises:
        InputError: A setting below what makes sense.

    >>> teacher = DenseEmbeddings(np.eye(2, dtype=np.float32))
    >>> student = TextStudent(256).fit(["der Hund", "die Katze"], teacher)
    >>> student.encode_texts(["ein Hund"]).score(teacher).argmax()
    np.int64(0)
    """

    def __init__(self, width: int = 4096, ridge: float = 1.0, grams: tuple[int, int] = (2, 5)) -> None:
        if width < 1 or ridge <= 0 or not 1 <= grams[0] <= grams[1]:
            raise InputError(f"width {width}, ridge {ridge}, grams {grams}", "use positive numbers, shortest first")
        self.width, self.ridge, self.grams = width, ridge, grams
        self._weights: Floats | None = None

    def fit(self, texts: Sequence[str], teacher: DenseEmbeddings) -> TextStudent:
        """Minimise the squared distance to the teacher's vectors of the translations.

        Args:
            texts: n texts in the weak language.
            teacher: (n, d) vectors of the same sentences in the strong one.

        Raises:
            ShapeError: Not one vector per text, or no text.
        """
        if len(texts) != len(teacher) or not texts:
            raise ShapeError(f"{len(texts)} texts, {len(teacher)} vectors", "one for each, and one at least")
        features = self.features(texts)
        if len(texts) < self.width:
            # The dual form solves n equations where the primal solves as many as there are features.
            gram = features @ features.T
            gram[np.diag_indices_from(gram)] += self._penalty(features)
            self._weights = features.T @ np.linalg.solve(gram, teacher.values)
        else:
            gram = features.T @ features
            gram[np.diag_indices_from(gram)] += self._penalty(features)
            self._weights = cast(Floats, np.linalg.solve(gram, features.T @ teacher.values))
        return self

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        """(n, d) unit vectors in the teacher's space.

        Raises:
            InputError: The student has not been fitted.
        """
        if self._weights is None:
            raise InputError("the student has learned nothing yet", "fit it first")
        raw = self.features(texts) @ self._weights
        # A text without a known n-gram lands at the origin, which has no direction; all ones says nothing either.
        raw[np.linalg.norm(raw, axis=1) < 1e-12] = 1.0
        return DenseEmbeddings.normalise(raw)

    def features(self, texts: Sequence[str]) -> Floats:
        """(n, width) signed counts of hashed n-grams, damped by a square root, rows of unit length."""
        made = np.zeros((len(texts), self.width), np.float32)
        for row, text in enumerate(texts):
            for word in text.casefold().split():
                padded = f" {word} "
                for n in range(self.grams[0], self.grams[1] + 1):
                    for at in range(len(padded) - n + 1):
                        code = zlib.crc32(padded[at : at + n].encode("utf-8", "surrogatepass"))
                        made[row, (code >> 1) % self.width] += 1.0 if code & 1 else -1.0
        made = np.sign(made) * np.sqrt(np.abs(made))
        norms = np.linalg.norm(made, axis=1, keepdims=True)
        norms[norms == 0] = 1
        return cast(Floats, made / norms)

    def _penalty(self, features: Floats) -> float:
        return self.ridge * float(np.mean(np.sum(features * features, axis=1)))


def distil(
    teacher: TextEncoder, weak: Sequence[str], strong: Sequence[str], student: TextStudent | None = None
) -> TextStudent:
    """Fit a student on translated pairs: its texts in the weak language, the teacher's in the strong one.

    Raises:
        InputError: The teacher is not a dense encoder.
    """
    found = teacher.encode_texts(list(strong))
    if not isinstance(found, DenseEmbeddings):
        raise InputError(f"the teacher makes {found.kind} embeddings", "use a dense model")
    return (student or TextStudent()).fit(list(weak), found)
