"""Suggestions and articles of a collection on disk, with an encoder that names colours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import openitr.encoders
import openitr.library
from openitr.errors import InputError, LMMError, QueryError
from openitr.library import Library
from openitr.search.suggest import for_library, hints, illustrate
from openitr.search.suggest.collected import dense_run, written
from openitr.search.suggest.vocabulary import general
from tests.search.fakes import ColourEncoder, item
from tests.search.suggest.test_suggester import Model

COLOURS = {"red": (250, 10, 10), "green": (10, 250, 10), "blue": (10, 10, 250)}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighteen pictures whose names say what they are."""
    place = tmp_path_factory.mktemp("once")
    for name, colour in COLOURS.items():
        for number in range(6):
            path = place / "pictures" / f"{name} zeppelin {number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (40 + number, 40), colour).save(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
        with openitr.library.create(place / "photos") as made:
            made.index(place / "pictures", workers=1)
    return place / "photos"


@pytest.fixture
def library(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    monkeypatch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
    with openitr.library.open(place) as opened:
        yield opened


def test_the_groups_of_a_search_are_named(library: Library) -> None:
    found = for_library(library, "zeppelin", k=36, groups=3)
    assert {one.added for one in found} == {("red",), ("green",), ("blue",)}
    assert sorted(id for one in found for id in one.ids) == sorted(library.collection.ids().tolist())
    assert found.results == 18 and len(found) == 3 and found[0].share == pytest.approx(1 / 3)
    again = json.loads(json.dumps(found.to_json()))
    assert again["suggestions"][0]["ids"] == list(found[0].ids)
    assert "language model" in found.notes[0]
    # No colour encoder is sure of a zeppelin, and the groups of what is nearest are no answer.
    assert "nothing here is likely" in found.notes[-1]


def test_a_filter_and_too_few_results(library: Library) -> None:
    found = for_library(library, "zeppelin", where={"width": {"gte": 45}})
    assert not len(found) and "too few" in found.notes[0]


def test_blank_queries_are_refused(library: Library) -> None:
    with pytest.raises(QueryError):
        for_library(library, "  ")


def test_a_run_of_another_kind_is_refused() -> None:
    runs = SimpleNamespace(run=lambda name=None, kind=None: SimpleNamespace(kind=kind or name or "lexicon"))
    assert dense_run(runs, None).kind == "dense"  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="'lexicon' is a lexicon one"):
        dense_run(runs, "lexicon")  # type: ignore[arg-type]


def test_spelling_by_what_is_written_and_language_by_the_model(library: Library) -> None:
    encoder = ColourEncoder()
    assert hints(library.collection, "a zepelin", encoder) == ("a zeppelin", None)
    assert hints(library.collection, "zeppelin", encoder) == (None, None)
    # Nothing is known of the languages of a model that is not shipped.
    assert hints(library.collection, "ein Hund am Strand", encoder)[1] is None
    encoder.spec = "default"
    spelt, told = hints(library.collection, "ein Hund am Strand", encoder)
    assert spelt is None and told is not None and told.language == "German"
    # A model that reads the language gets no advice, and its words are no misspelt English either.
    encoder.spec = "multilingual"
    assert hints(library.collection, "ein Hund am Strannd", encoder) == (None, None)


def test_a_language_model_captions_and_words(library: Library) -> None:
    model = Model("crimson zeppelin", "leaf zeppelin", "sky zeppelin")
    found = for_library(library, "zeppelin", k=36, groups=3, lmm=Captioning(model))
    assert {one.query for one in found} == {"crimson zeppelin", "leaf zeppelin", "sky zeppelin"}
    assert not any("language model" in note for note in found.notes)


class Captioning(Model):
    """Says what it sees, and passes other questions on."""

    def __init__(self, merger: Model) -> None:
        super().__init__()
        self.merger = merger

    def generate(self, messages, **how):  # type: ignore[no-untyped-def]
        from openitr.encoders.lmm import Reply

        if len(messages[-1].images):
            assert messages[-1].images[0].ndim == 3
            return Reply("a zeppelin")
        return self.merger.generate(messages, **how)


def test_a_language_model_that_is_down_is_done_without(library: Library) -> None:
    found = for_library(library, "zeppelin", k=36, groups=3, lmm=Model(LMMError("it is down")))
    assert {one.added for one in found} == {("red",), ("green",), ("blue",)}
    assert all("it is down" in one.notes[-1] for one in found)


def test_an_article_gets_its_pictures(library: Library) -> None:
    found = illustrate(library, "A red day\n\nThere was red all over.\n\nAnd then it was blue.", each=2)
    names = {item.id: item.name for item in library.collection.items(library.collection.ids())}
    assert [[names[id].split()[0] for id in one.ids] for one in found.paragraphs] == [["red"] * 2, ["blue"] * 2]
    assert found.title == "A red day" and found.to_json()["paragraphs"][0]["phrases"] == ["red"]
    with pytest.raises(InputError):
        illustrate(library, "  ")


def test_what_is_written_of_a_picture() -> None:
    one = item(1, "2024/IMG_20410113.jpg", captions=["a dog"], metadata={"tag": ["sea", "sun"], "rating": 3})
    assert written(one) == ["a dog", "sea", "sun"]
    assert written(item(1, "3deab_bf81f2045.jpg")) == []
    assert written(item(1, "old_harbour.jpg")) == ["old harbour"]


def test_general_phrases_are_encoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENITR_CACHE", str(tmp_path))
    encoder = ColourEncoder()
    first = general(encoder)
    asked = len(encoder.asked)
    second = general(encoder)
    assert len(encoder.asked) == asked and first.phrases == second.phrases
    np.testing.assert_array_equal(first.vectors, second.vectors)
    (kept,) = (tmp_path / "suggest").glob("*.npy")
    kept.write_bytes(kept.read_bytes()[:100])
    np.testing.assert_array_equal(general(encoder).vectors, first.vectors)
    assert len(encoder.asked) == asked + 1
