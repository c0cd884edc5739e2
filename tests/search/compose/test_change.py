"""What should be different, on its way through a search; and composers by the word that people type."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from openitr.errors import QueryError, ShapeError
from openitr.search.compose import (
    Change,
    ComposedPart,
    DirectionalQuery,
    LanguageComposer,
    WeightedComposer,
    composer_named,
)
from openitr.search.retrieve import encode_parts
from openitr.types import Hit, Hits, Part, Query
from tests.search.fakes import ColourEncoder, TermEncoder, item


def picture(*colour: int, label: str = "picture") -> Part:
    return Part(image=np.full((4, 4, 3), colour, np.uint8), label=label)


@pytest.fixture(autouse=True)
def no_language_model(monkeypatch):
    monkeypatch.delenv("OPENITR_LMM_URL", raising=False)


def test_words_mean_composers():
    encoder = ColourEncoder()
    found = {name: type(composer_named(name, encoder)) for name in ("pdv", "weimocir", "cirevl")}
    assert found == {"pdv": DirectionalQuery, "weimocir": WeightedComposer, "cirevl": LanguageComposer}
    ready = WeightedComposer(encoder, 0.3)
    assert composer_named(ready, encoder) is ready


def test_a_language_model_words_the_direction():
    class Silent:
        name = "silent"

        def generate(self, *about, **how):
            raise AssertionError("not asked yet")

    composer = composer_named("pdv", ColourEncoder(), lmm=Silent())
    assert isinstance(composer, DirectionalQuery) and isinstance(composer.base.__self__, LanguageComposer)


def test_words_that_mean_none_say_what_is_needed(tmp_path):
    for trained in ("sprc", "RTD", "fafa-cpr"):
        with pytest.raises(QueryError, match=r"has to be trained.*--composer FOLDER"):
            Change("red", composer=trained)
    with pytest.raises(QueryError, match=r"no composer 'banana'.*pdv, weimocir, cirevl"):
        Change("red", composer="banana")
    with pytest.raises(QueryError, match=r"composer\.json"):
        Change("red", composer=str(tmp_path))
    with pytest.raises(ShapeError, match="lexicon"):
        composer_named("pdv", TermEncoder())


def test_a_composed_part_is_what_its_composer_gives():
    encoder = ColourEncoder(gap=0.3)
    shown = picture(10, 200, 10)
    for name in ("pdv", "weimocir"):
        query = Change("red", 1.5, name).asked(Query([shown, Part("dark", weight=0.5)]))
        made = [row.values for row in encode_parts(query.parts, encoder)]
        expected = composer_named(name, encoder).compose(shown.image, "red", 1.5).values
        assert np.array_equal(made[0], expected)
        assert np.array_equal(made[1], encoder.encode_texts(["dark"]).values)


def test_other_pictures_of_a_query_stay_pictures():
    encoder = ColourEncoder()
    query = Change("red", composer="weimocir").asked(Query([picture(1, 200, 1)], [picture(1, 1, 200)]))
    made = encode_parts([*query.parts, *query.negatives], encoder)
    assert np.array_equal(made[1].values, encoder.encode_images([query.negatives[0].image]).values)
    assert not np.allclose(made[0].values, encoder.encode_images([query.parts[0].image]).values, atol=1e-3)


def test_the_query_says_what_was_asked():
    query = Change(" in red ", composer="pdv").asked(Query([picture(1, 2, 3, label="dress.jpg")]))
    (part,) = query.parts
    assert str(part) == "dress.jpg, in red" and json.dumps(query.to_json())


def test_a_composer_needs_one_picture_and_dense_vectors():
    change = Change("red", composer="pdv")
    for parts in ([Part("a dog")], [picture(1, 2, 3), picture(3, 2, 1)]):
        with pytest.raises(QueryError, match="changes one picture"):
            change.asked(Query(parts))
    with pytest.raises(QueryError, match="lexicon"):
        encode_parts(change.asked(Query([picture(1, 2, 3)])).parts, TermEncoder())


def test_senseless_changes():
    for text, strength in ((" ", 1.0), ("red", -1.0), ("red", 4.5), ("red", float("nan"))):
        with pytest.raises(QueryError):
            Change(text, strength)


def test_what_was_shown_is_left_out_and_notes_are_passed_on():
    digest = hashlib.sha256(b"picture").hexdigest()
    change = Change.of("red", 1.0, "cirevl", [b"picture", picture(1, 2, 3)])
    assert change.shown == {digest} and Change.of(change) is change
    asked: list[Query] = []

    def answer(query: Query) -> Hits:
        asked.append(query)
        encode_parts(query.parts, ColourEncoder())
        found = [Hit(item(1, sha256=digest), 3.0, 1, "likely"), *(Hit(item(i), 1.0, 1, "rest") for i in (2, 3))]
        return Hits(query, found, notes=("first",))

    hits = change.answered(Query([picture(1, 2, 3)], k=2), answer)
    assert asked[0].k > 2 and isinstance(asked[0].parts[0], ComposedPart)
    assert [hit.id for hit in hits] == [2, 3] and hits.query.k == 2
    assert hits.notes[0] == "first" and "OPENITR_LMM_URL" in hits.notes[1] and len(hits.notes) == 2


def test_without_a_composer_the_parts_are_those_of_every_kind():
    query = Change("red", 2.0).asked(Query([picture(1, 2, 3)]))
    assert [str(part) for part in query.parts[1:]] == ["a photo, red", "-1:a photo"]


def test_a_composer_of_ones_own_without_start():
    class Mine:
        name = "mine"

        def compose(self, reference, text, strength=1.0):
            return ColourEncoder().encode_texts([text])

    query = Change("red", composer=Mine()).asked(Query([picture(1, 200, 1)]))
    (made,) = encode_parts(query.parts, ColourEncoder())
    assert np.array_equal(made.values, ColourEncoder().encode_texts(["red"]).values)
