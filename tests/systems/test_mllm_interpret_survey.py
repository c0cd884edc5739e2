"""The card's scenes and its pointing test; the whole card when there is time."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.diagnose.taxonomy import Leaf
from openitr.systems import Budget
from openitr.systems import mllm_interpret_survey as card


def test_pointing_takes_the_middle_of_the_highest_cell() -> None:
    scene = card.draw(1, np.random.default_rng(0))[0]
    thing = scene.things[0]
    map = np.zeros((8, 8))
    map[int(thing.y * 8), int(thing.x * 8)] = 1
    assert card._on(thing, map)
    assert not card._on(thing, -map - np.eye(8)[::-1] * 0), "the lowest cell is not pointed at"
    other = scene.things[1]
    away = np.zeros((8, 8))
    away[int(other.y * 8), int(other.x * 8)] = 1
    assert not card._on(thing, away)


def test_a_map_drawn_blindly_points_by_chance() -> None:
    rng = np.random.default_rng(0)
    scenes = card.draw(400, rng)
    hits = np.mean([card._on(scene.things[0], rng.random((8, 8))) for scene in scenes])
    area = np.mean([card._share(scene.things[0]) for scene in scenes])
    # Cells are judged by their middle, so chance is the area to within a cell's border; standard error 0.018.
    assert hits == pytest.approx(area, abs=0.06)
    assert hits < 0.3, "far from the 80% that the card asks for"


def test_things_differ_in_kind_and_colour() -> None:
    for scene in card.draw(30, np.random.default_rng(1)):
        one, two = scene.things
        assert one.kind != two.kind and one.colour != two.colour
        assert card.phrase(one) == f"a {one.colour} {one.kind}"


def test_a_leaf_that_names_nothing_is_counted_as_broken() -> None:
    assert card._resolves(Leaf("data", "x", "openitr.diagnose.gap.modality_gap"))
    assert not card._resolves(Leaf("data", "x", "openitr.diagnose.gap.nothing"))


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_on_shapes_and_photographs(real_data: object) -> None:
    pytest.importorskip("torch")
    outcome = card.experiment(Budget())
    assert outcome.checks[0].passed and outcome.checks[-1].passed
