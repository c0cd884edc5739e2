"""The card's constructed models, its scenes, and a run that has no time to learn."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.diagnose.association import CABProbe
from openitr.systems import Budget
from openitr.systems import concept_association_bias as card

pytest.importorskip("torch")


def test_the_bag_fails_the_binders_check_and_the_binder_the_bags() -> None:
    binder, bag = card.constructed(CABProbe(card.COLOURS), np.random.default_rng(1))
    assert binder.score == 0 and bag.score > 0.9
    assert bag.score != 0 and not binder.score > 0.9


def test_scenes_hold_two_things_in_their_own_or_in_any_colours() -> None:
    rng = np.random.default_rng(0)
    for natural in (True, False):
        scenes = card.draw(40, rng, natural=natural)
        assert all(len({t.kind for t in s.things}) == len({t.colour for t in s.things}) == 2 for s in scenes)
        own = [card.OWN[t.kind] == t.colour for s in scenes for t in s.things]
        assert all(own) if natural else np.mean(own) < 0.4
    subjects = card.ask(scenes[:1])
    assert [s.other for s in subjects] == [s.right for s in subjects][::-1]


def test_a_tower_without_time_shows_no_bias_and_the_card_still_says_what_it_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(card, "SCENES", 80)
    monkeypatch.setattr(card, "ASKED", 30)
    outcome = card.experiment(Budget(seconds=0.1))
    counted = [check for check in outcome.checks if check.counts]
    assert len(counted) == 2 and outcome.shown
    fixed = next(check for check in outcome.checks if "score, fixed" in check.measured)
    assert not fixed.passed, "one step of training teaches no association"


@pytest.mark.slow
def test_the_trained_towers_do_as_the_paper_says() -> None:
    outcome = card.experiment(Budget())
    assert [check.passed for check in outcome.checks[:3]] == [True, True, True]
