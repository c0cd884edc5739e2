"""``openitr benchmarks``: the list, one protocol, and a run, as a person and as a program see them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from openitr import encoders
from openitr.cli.app import app
from tests.evaluate.benchmarks.fakes import ColourEncoder
from tests.evaluate.benchmarks.query_layouts import sugarcrepe


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENITR_DATA", str(tmp_path))
    monkeypatch.setattr(encoders, "load", lambda spec: ColourEncoder())
    sugarcrepe(tmp_path / "sugarcrepe")
    return tmp_path


def ask(*words: str) -> Result:
    return CliRunner().invoke(app, ["benchmarks", *words])


def test_the_list_says_what_is_here(home: Path) -> None:
    listed = {one["name"]: one for one in json.loads(ask("--json").stdout)["benchmarks"]}
    assert listed["sugarcrepe"]["data_here"] == "yes" and listed["circo"]["data_here"] == "no"
    assert listed["sugarcrepe"]["root"] == str(home / "sugarcrepe") and listed["circo"]["root"] is None
    assert listed["flickr8k"]["ran_on_real_data"] and not listed["circo"]["ran_on_real_data"]
    assert "sugarcrepe" in ask().stdout


def test_one_protocol_in_full(home: Path) -> None:
    shown = ask("show", "circo").stdout
    for words in ("2303.15247", "unlabeled2017", "mAP@50", "CC-BY-NC-4.0"):
        assert words in shown
    assert json.loads(ask("show", "circo", "--json").stdout)["name"] == "circo"
    assert ask("show", "circus").exit_code == 2


def test_a_run_prints_numbers_and_protocol(home: Path) -> None:
    found = json.loads(ask("run", "sugarcrepe", "--task", "swap_obj", "--json").stdout)
    assert found["tasks"]["swap_obj"]["scores"] == {"R@1": 50.0}
    assert found["protocol"]["model"] == "colours" and len(found["protocol"]["data_hash"]) == 64
    people = ask("run", "sugarcrepe", "--root", str(home / "sugarcrepe"))
    assert people.exit_code == 0 and "mean of kinds" in people.output


def test_data_that_is_not_here_is_an_error_with_its_address(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ask("run", "circo")
    assert missing.exit_code == 2 and "github.com/miccunifi/CIRCO" in missing.output.replace("\n", "")
    monkeypatch.delenv("OPENITR_DATA")
    assert "OPENITR_DATA is not set" in ask("run", "circo").output
    assert ask("run", "circo", "--root", str(home)).exit_code == 2
