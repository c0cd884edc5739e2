"""Words weighed by hand against plain dictionaries: boosted, forbidden, told as reasons, and refused where none are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from openitr.embeddings import LexiconEmbeddings
from openitr.encoders.lexicon import LexiconEncoder
from openitr.errors import InputError, QueryError
from openitr.index import LexiconIndex, MemoryIndex
from openitr.search.pipeline import Candidates
from openitr.search.retrieve import Retrieve
from openitr.search.word_weights import SHOWN, parse_terms, without
from openitr.types import Part, Query
from tests.encoders.tiny_lexicon import WORDS, lexicon_folder

# two, dogs, grass
ROWS = {1: [0.8, 0.6, 0], 2: [0, 0.6, 0.8], 3: [0, 0.05, 1.0], 4: [0.6, 0, 0.8]}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> LexiconEncoder:
    return LexiconEncoder(lexicon_folder(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture
def index(tmp_path: Path) -> LexiconIndex:
    rows = np.zeros((len(ROWS), len(WORDS)), np.float32)
    rows[:, :3] = list(ROWS.values())
    made = LexiconIndex(tmp_path / "index", len(WORDS), bits=32)
    made.add(np.array(list(ROWS)), LexiconEmbeddings(csr_matrix(rows)))
    return made


def asked(index: LexiconIndex, encoder: LexiconEncoder, **terms: float) -> Candidates:
    query = Query([Part(text="two dogs on grass")], terms=terms)
    allowed = without(terms, [(index, encoder)], None) if terms else None
    return Retrieve(index, encoder, allowed=allowed)(query, Candidates(np.empty(0, np.int64), np.empty(0, np.float32)))


def test_boosting_reweighs_the_query(index: LexiconIndex, encoder: LexiconEncoder) -> None:
    row = encoder.encode_texts(["two dogs on grass"]).matrix.toarray()[0]
    row[WORDS.index("dogs")] *= 40
    row /= np.linalg.norm(row)
    found = asked(index, encoder, dogs=40.0)
    by_hand = {id: float(sum(a * b for a, b in zip(weights, row, strict=False))) for id, weights in ROWS.items()}
    assert found.ids.tolist() == sorted(by_hand, key=lambda id: -by_hand[id])
    np.testing.assert_allclose(found.scores, sorted(by_hand.values(), reverse=True), atol=1e-5)
    assert set(found.ids[:2].tolist()) == {1, 2}


def test_a_forbidden_word_is_shown_by_no_hit(index: LexiconIndex, encoder: LexiconEncoder) -> None:
    assert set(asked(index, encoder, dogs=0.0).ids.tolist()) == {3, 4}, f"0.05 is below {SHOWN}: a guess"
    assert set(asked(index, encoder, dogs=0.0, two=0.0).ids.tolist()) == {3}
    assert without({"dogs": 0.0}, [(index, encoder)], np.array([1, 3])).tolist() == [3]
    assert without({"dogs": 2.0}, [(index, encoder)], None) is None


def test_a_hit_says_which_words_it_was_found_by(index: LexiconIndex, encoder: LexiconEncoder) -> None:
    found = asked(index, encoder)
    weights = encoder.encode_texts(["two dogs on grass"]).matrix.toarray()[0]
    for place, id in enumerate(found.ids.tolist()):
        reason = found.columns[0].reason(place)
        adds = {word: weight * weights[at] for at, (word, weight) in enumerate(zip(WORDS, ROWS[id], strict=False))}
        said = sorted((word for word in adds if adds[word] > 0), key=lambda word: -adds[word])
        assert reason.text == "has the words " + " + ".join(f"{word} {adds[word]:.2f}" for word in said)
    turned = found.take(np.array([2, 0]))
    assert turned.columns[0].reason(1).text == found.columns[0].reason(0).text


def test_what_cannot_be_weighed_is_refused(index: LexiconIndex, encoder: LexiconEncoder) -> None:
    with pytest.raises(QueryError, match="--kind lexicon"):
        without({"dogs": 0.0}, [(MemoryIndex("dense", 4), encoder)], None)
    with pytest.raises(QueryError, match="cannot be weighed"):
        without({"dogs": 0.0}, [(MemoryIndex("lexicon", len(WORDS)), encoder)], None)
    with pytest.raises(InputError, match="does not know"):
        without({"submarine": 0.0}, [(index, encoder)], None)


@pytest.mark.parametrize("wrong", ["=2", "red=0", "red=-1", "red=x", "red=inf", " "])
def test_a_boost_is_a_word_and_a_number_above_nothing(wrong: str) -> None:
    with pytest.raises(QueryError):
        parse_terms([wrong])


@given(st.text())
def test_any_text_is_a_boost_or_a_query_error(text: str) -> None:
    try:
        ((word, factor),) = parse_terms([text]).items()
    except QueryError:
        return
    assert word and 0 < factor < float("inf")
