from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from openitr.cli.compare import named
from openitr.errors import InputError
from tests.cli.conftest import COLOURS, openitr, paint


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve discs on grey, each with its colour as text."""
    folder = tmp_path_factory.mktemp("my pairs")
    lines = []
    for seed in range(3):
        for name, colour in COLOURS.items():
            paint(folder / f"{name}{seed}.png", colour, seed)
            lines.append({"image": f"{name}{seed}.png", "texts": [f"a {name} disc"]})
    (folder / "captions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_a_report_that_can_be_had_again(pairs: Path, tmp_path: Path) -> None:
    words = ["compare", "default", "again=default,default", "--data", pairs, "--samples", 100, "--swaps", 100]
    said = openitr(*words, "--out", tmp_path / "out", "--json")
    assert said.code == 0, said.err
    assert [model["name"] for model in said.json["models"]] == ["default", "again"]
    assert {pair["p_holm"] for pair in said.json["pairs"]} == {1.0} and len(said.json["pairs"]) == 7
    assert said.json["protocol"]["images"] == 12
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "plot.svg",
        "report.json",
        "report.md",
        "report.tex",
    ]
    command = shlex.split(said.json["command"])
    assert command[0] == "openitr" and str(pairs) in command
    again = openitr(*command[1:], "--out", tmp_path / "again")
    assert again.code == 0 and "RSUM: no difference shown between default and again: +0.0" in again.out
    first, second = (json.loads((tmp_path / name / "report.json").read_text()) for name in ("out", "again"))
    assert first == said.json
    # The command names the split and language that were settled on, so that the second run notes less.
    assert len(first["protocol"].pop("notes")) > len(second["protocol"].pop("notes"))
    assert first == second


def test_calls_that_are_wrong(pairs: Path) -> None:
    assert openitr("compare", "default", "--data", pairs).code == 2
    twice = openitr("compare", "default", "default", "--data", pairs)
    assert twice.code == 2 and "first=MODEL second=MODEL" in twice.err.replace("\n", " ")
    assert openitr("compare", "default", "conse", "--data", "/nowhere").code == 2
    assert openitr("compare", "default", "no-such-model", "--data", pairs).code == 1


def test_names() -> None:
    assert named(["a", "b=c", "d=e,f"]) == {"a": ["a"], "b": ["c"], "d": ["e", "f"]}
    assert named(["open_clip:ViT-B-32/x"]) == {"open_clip:ViT-B-32/x": ["open_clip:ViT-B-32/x"]}
    for wrong in (["=a"], ["a="], ["a=b,,c"], [""], ["a", "a=b"]):
        with pytest.raises(InputError):
            named(wrong)


def test_a_folder_with_an_equals_sign_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lr=0.1").mkdir()
    assert named(["lr=0.1"]) == {"lr=0.1": ["lr=0.1"]}
