"""`openitr train`: what it says when it is stopped, and what it chooses where nothing was said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from openitr.cli.app import app
from openitr.errors import InputError, ModelError

pytest.importorskip("torch")

from openitr import encoders, train
from openitr.train import checkpoint
from openitr.train.export import read_folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """Plans that a training was begun with; it is interrupted at once, after a checkpoint where ``out`` is "begun"."""
    (tmp_path / "a.png").touch()
    (tmp_path / "pairs.jsonl").write_text('{"image": "a.png", "texts": ["a dog"]}\n')
    plans: list[Any] = []

    def begin(data: Any, objective: Any, model: str, out: Path, plan: Any, **rest: Any) -> None:
        plans.append(plan)
        if out.name == "begun":
            out.mkdir()
            (out / checkpoint.NAME).touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "train", begin)
    return plans


def begun(place: Path, *words: str, out: str = "new") -> str:
    done = CliRunner().invoke(app, ["train", "--data", str(place / "pairs.jsonl"), "--out", str(place / out), *words])
    assert done.exit_code == 1, done.output
    return done.stderr


def test_stopped_it_says_how_to_go_on(asked: list[Any], tmp_path: Path) -> None:
    assert begun(tmp_path, "-q") == "interrupted; nothing was saved yet\n"
    assert begun(tmp_path, "-q", out="begun") == "interrupted; the same command with --resume goes on\n"
    with pytest.raises(ModelError, match="--resume"):
        encoders.load(str(tmp_path / "begun"))


def test_a_published_model_is_tuned_slowly(asked: list[Any], tmp_path: Path) -> None:
    for words in (
        (),
        ("--model", "tiny"),
        ("--model", "transformers:clip"),
        ("--model", "transformers:clip", "--rate", "3e-4"),
    ):
        begun(tmp_path, *words)
    assert [plan.rate for plan in asked] == [1e-3, 1e-3, 1e-5, 3e-4]


def test_what_cannot_be_trained_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no folder default") as caught:
        read_folder("default")
    assert "projector" in caught.value.remedy
    with pytest.raises(InputError, match="no objective 'infonse'") as near:
        train.objective_named("infonse")
    assert near.value.remedy.startswith("did you mean info-nce? there are: align-then-fuse-loss, ")


def test_nothing_to_resume_is_found_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no unfinished training"):
        train.train(None, None, "tiny", tmp_path / "none", resume=True)  # type: ignore[arg-type]
