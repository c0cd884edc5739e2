"""`openitr size`: what is measured, what is planned, and calls that make no sense."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from openitr.cli.app import app
from openitr.index import sizing


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    real = sizing.measure
    monkeypatch.setattr(sizing, "measure", lambda dim, **how: real(dim, count=400, **how))


def said(*words: str, code: int = 0) -> Any:
    done = CliRunner().invoke(app, ["size", *words])
    assert done.exit_code == code, done.output
    return done


def test_as_a_document() -> None:
    done = said("1000000", "2000000", "--dim", "32", "--qps", "5", "--json")
    facts = json.loads(done.stdout)
    names = [one["name"] for one in facts["measured"]]
    assert facts["dim"] == 32 and names[0] == "every vector" and "words" in names
    assert [one["pictures"] for one in facts["plans"]] == [10**6] * len(names) + [2 * 10**6] * len(names)
    assert "measuring: every vector" in done.stderr
    small, large = facts["plans"][0], facts["plans"][len(names)]
    assert large["memory_gb"] == pytest.approx(2 * small["memory_gb"])


def test_as_tables() -> None:
    text = said("--dim", "16", "--price", "7").stdout
    assert "1,000,000,000 pictures" in text and "100,000 pictures" in text and "7 a month" in text


def test_numbers_as_people_write_them() -> None:
    facts = json.loads(said("2k", "1.5M", "3,000", "--dim", "8", "--json").stdout)
    assert sorted({one["pictures"] for one in facts["plans"]}) == [2000, 3000, 1_500_000]
    assert "write 2000000 or 2M" in said("many", code=2).stderr


@pytest.mark.parametrize(
    "words", [("0",), ("nan",), ("inf",), ("k",), ("5", "--qps", "0"), ("5", "--cores", "0"), ("5", "--dim", "1")]
)
def test_senseless_calls_exit_with_2(words: tuple[str, ...]) -> None:
    done = said(*words, "--json", code=2)
    assert done.stdout == "" and "measuring" not in done.stderr, "nobody waits for a measurement to be told so"
