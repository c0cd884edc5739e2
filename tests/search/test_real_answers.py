"""The shipped calibrations on real photos: these tests fail when a calibration rots or is left behind by
new weights.

The bounds stand well below what was measured on all dog photos of the same split (`python -m
recipes.calibration evaluate`: 97% of the questions without an answer got no likely hit), because the
samples here are small.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from openitr.encoders import WEIGHTS, load
from openitr.index.memory import MemoryIndex
from openitr.media import decode
from openitr.search.answer import Answer
from openitr.search.avoid import Avoid
from openitr.search.calibrate import Calibrate, calibration_of
from openitr.search.pipeline import Pipeline
from openitr.search.retrieve import Retrieve
from openitr.types import Part, Query
from tests.search.fakes import item

ELSEWHERE = """
submarine; volcano; giraffe; a piano; a castle; an espresso machine; oil refinery; the eiffel tower;
a washing machine; broccoli; a bowl of soup; solar panels; an x-ray of a hand; a typewriter; fighter
jet; a lighthouse; a chess board; a saxophone; a traffic jam; a vending machine; a microscope;
playing cards; a wedding cake; penguin; a coral reef
"""
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not (WEIGHTS / "default" / "model.json").exists(), reason="no weights here"),
]


@pytest.fixture(scope="module")
def dogs(real_data: Path) -> Pipeline:
    """A pipeline over 120 photos whose captions all speak of dogs."""
    lines = (real_data / "flickr8k" / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    chosen = [r for r in rows if r["split"] == "val" and all("dog" in t.lower() for t in r["texts"]["en"])][:120]
    encoder = load("default")
    pictures = [decode(real_data / "flickr8k" / r["image"], shrink_to=encoder.preparation.size).array for r in chosen]
    index = MemoryIndex("dense", encoder.dim)
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
