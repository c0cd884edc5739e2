"""Concept association bias: models whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from openitr.datasets.scenes.artwork import RGB
from openitr.diagnose.association import TYPICAL, CABProbe, make_two_object_images
from openitr.embeddings import DenseEmbeddings
from openitr.errors import InputError
from openitr.media.prepare import Preparation
from openitr.systems.concept_association_bias import constructed
from openitr.types import ImageArray

OBJECTS = {"apple": "red", "tree": "green", "moon": "yellow"}


class Seer:
    """Knows which colours are in a picture, and answers any question with one that the thing does not own, or owns."""

    spec, kind, fingerprint = "seer", "dense", "seer-0123456789abcdef"
    preparation = Preparation(64)
    colours = tuple(RGB)
    dim = len(colours)

    def __init__(self, binds: bool) -> None:
        self.binds = binds

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        there = [[float((image == RGB[c]).all(axis=2).any()) for c in self.colours] for image in images]
        return DenseEmbeddings.normalise(np.array(there) + 1e-4)

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        rows = []
        for text in texts:
            colour = text.split(" is ")[1].rstrip(".")
            own = next(c for thing, c in OBJECTS.items() if thing in text)
            row = np.array([float(c == colour) for c in self.colours])
            # Half the weight for the colour that this model would not say.
            rows.append(row * (1.0 if (colour == own) == self.binds else 0.5) + np.where(row > 0, 0, 0.5) / 3)
        return DenseEmbeddings.normalise(np.array(rows))


def test_a_binder_and_a_swapper() -> None:
    subjects = make_two_object_images(OBJECTS, size=64)
    probe = CABProbe(tuple(RGB))
    binder, swapper = probe.run(Seer(True), subjects), probe.run(Seer(False), subjects)
    assert (binder.hit, binder.swap, binder.score) == (1, 0, 0)
    assert (swapper.hit, swapper.swap, swapper.score) == (0, 1, 1)


def test_the_constructed_models_of_the_card() -> None:
    oracle, bag = constructed(CABProbe(), np.random.default_rng(0))
    assert oracle.score == 0
    assert bag.score > 0.9


def test_tally_by_hand_and_by_strength() -> None:
    subjects = make_two_object_images(OBJECTS, per_pair=1, size=64)
    probe = CABProbe(tuple(RGB), strength={"apple": 3, "tree": 2, "moon": 1})
    answers = [s.right if s.thing == "apple" else s.other if s.thing == "moon" else "black" for s in subjects]
    found = probe.tally(subjects, answers)
    # Three pairs, each asked both ways: 2 of 6 about apples, moons and trees each.
    assert (found.hit, found.swap, found.score) == (pytest.approx(1 / 3), pytest.approx(1 / 3), 0.5)
    assert dict(found.by_strength) == {3: 0, 1: 1, 2: 0.5}
    assert found.slope == pytest.approx(-0.5)
    assert np.isnan(CABProbe().tally(subjects, answers).slope)


@pytest.mark.parametrize("condition", ["natural", "unnatural", "single"])
def test_pictures_show_what_they_say(condition: str) -> None:
    subjects = make_two_object_images(TYPICAL, condition, per_pair=1, size=96)  # type: ignore[arg-type]
    for subject in subjects:
        colours = {c for c in RGB if (subject.picture == RGB[c]).all(axis=2).sum() > 20}
        assert subject.right in colours
        if condition == "single":
            assert not subject.other and subject.right == TYPICAL[subject.thing]
        elif condition == "natural":
            assert subject.right == TYPICAL[subject.thing] and subject.other != subject.right
        else:
            assert subject.right not in (TYPICAL[subject.thing], subject.other)


def test_refusals() -> None:
    with pytest.raises(InputError, match="different colours"):
        make_two_object_images({"apple": "red", "heart": "red"})
    with pytest.raises(InputError, match="template"):
        CABProbe(template="what colour?")
    with pytest.raises(InputError, match="no picture"):
        CABProbe().run(Seer(True), [])
