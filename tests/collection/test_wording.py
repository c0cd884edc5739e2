"""What is written of pictures: BM25 as in the paper, and every change of an item reaches it."""

from __future__ import annotations

import json
import math
import os
import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.collection import Collection, wording
from openitr.collection.spacing import spaced, wanted
from openitr.collection.wording import WordIndex
from tests.collection.conftest import Album
from tests.collection.fakes import paint

WORDS = ["dog", "beach", "tram", "lisbon", "kite", "snow"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=6), min_size=1, max_size=8)


def index_of(names: list[str], captions: list[str]) -> WordIndex:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript("CREATE TABLE items (id INTEGER PRIMARY KEY)")
    wording.lay_out(db)
    for id, (name, caption) in enumerate(zip(names, captions, strict=True), 1):
        wording.put(db, id, f"{name}.jpg", (), [caption])
    return WordIndex(lambda: db)


def by_hand(documents: list[list[str]], query: list[str]) -> dict[int, float]:
    """Okapi BM25 in plain loops: Robertson and Zaragoza 2009, equation 3.15, k1 1.2, b 0.75."""
    count = len(documents)
    average = sum(map(len, documents)) / count
    found = {}
    for id, document in enumerate(documents, 1):
        score = 0.0
        for term in dict.fromkeys(query):
            having = sum(term in other for other in documents)
            # SQLite lets a word of more than half of all texts count next to nothing, instead of less than that.
            idf = max(math.log((count - having + 0.5) / (having + 0.5)), 1e-6)
            tf = document.count(term)
            score += idf * tf * 2.2 / (tf + 1.2 * (1 - 0.75 + 0.75 * len(document) / average))
        if any(term in document for term in query):
            found[id] = score
    return found


@given(captions=TEXTS, query=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
def test_scores_are_those_of_the_paper(captions: list[list[str]], query: list[str]) -> None:
    # Every picture has a name of one word, so that no text is empty.
    documents = [["picture", *caption] for caption in captions]
    index = index_of(["picture"] * len(captions), [" ".join(caption) for caption in captions])
    expected = by_hand(documents, query)
    found = index.search([" ".join(query)], 20)
    assert set(found.ids.tolist()) == set(expected)
    for id, score in zip(found.ids.tolist(), found.scores.tolist(), strict=True):
        assert score == pytest.approx(expected[id], rel=1e-5, abs=1e-9)
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    ids, scores = index.every([" ".join(query)])
    assert ids.tolist() == sorted(expected) and len(scores) == len(ids)
    best = index.search([" ".join(query)], 2)
    assert best.scores.tolist() == found.scores[:2].tolist() and best.ids.tolist() == found.ids[:2].tolist()


@given(captions=TEXTS, query=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
def test_the_share_of_a_question_weighs_words_by_their_rarity(captions: list[list[str]], query: list[str]) -> None:
    index = index_of(["picture"] * len(captions), [" ".join(caption) for caption in captions])
    weights = {}
    for word in query:
        having = sum(word in caption for caption in captions)
        weights[word] = max(math.log((len(captions) - having + 0.5) / (having + 0.5)), 1e-6)
    ids, _, shares = index.told([" ".join(query)])
    for id, share in zip(ids.tolist(), shares.tolist(), strict=True):
        written = sum(weight for word, weight in weights.items() if word in captions[id - 1])
        assert share == pytest.approx(written / sum(weights.values()), rel=1e-5)


def test_who_is_described(album: Album) -> None:
    for name in ("plain", "captioned", "tagged", "rated"):
        paint(album.folder / f"{name}.png", len(name))
    (album.folder / "captioned.txt").write_text("a tram")
    (album.folder / "tagged.json").write_text(json.dumps({"tags": ["tram"]}))
    (album.folder / "rated.json").write_text(json.dumps({"stars": 5}))
    album.ingest()
    words, ids = album.collection.words(), album.collection.ids()
    assert words is not None
    names = [item.path.partition(".")[0] for item in album.collection.items(ids)]
    assert {n for n, is_so in zip(names, words.described(ids), strict=True) if is_so} == {"captioned", "tagged"}
    assert words.described(ids[::-1]).tolist() == words.described(ids).tolist()[::-1]


def test_a_filter_and_a_limit() -> None:
    index = index_of(["a"] * 5, ["dog beach", "dog", "beach", "dog dog snow snow", "tram"])
    assert index.search(["dog"], 10, np.array([2, 3, 5])).ids.tolist() == [2]
    assert len(index.search(["dog"], 2)) == 2
    assert not len(index.search(["dog"], 10, np.zeros(0, np.int64)))
    assert not len(index.search([], 10)) and not len(index.search(["?!"], 10))


@given(text=st.text(max_size=40))
def test_no_query_is_an_expression(text: str) -> None:
    """Quotes, operators, half characters: words to be looked for, and never an error."""
    index = index_of(["dog"], ["beach"])
    found = index.search([text, 'NEAR("dog" AND *) OR -'], 5)
    assert len(found) <= 1


@given(text=st.text(max_size=30))
def test_spacing_loses_no_letter(text: str) -> None:
    import unicodedata

    kept = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode("utf-8"))
    kept = "".join(character for character in kept if ord(character) not in (*range(32), 127))
    assert "".join(spaced(text).split()) == "".join(kept.split())
    assert spaced(spaced(text)).split() == spaced(text).split()


def test_file_names_are_taken_apart() -> None:
    names = ["IMG_2041beachHouse", "holidays/LisbonTram28", "公園の犬", "Straße-am-Café", "HTMLPage"]
    index = index_of(names, [""] * 5)
    for query, id in {
        "2041": 1, "beach house": 1, "HOUSES": 1, "lisbon": 2, "tram 28": 2, "holiday": 2, "犬": 3, "公園": 3,
        "cafe": 4, "strasse": 0, "straße": 4, "html page": 5,
    }.items():  # fmt: skip
        assert index.search([query], 5).ids.tolist()[:1] == ([id] if id else []), query
    assert wanted("of the") == ["of", "the"], "where nothing else is asked, they are"


def test_what_is_written_where() -> None:
    index = index_of(["beach_dogs", "snow"], ["Two dogs, one Dog.", "a kite"])
    said = index.matched(["dog on the beach"], [1, 2])
    assert said == {1: {"name": ["beach", "dogs"], "captions": ["dogs", "dog"]}}


def test_words_follow_every_change(album: Album) -> None:
    def found(text: str) -> list[str]:
        words = album.collection.words()
        assert words is not None
        return sorted(item.path for item in album.collection.items(words.search([text], 9).ids))

    path = paint(album.folder / "tram28.png", 1)
    path.with_suffix(".txt").write_text("a yellow tram in Lisbon")
    about = album.folder / "tram28.json"
    about.write_text(json.dumps({"tags": ["Portugal", "hill"], "ocr": "CARRIS 543", "stars": 5}))
    album.ingest()
    for text in ("tram", "lisbon", "portugal", "carris", "543", "28"):
        assert found(text) == ["tram28.png"], text
    assert found("5") == [], "a number is for filters"
    about.write_text(json.dumps({"tags": ["hill"]}))
    album.ingest()
    assert found("portugal") == [] and found("hill") == ["tram28.png"]
    path.rename(album.folder / "funicular.png")
    album.ingest()
    assert found("funicular") == ["funicular.png"] and found("28") == [] and found("tram") == []
    paint(album.folder / os.fsdecode(b"odd\xe9name.png"), 2)
    album.ingest()
    assert len(found("name")) == 1, "a name that is no text is found by what of it is"
    album.collection.remove(album.collection.ids())
    assert found("funicular") == [] and found("name") == []


def test_without_full_text_search_there_is_none(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    with album.collection.writing() as writer:
        writer.db.execute("DROP TABLE words")
    monkeypatch.setattr(wording, "_SCHEMA", "CREATE VIRTUAL TABLE words USING fts5000(name)")
    paint(album.folder / "one.png", 1)
    with pytest.raises(sqlite3.OperationalError, match="fts5000"):
        wording._SCHEMA and sqlite3.connect(":memory:").execute(wording._SCHEMA)
    album.ingest()
    assert album.collection.words() is None and len(album.collection) == 1
    monkeypatch.undo()
    paint(album.folder / "two.png", 2)
    album.ingest()
    with Collection.open(album.collection.path) as again:
        words = again.words()
        assert words is not None and len(words.search(["one two"], 5)) == 2, "the first writer that can makes up for it"
