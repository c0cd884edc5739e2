"""No option is passed over in silence: each changes what is done, or is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import typer
from typer.testing import CliRunner

from openitr.cli.app import app
from openitr.cli.idle import Idle
from openitr.errors import InputError, OpenITRError

VALUES = {
    "bank": "bank.txt", "batch": "7", "board": "board", "change": "baseColour", "composer": "made", "data": "else",
    "device": "auto", "epochs": "3", "freeze": "text.", "held": "test", "image_size": "48", "into": "there",
    "keep": "gender", "label": "id", "lang": "de", "limit": "5", "micro": "4", "model": "tiny", "objective": "siglip",
    "patience": "2", "precision": "bfloat16", "rate": "0.5", "seed": "9", "split": "val", "texts": "2", "unhub": "nnn",
}  # fmt: skip
# What a task reads, written down once more; output options are not looked at.
ALWAYS = {"as_json", "quiet", "help", "task", "data", "into"}
READ = {
    ("eval", ""): {"model", "split", "lang", "unhub", "bank"},
    ("eval", "cir"): {"model", "split", "change", "keep", "composer"},
    ("eval", "negation"): {"model", "split"},
    ("eval", "chat"): {"model", "split"},
    ("train", ""): {
        *("objective", "model", "epochs", "batch", "rate", "texts", "micro", "patience", "split", "held", "lang"),
        *("label", "image_size", "limit", "seed", "freeze", "precision", "device", "board", "resume"),
    },
    ("train", "cir"): {
        *("objective", "model", "epochs", "batch", "rate", "split", "held", "limit", "seed", "change", "keep"),
    },
}  # fmt: skip
# Options that need others beside them to mean anything.
BESIDE = {"bank": {"--unhub": "nnn"}, "image_size": {"--model": "tiny"}}


Run: TypeAlias = "Callable[..., Said]"


class Reached(OpenITRError):
    """The work was about to begin."""


# Typer takes a quarter of a second to put the commands together.
COMMAND: Any = typer.main.get_command(app)


@dataclass
class Said:
    """How a call ended, and what it said of that."""

    code: int
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Calls a command in this process."""

    def called(*words: str) -> Said:
        code = COMMAND.main(args=list(words), prog_name="openitr", standalone_mode=False)
        return Said(int(code or 0), " ".join(capsys.readouterr().err.split()))

    return called


def _command(name: str) -> Any:
    return COMMAND.commands[name]


def _given(name: str, param: Any) -> dict[str, str]:
    return {max(param.opts, key=len): "" if param.is_flag else VALUES[name]}


CASES = [
    (command, task, str(param.name))
    for command, task in READ
    for param in _command(command).params
    if str(param.name) not in ALWAYS
]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """What would be done: everything that a command hands on, instead of doing it."""
    import openitr.datasets
    import openitr.encoders
    import openitr.evaluate
    import openitr.evaluate.composed
    import openitr.evaluate.dialogue
    import openitr.evaluate.negation
    import openitr.train
    import openitr.train.composing

    seen: list[Any] = []

    def tell(what: str, *, end: bool = False) -> Callable[..., Any]:
        def told(*given: Any, **named: Any) -> Any:
            plain = {key: value for key, value in named.items() if key not in ("progress", "say")}
            seen.append((what, repr(given), repr(plain)))
            if end:
                raise Reached("about to work")
            return what

        return told

    class Part:
        """Pairs of any kind."""

        name = "pairs"
        texts: Any = {}  # noqa: RUF012
        split = staticmethod(lambda chosen: Part())
        filter = staticmethod(lambda test: [])

        def __repr__(self) -> str:
            return "pairs"

        def __len__(self) -> int:
            return 0

        def __iter__(self) -> Any:
            return iter(())

        def take(self, *_: Any) -> Part:
            return self

    class Taken(Part):
        filter = staticmethod(lambda test: Part())

    def chosen(pairs: Any, split: str | None) -> Any:
        seen.append(("split", split))
        return type("Chosen", (), {"name": split or "test"})()

    monkeypatch.chdir(tmp_path)
    (tmp_path / "bank.txt").write_text("a dog\n", encoding="utf-8")
    monkeypatch.setattr(openitr.datasets, "read", lambda data: Taken())
    monkeypatch.setattr(openitr.encoders, "load", tell("load"))
    monkeypatch.setattr(openitr.evaluate, "evaluate", tell("evaluate", end=True))
    monkeypatch.setattr("openitr.evaluate.protocol.choose_split", chosen)
    monkeypatch.setattr(openitr.evaluate.negation, "evaluate_negation", tell("negation", end=True))
    monkeypatch.setattr(openitr.evaluate.dialogue, "evaluate_chat", tell("chat", end=True))
    monkeypatch.setattr(openitr.evaluate.composed, "composed_tasks", lambda data: None)
    monkeypatch.setattr(openitr.evaluate.composed, "attribute_task", tell("attributes"))
    monkeypatch.setattr(openitr.evaluate.composed, "evaluate_composed", tell("composed", end=True))
    monkeypatch.setattr("openitr.search.compose.LearnedComposer.read", tell("composer"))
    monkeypatch.setattr(openitr.train, "objective_named", tell("objective"))
    monkeypatch.setattr(openitr.train, "Board", lambda folder: seen.append(("board", folder)) or Nothing())
    monkeypatch.setattr(openitr.train, "train", tell("train", end=True))
    monkeypatch.setattr(openitr.train.composing, "train_composer", tell("compose", end=True))
    return seen


class Nothing:
    """A context without anything in it."""

    def __enter__(self) -> Callable[..., None]:
        return lambda step: None

    def __exit__(self, *about: object) -> None:
        """Nothing is held."""


def _words(command: str, task: str, options: dict[str, str]) -> list[str]:
    words = [command, "pairs"] if command == "eval" else [command, "--data", "pairs", "--out", "made"]
    asked = {"--task": task} if task else {}
    if (command, task) == ("eval", "cir"):
        asked |= {"--change": "season", "--keep": "usage"}
    for flag, value in (asked | options).items():
        words += [flag, value] if value else [flag]
    return words


@pytest.mark.parametrize(("command", "task", "name"), CASES)
def test_every_option_of_a_task_counts_or_is_refused(
    command: str, task: str, name: str, calls: list[Any], run: Run
) -> None:
    param = next(one for one in _command(command).params if one.name == name)
    given = _given(name, param)
    beside = BESIDE.get(name, {}) if name in READ[command, task] else {}
    said = run(*_words(command, task, beside | given))
    if name not in READ[command, task]:
        assert said.code == 2 and f"{next(iter(given))} does nothing" in said.err
        assert not calls, "refused before anything is done"
        return
    assert "about to work" in said.err
    with_it = list(calls)
    calls.clear()
    assert "about to work" in run(*_words(command, task, beside)).err
    assert calls != with_it, f"{given} changed nothing"


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        ("search c dog --strength 2", "--strength"),
        ("search c dog --composer pdv", "--composer"),
        ("search c dog --bank b.txt", "--bank"),
        ("search c --image a.jpg --boost dog", "--boost"),
        ("search c --image a.jpg --rerank logic", "--rerank"),
        ("search c dog --paths --json", "--paths"),
        ("search c dog --paths --explain", "--explain"),
        ("index p --into c --shards 3", "--shards"),
        ("index p --into c --url http://h:6333", "--url"),
        ("index p --into c --engine faiss --replicas 2", "--replicas"),
        ("engine c --url http://h:6333", "--url"),
        ("engine c --use flat --shards 2", "--shards"),
        ("migrate http://h:6333/c --into c --shards 2", "--shards"),
        ("chat c --lmm-model llama", "--lmm-model"),
        ("diagnose default --split val", "--split"),
        ("diagnose default --lang de", "--lang"),
        ("advise pairs --sample 0 --judge conse", "--judge"),
        ("eval pairs --bank b.txt", "--bank"),
        ("train --data p --out m --image-size 64", "--image-size"),
        ("systems --json run uniter", "--json"),
        ("benchmarks --json show circo", "--json"),
    ],
)
def test_what_needs_another_option_is_refused_without_it(
    words: str, flag: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENITR_LMM_URL", raising=False)
    said = run(*words.split())
    assert said.code == 2 and f"{flag} does nothing" in said.err and "try:" in said.err
    assert list(tmp_path.iterdir()) == [], "nothing was begun"


def test_an_unknown_task_names_the_known_ones(run: Run) -> None:
    for command, known in (("eval", "cir, negation, chat"), ("train", "cir")):
        said = run(*_words(command, "dream", {}))
        assert said.code == 2 and known in said.err


def test_defaults_are_not_typed() -> None:
    made = typer.Typer()
    seen: list[Idle] = []

    @made.command()
    def command(context: typer.Context, size: int = 3, colour: str = "red") -> None:
        seen.append(Idle(context))

    CliRunner().invoke(made, ["--size", "3"])
    idle = seen[0]
    assert "size" in idle and "colour" not in idle
    idle.refuse(["colour"], "here")
    idle.unless(True, "--shape", "size")
    with pytest.raises(InputError, match="--size does nothing without --shape") as wrong:
        idle.unless(None, "--shape", "colour", "size")
    assert wrong.value.remedy == "add --shape, or leave --size out"
    with pytest.raises(InputError, match="--size does nothing with --kind round") as wrong:
        idle.among({"": ["size"], "square": ["size"], "round": ["colour"]}, "round", "--kind")
    assert wrong.value.remedy == "it belongs to no --kind or --kind square; leave --size out"
