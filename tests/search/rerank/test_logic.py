"""Propositions against loops: best of the alternatives, mean of the clauses, and what is denied costs."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.embeddings import nothing
from openitr.errors import QueryError
from openitr.index.memory import MemoryIndex
from openitr.search import Avoid, PropositionReranker, Rerank, Retrieve
from openitr.search.background import Background
from openitr.search.pipeline import Candidates
from openitr.types import Part, Query
from tests.search.fakes import ColourEncoder, TermEncoder, unit

NONE = Candidates(np.empty(0, np.int64), np.empty(0, np.float32))
ENCODER = ColourEncoder()


@pytest.fixture(scope="module")
def index() -> MemoryIndex:
    made = MemoryIndex("dense", 5)
    made.add(np.arange(60), unit(np.random.default_rng(0).uniform(0, 1, size=(60, 5))))
    return made


BACKGROUND = Background(unit(np.random.default_rng(1).uniform(0, 1, size=(80, 5))), nothing("dense", 5), "test")


def z(text: str, picture: np.ndarray) -> float:
    row = ENCODER.encode_texts([text]).values[0].astype(float)
    reference = [float(row @ one) for one in BACKGROUND.images.values.astype(float)]
    return (float(row @ picture) - float(np.mean(reference))) / float(np.std(reference))


def test_against_loops(index: MemoryIndex) -> None:
    scorer = PropositionReranker(ENCODER, index, background=BACKGROUND, strength=0.7, whole=0.25)
    ids = np.array([3, 17, 42, 8])
    text = "a red or a green, and a dark but no blue"
    got = scorer(Query([Part(text)]), ids.tolist(), Candidates(ids, np.zeros(4)))
    for score, id in zip(got, ids, strict=True):
        x = index.vectors(np.array([id])).values[0].astype(float)
        held = [max(z("a red", x), z("a green", x)), z("a dark", x)]
        whole = z("a red or a green and a dark", x)
        assert score == pytest.approx(0.25 * whole + 0.75 * np.mean(held) - 0.7 * max(z("blue", x), -2), abs=1e-4)


def test_a_lone_proposition_is_the_first_stage_and_one_denied_is_avoid(index: MemoryIndex) -> None:
    plain = Query([Part("red")], k=60)
    found = Retrieve(index, ENCODER, background=BACKGROUND)(plain, NONE)
    stage = Rerank(PropositionReranker(ENCODER, index, background=BACKGROUND), top=60, deadline_ms=None)
    assert stage(plain, found).ids.tolist() == found.ids.tolist()
    named = Query([Part("red")], negatives=[Part("blue")], k=60)
    expected = Avoid(index, background=BACKGROUND)(named, Retrieve(index, ENCODER, background=BACKGROUND)(named, NONE))
    for query in (named, Query([Part("red but no blue")], k=60)):
        assert stage(query, found).ids.tolist() == expected.ids.tolist()


def test_either_is_enough(index: MemoryIndex) -> None:
    pictures = unit(np.array([[1, 0, 0, 0, 0.1], [0, 0, 1, 0, 0.1], [0.3, 0.9, 0.3, 0, 0.1], [0, 0, 0, 1, 0.1]]))
    made = MemoryIndex("dense", 5)
    made.add(np.arange(4), pictures)
    scorer = PropositionReranker(ENCODER, made, background=BACKGROUND, whole=0)
    got = scorer(Query([Part("red or blue")]), [0, 1, 2, 3], Candidates(np.arange(4), np.zeros(4)))
    assert min(got[0], got[1]) > max(got[2], got[3])


def test_other_kinds_and_wrong_calls(index: MemoryIndex) -> None:
    terms = TermEncoder()
    made = MemoryIndex("lexicon", 5)
    made.add(
        np.arange(3),
        terms.encode_images([np.full((4, 4, 3), c, np.uint8) for c in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]),
    )
    got = PropositionReranker(terms, made)(
        Query([Part("red but no blue")]), [0, 1, 2], Candidates(np.arange(3), np.zeros(3))
    )
    assert got.argsort().tolist() == [2, 1, 0]
    with pytest.raises(QueryError, match="no words"):
        picture = Query([Part(image=np.zeros((4, 4, 3), np.uint8))])
        PropositionReranker(ENCODER, index)(picture, [0], Candidates(np.arange(1), np.zeros(1)))
    for wrong in ({"whole": 2}, {"strength": -1}):
        with pytest.raises(QueryError, match="0 or more"):
            PropositionReranker(ENCODER, index, **wrong)
