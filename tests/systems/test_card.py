"""Cards: what counts, what does not, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from openitr import systems
from openitr.errors import DatasetError, InputError
from openitr.systems import Budget, Check, Outcome


def test_a_check_that_does_not_count_neither_shows_nor_hides() -> None:
    passed, failed = Check("a", {"x": 1}, True), Check("b", {"y": 2}, False)
    reported = Check("c", {"z": 3}, False, counts=False)
    assert Outcome([passed, reported], "d").shown
    assert not Outcome([passed, failed], "d").shown
    assert not Outcome([Check("c", {"z": 3}, True, counts=False)], "d").shown, "only reported is not shown"


def test_an_outcome_needs_checks_and_names_that_differ() -> None:
    with pytest.raises(InputError, match="without a check"):
        Outcome([], "d")
    with pytest.raises(InputError, match="'x' stands twice"):
        Outcome([Check("a", {"x": 1}, True), Check("b", {"x": 2}, True)], "d")


def test_numbers_become_plain_and_nan_stays_readable() -> None:
    numbers = {"f": np.float32(0.1), "i": np.int64(7), "whole": 3.0, "nan": float("nan"), "word": "two"}
    measured = Outcome([Check("a", numbers, True)], "d").measured
    assert measured == {"f": 0.1, "i": 7, "whole": 3, "nan": "nan", "word": "two"}
    assert isinstance(measured["whole"], int)


def test_a_budget_runs_out_and_never_below_zero() -> None:
    assert 59 < Budget(60).left <= 60
    assert Budget(0).left == 0


def test_data_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.delenv("OPENITR_DATA", raising=False)
    with pytest.raises(DatasetError, match="OPENITR_DATA"):
        Budget().data("flickr8k")
    monkeypatch.setenv("OPENITR_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match="flickr8k is not there"):
        Budget().data("flickr8k")


def test_every_card_is_whole() -> None:
    for card in systems.cards():
        assert systems.find(card.slug) == card
        assert card.slug == card.slug.lower().strip() and " " not in card.slug
        assert 2010 <= card.year <= 2030 and card.title and card.family
        assert card.claim.endswith(".") and len(card.claim) < 400, card.slug
        for part in card.parts:
            assert _resolves(part), f"{card.slug}: {part} is not there"


def test_an_unknown_system_names_its_neighbours() -> None:
    with pytest.raises(InputError, match="no system 'nothing-like-it'"):
        systems.find("nothing-like-it")


def _resolves(dotted: str) -> bool:
    """Whether a dotted name is a module, or a thing in one."""
    import importlib

    pieces = dotted.split(".")
    for cut in range(len(pieces), 0, -1):
        try:
            thing = importlib.import_module(".".join(pieces[:cut]))
        except ModuleNotFoundError:
            continue
        for name in pieces[cut:]:
            if not hasattr(thing, name):
                return False
            thing = getattr(thing, name)
        return True
    return False
