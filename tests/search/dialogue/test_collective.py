"""Three stages against plain loops; replies that are none; models that are down."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings
from openitr.encoders.lmm import Reply
from openitr.errors import LMMError, QueryError, ShapeError
from openitr.search.dialogue.collective import CollectiveReasoner
from openitr.search.dialogue.reasoning import Asked, Proposition, as_read, lmm_judge, lmm_reasoner, lmm_verifier
from tests.search.dialogue.world import PAINTED, pixels
from tests.search.fakes import ColourEncoder

ENCODER = ColourEncoder()
IMAGES = ENCODER.encode_images([pixels(row) for row in range(len(PAINTED))])
CAPTIONS = ENCODER.encode_texts(["red", "red", "red", "green", "green", "blue", "blue", "red blue"])
REPLY = json.dumps(
    {
        "changes": [{"kind": "Modification", "text": "colour"}, {"kind": "nonsense", "text": "x"}, 3],
        "core": "green",
        "enhanced": "green dark",
        "comprehensive": "green",
        "propositions": [{"text": "a", "holds": True}, {"text": "b", "holds": False}, {"text": "c"}],
    }
)


def test_scores_are_the_mean_over_descriptions_of_both_cosines():
    made = CollectiveReasoner(ENCODER, IMAGES, captions=CAPTIONS, tau=0.3, reasoner=lambda asked: REPLY).search(
        Asked("x")
    )
    texts = ENCODER.encode_texts(["green", "green dark"]).values
    expected = [
        np.mean([0.7 * float(t @ v) + 0.3 * float(t @ c) for t in texts])
        for v, c in zip(IMAGES.values, CAPTIONS.values, strict=True)
    ]
    assert made.scores == pytest.approx(expected, abs=1e-6) and made.notes == ()
    assert made.reading.changes == (("modification", "colour"),)
    assert made.reading.propositions == (Proposition("a", True), Proposition("b", False))
    assert made.order.tolist() == np.argsort(-np.array(expected), kind="stable").tolist()


@given(st.integers(0, 2**31), st.integers(1, 10), st.integers(1, 10))
def test_stages_sort_stably_within_what_they_look_at(seed, top, alpha):
    rng = np.random.default_rng(seed)
    shows, takes = rng.random((8, 2)) < 0.5, rng.random(8) < 0.5
    system = CollectiveReasoner(
        ENCODER,
        IMAGES,
        reasoner=lambda asked: REPLY,
        verifier=lambda row, text: bool(shows[row, "ab".index(text)]),
        judge=lambda asked, row: bool(takes[row]),
        top=top,
        alpha=alpha,
    )
    trace = system.search(Asked("x"))
    one, two, three = (trace.orders[stage].tolist() for stage in (1, 2, 3))
    met = {row: int(shows[row, 0]) + int(not shows[row, 1]) for row in range(8)}
    head = sorted(one[:top], key=lambda row: (-met[row], one.index(row)))
    assert two == head + one[top:]
    accepted = [row for row in two[:alpha] if takes[row]]
    assert three == accepted + [row for row in two if row not in accepted] and list(trace.accepted) == accepted
    assert trace.rank(three[0]) == 1 and trace.rank(one[2], 1) == 3
    assert set(system.search(Asked("x"), stages=[1, 3]).orders) == {1, 3}


def test_without_models_the_words_are_searched():
    trace = CollectiveReasoner(ENCODER, IMAGES).search(Asked("green", caption="dark", dialogue=("red",)))
    assert trace.reading.descriptions == ("dark, red, green",) and set(trace.orders) == {1}


@pytest.mark.parametrize("reply", ["", "{", "[]", "null", '{"core": 3}', '{"core": " "}', "{" * 5000, "x" * 200_000])
def test_replies_that_are_none_leave_the_words_and_a_note(reply):
    reading, note = as_read(reply, Asked("green", "dark"))
    assert reading.descriptions == ("dark, green",) and note


@given(st.text(max_size=300))
def test_any_reply_is_survived(reply):
    reading, _ = as_read(reply, Asked("green"))
    assert reading.descriptions and all(one.strip() for one in reading.descriptions)


def test_json_among_words_is_found():
    reading, note = as_read(f"Sure {{thing}}: {REPLY} Bye", Asked("x"))
    assert reading.descriptions == ("green", "green dark") and not note and reading.last == "green dark"


def test_models_that_are_down_leave_the_order_and_a_note():
    def broken(*about):
        raise LMMError("it is down")

    system = CollectiveReasoner(ENCODER, IMAGES, reasoner=lambda asked: REPLY, verifier=broken, judge=broken)
    trace = system.search(Asked("x"))
    assert (trace.order == trace.orders[1]).all() and len(trace.notes) == 2
    assert "down" in CollectiveReasoner(ENCODER, IMAGES, reasoner=broken).search(Asked("green")).notes[0]


def test_senseless_calls():
    with pytest.raises(ShapeError):
        CollectiveReasoner(ENCODER, DenseEmbeddings(np.eye(3, dtype=np.float32)))
    with pytest.raises(ShapeError):
        CollectiveReasoner(ENCODER, IMAGES, captions=CAPTIONS[:2])
    for chosen in ({"tau": 2.0}, {"top": 0}, {"alpha": 0}):
        with pytest.raises(QueryError):
            CollectiveReasoner(ENCODER, IMAGES, **chosen)
    with pytest.raises(QueryError):
        CollectiveReasoner(ENCODER, IMAGES).search(Asked("x"), stages=[4])


def test_models_are_asked_in_words_and_pictures():
    class Said:
        name = "said"

        def __init__(self, text):
            self.text, self.shown = text, []

        def generate(self, messages, **asked):
            self.shown.append(len(messages[-1].images))
            return Reply(self.text)

    yes, no = Said(" Yes, it is."), Said("No")
    assert lmm_verifier(yes, pixels)(0, "it is red") and not lmm_verifier(no, pixels)(0, "it is red")
    assert lmm_judge(yes, pixels, pixels(1))(Asked("x"), 0) and not lmm_judge(no, pixels)(Asked("x"), 0)
    assert yes.shown == [1, 2] and no.shown == [1, 1]
    assert lmm_reasoner(Said(REPLY))(Asked("x", "y")) == REPLY
