"""The rules, one by one; and that the command it gives is one that runs."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openitr.cli.advise import _facts as facts
from openitr.cli.app import app
from openitr.datasets import PairDataset
from openitr.datasets.pair import Pair
from openitr.datasets.scenes import make_pairs
from openitr.train import objective_named
from openitr.train.advise import advise
from openitr.train.survey import Label, Survey
from tests.encoders.tiny_torch import checkpoint

PLAIN = Survey("pets", "en", 1000, 1000, 1, (10, 15), {"en": 1000}, shared_texts=0.0)
GROUPS = (Label("breed", 500, 2.0), Label("kind", 40, 25.0))


@pytest.mark.parametrize(
    ("change", "objective"),
    [
        ({}, "info-nce"),
        ({"texts": 5000, "most_texts": 5}, "one-to-k"),
        ({"shared_texts": 0.5}, "soft-context"),
        ({"shared_texts": 0.5, "labels": GROUPS}, "soft-context"),
        ({"labels": GROUPS}, "info-nce"),
        ({"noise": 0.37, "known": 0.62, "texts": 5000}, "small-loss:share=0.4"),
        ({"noise": 0.7, "known": 0.32}, "small-loss:share=0.5"),
        ({"noise": 0.05, "known": 0.9}, "info-nce"),
        ({"noise": 0.33, "known": 0.45}, "info-nce"),
    ],
)
def test_the_objective_follows_from_the_data(change: dict[str, object], objective: str) -> None:
    advice = advise(replace(PLAIN, **change))
    assert advice["objective"] == objective
    objective_named(objective)
    assert "--label" not in advice.command, "labels are for naming, not for finding the one picture"


@pytest.mark.parametrize(("pictures", "batch"), [(20, "16"), (200, "16"), (1000, "64"), (6000, "512"), (10**6, "512")])
def test_batches_are_powers_of_two_with_eight_steps_an_epoch(pictures: int, batch: str) -> None:
    assert advise(replace(PLAIN, pictures=pictures, texts=pictures))["batch"] == batch


def test_many_texts_are_drawn_and_few_are_all_taken() -> None:
    assert advise(replace(PLAIN, texts=5000, most_texts=8))["texts"] == "0"
    assert advise(replace(PLAIN, texts=20000, most_texts=20))["texts"] == "8"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"noise": 0.4, "known": 0.6}, "40% of the pairs seem wrong"),
        ({"noise": 0.35, "known": 0.28}, "too few to tell wrong pairs"),
        ({"same_pictures": 0.1}, "exact copies"),
        ({"unreadable": 0.1}, "cannot be decoded"),
        ({"words": (50, 90)}, "long texts"),
        ({"languages": {"en": 1000, "de": 900, "fr": 3}}, "1 more languages (de)"),
        ({"labels": GROUPS}, "--objective scold --label kind"),
        ({"pictures": 60_000}, "transformers:NAME"),
        ({"pictures": 100}, "are few"),
    ],
)
def test_each_oddity_has_its_note(change: dict[str, object], word: str) -> None:
    assert [note for note in advise(replace(PLAIN, **change)).notes if word in note]
    assert not [note for note in advise(PLAIN).notes if word in note]


def test_no_bound_is_printed_where_the_judge_understands_too_little() -> None:
    said = dict(facts(replace(PLAIN, noise=0.35, known=0.28), "10 pictures"))
    assert said["wrong pairs"] == "cannot be told: it recognises too few"
    assert dict(facts(replace(PLAIN, noise=0.1, known=0.85), "10 pictures"))["wrong pairs"].startswith("at most 10%")


def test_every_choice_has_a_ground() -> None:
    for choice in advise(replace(PLAIN, texts=3000, lang="de", shared_texts=0.3, labels=GROUPS)).choices:
        assert len(choice.why) > 20


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """70 small scenes in a folder with a blank in its name."""
    folder = tmp_path_factory.mktemp("data") / "my scenes"
    make_pairs(70, size=32, languages=("en",), lengths=("short", "sentence")).write(folder)
    return folder


def test_the_command_line_and_the_command_it_gives(scenes: Path, tmp_path: Path) -> None:
    run = CliRunner()
    made = run.invoke(app, ["advise", str(scenes), "--json", "--out", str(tmp_path / "m")])
    assert made.exit_code == 0, made.output
    said = json.loads(made.stdout)
    assert said["survey"]["pictures"] == 56, "what is held out or tested on is not looked at"
    assert {one["option"] for one in said["advice"]} >= {"model", "objective", "texts", "batch", "rate", "epochs"}
    words = shlex.split(said["command"])
    assert words[:4] == ["openitr", "train", "--data", str(scenes)]
    # From scratch and for one epoch: features of the shipped towers take a while.
    words[words.index("projector")] = "tiny"
    words[words.index("--epochs") + 1] = "1"
    done = run.invoke(app, [*words[1:], "--quiet", "--json"])
    assert done.exit_code == 0, done.output


def test_people_read_facts_reasons_and_the_command(scenes: Path) -> None:
    said = CliRunner().invoke(app, ["advise", str(scenes), "--sample", "0"])
    assert said.exit_code == 0
    for piece in ("7 pictures", "--objective one-to-k", "frozen", "openitr train --data"):
        assert piece in said.output


def test_what_cannot_be_advised_on_is_refused_by_name(tmp_path: Path) -> None:
    small = make_pairs(8, size=16, languages=("en",), lengths=("short",))
    PairDataset([Pair(p.id, p.image, p.texts) for p in small]).write(tmp_path / "few")
    done = CliRunner().invoke(app, ["advise", str(tmp_path / "few")])
    assert done.exit_code == 2 and "too few" in done.output
    done = CliRunner().invoke(app, ["advise", str(tmp_path / "few"), "--lang", "xx"])
    assert done.exit_code == 2 and "no text in 'xx'" in done.output


def test_the_page_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    make_pairs(70, size=32, languages=("en",), lengths=("short", "sentence")).write(tmp_path / "scenes")
    checkpoint(tmp_path / "clip", "clip")
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "advise.md").read_text()
    lines = re.findall(r"^\$ openitr (.*)$", page, re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        done = CliRunner().invoke(app, line + (" --sample 0" if line.startswith("advise") else ""))
        assert done.exit_code == 0, f"{line}\n{done.output}"
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(block, "advise.md", "exec"), {})
