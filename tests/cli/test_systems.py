"""``openitr systems``: the list, the shapes, and the three exit codes."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from openitr import systems
from openitr.cli.app import app
from openitr.errors import DatasetError
from openitr.systems import Budget, Card, Check, Outcome


def card(slug: str, passed: bool | None) -> Card:
    """A card whose one check passes, fails, or cannot be run."""

    def experiment(budget: Budget) -> Outcome:
        if passed is None:
            raise DatasetError("the pairs are not there", "set OPENITR_DATA")
        return Outcome([Check("more is more", {"gain": 1.5 if passed else -1.5}, passed)], "made here", ["a note"])

    return Card(slug, slug.title(), 2020, "tests", "It gains.", ("openitr.systems",), experiment)


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch):
    every = [card("broken", None), card("false", False), card("true", True)]
    monkeypatch.setattr(systems, "cards", lambda: every)
    return lambda *words: CliRunner().invoke(app, ["systems", *words])


def test_the_list_is_the_contracts(say) -> None:
    assert say("list", "--json").stdout == say("--json").stdout and say("list").stdout == say().stdout
    listed = json.loads(say("--json").stdout)["systems"]
    assert [one["slug"] for one in listed] == ["broken", "false", "true"]
    assert {"slug", "title", "family", "claim"} <= set(listed[0])
    assert "true" in say().stdout


def test_exit_codes_say_shown_not_shown_and_failed(say) -> None:
    assert [say("run", slug).exit_code for slug in ("true", "false", "broken")] == [0, 3, 1]
    assert say("run", "nobody").exit_code == 2
    assert say("run").exit_code == 2
    assert say("run", "true", "false").exit_code == 3
    assert say("run", "--all").exit_code == 1


def test_one_document_on_standard_output(say) -> None:
    found = json.loads(say("run", "false", "--json").stdout)
    assert found["shown"] is False and found["measured"] == {"gain": -1.5}
    assert {"slug", "claim", "shown", "measured", "data", "seconds"} <= set(found)
    assert len(json.loads(say("run", "true", "false", "--json").stdout)["systems"]) == 2


def test_people_see_claim_and_measurement(say) -> None:
    said = say("run", "true").stdout
    for piece in ("It gains.", "more is more", "gain 1.5", "made here", "a note", "yes"):
        assert piece in said
