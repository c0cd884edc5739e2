"""The closed form against a solver, and what a student does with words it never met."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.embeddings import DenseEmbeddings, TokenEmbeddings
from openitr.errors import InputError, ShapeError
from openitr.evaluate.text_student import TextStudent, distil

TEXTS = ["der rote Hund", "die grüne Katze", "ein blaues Auto", "der Hund im Auto", "Katzen und Hunde"]


def teacher(n: int = 5) -> DenseEmbeddings:
    return DenseEmbeddings.normalise(np.random.default_rng(0).normal(size=(n, 4)))


@pytest.mark.parametrize("width", [3, 64])
def test_both_closed_forms_minimise_the_penalised_squares(width: int) -> None:
    """Fewer texts than features is solved in the dual, more in the primal; least squares on stacked rows is neither."""
    student = TextStudent(width, ridge=0.3).fit(TEXTS, teacher())
    features = student.features(TEXTS).astype(np.float64)
    penalty = 0.3 * np.mean(np.sum(features**2, axis=1))
    stacked = np.concatenate([features, np.sqrt(penalty) * np.eye(width)])
    wanted = np.linalg.lstsq(stacked, np.concatenate([teacher().values, np.zeros((width, 4))]), rcond=None)[0]
    raw = features @ wanted
    assert student.encode_texts(TEXTS).values == pytest.approx(
        raw / np.linalg.norm(raw, axis=1, keepdims=True), abs=1e-4
    )


def test_known_texts_land_near_their_teacher_and_unknown_ones_somewhere() -> None:
    student = TextStudent(2048, ridge=1e-3).fit(TEXTS, teacher())
    assert np.diag(student.encode_texts(TEXTS).score(teacher())).min() > 0.99
    strange = student.encode_texts(["犬", "  "])
    assert len(strange) == 2 and np.isfinite(strange.values).all()


def test_distillation_asks_the_teacher_for_the_strong_language() -> None:
    class Teacher:
        def encode_texts(self, texts: object) -> DenseEmbeddings:
            assert texts == ["a", "b", "c", "d", "e"]
            return teacher()

    student = distil(Teacher(), TEXTS, list("abcde"), TextStudent(512, 1e-3))
    assert student.encode_texts(TEXTS[:1]).score(teacher()).argmax() == 0

    class Late:
        def encode_texts(self, texts: object) -> TokenEmbeddings:
            return TokenEmbeddings(teacher().values, np.arange(6))

    with pytest.raises(InputError, match="makes late"):
        distil(Late(), TEXTS, list("abcde"))


def test_what_makes_no_sense_is_refused() -> None:
    for settings in ({"width": 0}, {"ridge": 0}, {"grams": (3, 2)}, {"grams": (0, 2)}):
        with pytest.raises(InputError):
            TextStudent(**settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="learned nothing"):
        TextStudent().encode_texts(["x"])
    with pytest.raises(ShapeError):
        TextStudent().fit(TEXTS, teacher(4))
