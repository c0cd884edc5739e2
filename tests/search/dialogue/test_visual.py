"""Visual feedback: the picture is what is searched, descriptions stay short, and failures leave a usable answer."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.embeddings import DenseEmbeddings
from openitr.encoders.lmm import Reply
from openitr.errors import LMMError, QueryError, ShapeError
from openitr.search.dialogue.visual import Exemplar, PictureSearch, VisualFeedbackSession, lmm_refiner, simulate
from tests.search.dialogue.world import PAINTED, pixels
from tests.search.fakes import ColourEncoder

ENCODER = ColourEncoder()
IMAGES = ENCODER.encode_images([pixels(row) for row in range(len(PAINTED))])
COLOURS = {"red": 0, "green": 3, "blue": 5}


def draw(text: str):
    """The last colour that is named."""
    named = [word.strip(",") for word in text.split() if word.strip(",") in COLOURS]
    return pixels(COLOURS[named[-1]]) if named else np.full((8, 8, 3), 127, np.uint8)


def broken(*about):
    raise LMMError("it is down")


def test_scores_are_the_blend_of_both_cosines():
    picture, text = pixels(3), "blue"
    image, words = ENCODER.encode_images([picture]).values[0], ENCODER.encode_texts([text]).values[0]
    for blend in (0.0, 0.3, 1.0):
        expected = [(1 - blend) * float(v @ image) + blend * float(v @ words) for v in IMAGES.values]
        assert PictureSearch(ENCODER, IMAGES, blend=blend).scores(picture, text) == pytest.approx(expected, abs=1e-6)
    with pytest.raises(QueryError):
        PictureSearch(ENCODER, IMAGES, blend=1.5)
    with pytest.raises(ShapeError):
        PictureSearch(ENCODER, DenseEmbeddings(np.eye(3, dtype=np.float32)))


def test_the_drawing_is_searched_and_corrected():
    session = VisualFeedbackSession(draw, PictureSearch(ENCODER, IMAGES))
    with pytest.raises(QueryError):
        session.feedback("red")
    assert session.begin("a red thing").order[0] == 0
    corrected = session.feedback("no, green")
    assert corrected.order[0] == 3 and corrected.text == "a red thing, no, green" and session.propose() is corrected
    assert corrected.rank(3) == 1 and corrected.rank(4) > 1
    with pytest.raises(QueryError):
        session.feedback("  ")
    assert session.begin("blue").order[0] == 5 and len(session.proposals) == 1


def test_the_best_that_is_there_stands_in_for_a_drawing():
    shown = Exemplar(ENCODER, IMAGES, pixels)
    assert (shown("green") == pixels(3)).all() or (shown("green") == pixels(4)).all()


def test_a_description_is_cut_with_a_note_the_newest_kept():
    session = VisualFeedbackSession(draw, PictureSearch(ENCODER, IMAGES), most_words=5)
    session.begin("one two three four")
    proposal = session.feedback("five six green")
    assert proposal.text.split()[-1] == "green" and len(proposal.text.split()) == 5
    assert "longer than 5 words" in proposal.notes[0]


def test_failures_leave_an_answer_and_a_note():
    session = VisualFeedbackSession(broken, PictureSearch(ENCODER, IMAGES), broken)
    first = session.begin("green")
    assert first.picture is None and first.order[0] in (3, 4) and "down" in first.notes[0]
    second = session.feedback("blue")
    assert second.text == "green, blue" and len(second.notes) == 2
    silent = VisualFeedbackSession(draw, PictureSearch(ENCODER, IMAGES), lambda text, feedback: " ")
    silent.begin("red")
    assert silent.feedback("blue").text == "red, blue" and silent.propose().notes


def test_a_model_refines():
    class Said:
        name = "said"

        def generate(self, messages, **asked):
            assert "a red dog" in messages[-1].text and "blue" in messages[-1].text
            return Reply("a blue dog")

    assert lmm_refiner(Said())("a red dog", "it is blue") == "a blue dog"


def test_simulated_ranks_are_those_of_the_rounds():
    def user(proposal, target):
        return "" if proposal.rank(target) == 1 else next(c for c, row in COLOURS.items() if row == target)

    ranks = simulate(
        lambda: VisualFeedbackSession(draw, PictureSearch(ENCODER, IMAGES)), user, ["red", "red"], [0, 5], 2
    )
    assert ranks.shape == (3, 2) and ranks[:, 0].tolist() == [1, 1, 1]
    assert ranks[0, 1] > 1 and ranks[1:, 1].tolist() == [1, 1]
