"""The shipped calibrations on real photos: these tests fail when a calibration rots or is left behind by
new weights.

The bounds of what is not there stand below the rates that `python -m recipes.calibration evaluate` measures on larger
collections, because the samples here are small.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openitr.encoders import WEIGHTS, load
from openitr.index.memory import MemoryIndex
from openitr.media import decode
from openitr.search.answer import Answer
from openitr.search.avoid import Avoid
from openitr.search.calibrate import Calibrate, calibration_of
from openitr.search.diversify import Diversify
from openitr.search.pipeline import Pipeline
from openitr.search.retrieve import Retrieve
from openitr.types import Hits, Part, Query
from tests.search.fakes import item

ELSEWHERE = """
submarine; volcano; giraffe; a piano; a castle; an espresso machine; oil refinery; the eiffel tower;
a washing machine; broccoli; a bowl of soup; solar panels; an x-ray of a hand; a typewriter; fighter
jet; a lighthouse; a chess board; a saxophone; a traffic jam; a vending machine; a microscope;
playing cards; a wedding cake; penguin; a coral reef
"""
# Chosen before looking at any answer.
FOREIGN = (
    "a submarine", "a piano", "a volcano", "a giraffe", "a castle", "a pineapple", "broccoli", "a lighthouse",
    "a typewriter", "a penguin",
)  # fmt: skip
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not (WEIGHTS / "default" / "model.json").exists(), reason="no weights here"),
]


def rows_of(real_data: Path, source: str) -> list[dict[str, Any]]:
    lines = (real_data / source / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def asking(files: list[Path]) -> Pipeline:
    """A pipeline over pictures, whose ids are their places."""
    encoder = load("default")
    index = MemoryIndex("dense", encoder.dim)
    pictures = [decode(file, shrink_to=encoder.preparation.size).array for file in files]
    index.add(np.arange(len(pictures)), encoder.encode_images(pictures))
    calibration = calibration_of(encoder)
    assert calibration is not None, "fitted for other weights: python -m recipes.calibration fit"
    background = calibration.background
    return (
        Retrieve(index, encoder, background=background)
        >> Avoid(index, background=background)
        >> Calibrate(index, calibration)
        >> Answer(lambda ids: [item(int(i)) for i in ids], likely=calibration.likely, maybe=calibration.maybe)
    )


@pytest.fixture(scope="module")
def dogs(real_data: Path) -> Pipeline:
    """Over 120 photos whose captions all speak of dogs."""
    rows = [r for r in rows_of(real_data, "flickr8k") if r["split"] == "val"]
    chosen = [r for r in rows if all("dog" in t.lower() for t in r["texts"]["en"])][:120]
    return asking([real_data / "flickr8k" / r["image"] for r in chosen])


@dataclass(frozen=True)
class Folder:
    """A small folder of all sorts: what may answer a word, by id, and the pipeline."""

    ask: Pipeline
    said: list[str]

    def likely(self, words: str) -> list[int]:
        return [hit.item.id for hit in self.ask(Query([Part(text=words)])).likely()]


@pytest.fixture(scope="module")
def mixed(real_data: Path) -> Folder:
    """Six photos of dogs, 44 of something else and 31 products; in the order of their names, nothing picked by eye."""
    photos = [r for r in rows_of(real_data, "flickr8k") if r["split"] == "val"]
    texts = [" ".join(r["texts"]["en"]).lower() for r in photos]
    named = [r for r, t in zip(photos, texts, strict=True) if t.count("dog") >= 3][:6]
    others = [r for r, t in zip(photos, texts, strict=True) if "dog" not in t and "puppy" not in t][:44]
    products = [r for r in rows_of(real_data, "fashion") if r["split"] == "val"][:31]
    files = [real_data / "flickr8k" / r["image"] for r in named + others]
    files += [real_data / "fashion" / r["image"] for r in products]
    said = [" ".join(r["texts"]["en"]).lower() for r in named + others]
    return Folder(asking(files), said + [r["attributes"]["articleType"].lower() for r in products])


@pytest.mark.parametrize("name", ["default", "conse", "lexicon", "late"])
def test_every_shipped_model_has_a_calibration_of_its_own_weights(name: str, real_data: Path) -> None:
    assert calibration_of(load(name)) is not None


def test_what_is_not_there_is_not_likely(dogs: Pipeline) -> None:
    asked = [q.strip() for q in ELSEWHERE.split(";")]
    quiet = [q for q in asked if not dogs(Query([Part(text=q)])).likely()]
    assert len(quiet) >= 0.8 * len(asked), sorted(set(asked) - set(quiet))


@pytest.mark.parametrize("words", ["dog", "a dog", "dogs", "a brown dog", "two dogs playing"])
def test_what_is_there_is_likely(dogs: Pipeline, words: str) -> None:
    assert dogs(Query([Part(text=words)])).likely()


def test_reasons_are_in_words(dogs: Pipeline) -> None:
    text = dogs(Query([Part(text="dog")], negatives=[Part(text="water")]))[0].explain()
    assert "matches “dog”" in text and "“water”" in text and "unrelated pictures" in text


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("dog", ["dog"]),
        ("a dog", ["dog"]),
        # A shirt may pass for a T-shirt.
        ("a t-shirt", ["tshirts", "shirts", "tops"]),
    ],
)
def test_plain_words_find_what_lies_in_a_small_mixed_folder(mixed: Folder, words: str, names: list[str]) -> None:
    found = mixed.likely(words)
    right = [id for id in found if any(name in mixed.said[id].split() for name in names)]
    assert found and len(right) >= 0.75 * len(found), (found, right)


@pytest.mark.parametrize("words", ["a person", "a man"])
def test_what_is_everywhere_is_likely(mixed: Folder, words: str) -> None:
    """Photos, and no products: people are what most of the photos show."""
    found = mixed.likely(words)
    assert found and all(id < 50 for id in found)


def test_foreign_words_have_nothing_likely_in_a_small_mixed_folder(mixed: Folder) -> None:
    """Measured: 74 % of such words stay quiet, in folders of 30 to 2,000 pictures; of ten, fewer than six would with a
    chance of 9 %.
    """
    quiet = [words for words in FOREIGN if not mixed.likely(words)]
    assert len(quiet) >= 6, sorted(set(FOREIGN) - set(quiet))


@pytest.mark.parametrize(
    "change",
    [{"k": 81}, {"k": 10, "offset": 70}, {"negatives": [Part(text="snow")]}, {"k": 81, "sort": "date"}],
    ids=["all", "the last page", "a negative", "by date"],
)
def test_every_page_has_probabilities_in_order(mixed: Folder, change: dict[str, Any]) -> None:
    ordered(mixed.ask(Query([Part(text="a dog")], **change)))


def test_so_do_fused_and_diverse_answers(mixed: Folder) -> None:
    retrieve, avoid, calibrate, answer = mixed.ask.stages
    assert isinstance(retrieve, Retrieve) and isinstance(calibrate, Calibrate)
    query = Query([Part(text="a dog")], k=81)
    plain = {hit.item.id: hit.probability for hit in mixed.ask(query)}
    for first in (retrieve >> Diversify(retrieve.index, balance=0.7), retrieve + retrieve):
        hits = (first >> avoid >> calibrate >> answer)(query)
        ordered(hits)
        # Neither order says anything of how sure the answer is.
        assert {hit.item.id: hit.probability for hit in hits} == pytest.approx(plain)


def ordered(hits: Hits) -> None:
    assert len(hits) == min(hits.query.k, 81 - hits.query.offset)
    assert all(0 <= hit.probability <= 1 for hit in hits)
    order = {"likely": 0, "maybe": 1, "rest": 2}
    assert [order[hit.bucket] for hit in hits] == sorted(order[hit.bucket] for hit in hits)
