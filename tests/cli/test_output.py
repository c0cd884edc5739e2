"""What commands print: JSON that any reader can decode, whatever files are called."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from openitr.cli import output
from openitr.cli.output import GO_ON, emit_json, errors_for_people, measured, missing, say_protocol, table


def printed(document: object, indent: int | None = 2) -> bytes:
    """What a pipe would get."""
    raw = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        pipe = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
        patch.setattr(sys, "stdout", pipe)
        emit_json(document, indent=indent)
        return raw.getvalue()


def test_a_name_that_is_no_text_is_written_as_escapes() -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    raw = printed({"path": name, "plain": "café 犬"})
    assert raw.isascii() is False and "café 犬".encode() in raw
    assert json.loads(raw) == {"path": name, "plain": "café 犬"}


@given(st.text(st.characters(categories=["Cs", "L", "N"]), max_size=20))
def test_every_text_comes_back(text: str) -> None:
    raw = printed([text], indent=None)
    assert raw.count(b"\n") == 1
    # Two halves side by side are one character to JSON, as to everyone else who writes UTF-16 escapes.
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if text else text
    assert json.loads(raw.decode("utf-8"))[0] in (text, whole)


def test_a_missing_package_names_the_extra_that_brings_it() -> None:
    found = {
        "pyarrow.parquet": "parquet",
        "scipy.sparse": "lexicon",
        "torch": "train",
        "mcp.server": "mcp",
        "nowhere": "all",
    }
    for module, extra in found.items():
        error = missing(ModuleNotFoundError(f"No module named {module!r}", name=module))
        assert module.partition(".")[0] in error.message
        assert error.remedy == f'pip install "openitr[{extra}]"'


def test_a_missing_package_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, errors_for_people():
        import a_package_that_nobody_has  # type: ignore[import-not-found]  # noqa: F401
    assert ended.value.exit_code == 1
    said = capsys.readouterr().err
    assert "this needs a_package_that_nobody_has" in said and "openitr[all]" in said


@pytest.mark.parametrize("words", ["models", "systems", "benchmarks"])
def test_a_reader_that_goes_away_is_no_failure(words: str) -> None:
    """As `openitr systems | head -1`: the pipe breaks while much is still to be written."""
    program = "from openitr.cli.app import app\nimport os\nos.environ['COLUMNS'] = '20'\napp()"
    command = [sys.executable, "-c", program, words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
        assert process.wait(60) == 0, said
    assert "Traceback" not in said


def width_of(text: str) -> int:
    return max(map(len, text.splitlines()))


def test_in_a_pipe_no_cell_is_folded(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    table("", ["path", "what"], [["a/" * 60 + "picture.jpg", "b" * 50]])
    head, line, row = capsys.readouterr().out.splitlines()
    assert row == f"{'a/' * 60}picture.jpg │ {'b' * 50}" and head.endswith("what") and set(line) == {"━", "╇"}


@pytest.mark.parametrize("columns", [36, 80])
def test_on_a_narrow_terminal_the_lines_go_before_the_words(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    terminal = output._Speaker(file=shown, force_terminal=True, width=columns, color_system=None, highlight=False)
    monkeypatch.setattr(output, "out", terminal)
    table("", ["language", "R@1", "R@5", "R@10", "95 %"], [["en", "73.0", "91.0", "100.0", "92.9–100.0"]])
    text = shown.getvalue()
    assert width_of(text) <= columns and "language" in text and "92.9–100.0" in text
    assert ("│" in text or "┃" in text) == (columns == 80)


def test_a_full_disk_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, errors_for_people():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    said = capsys.readouterr().err
    assert ended.value.exit_code == 1 and "the disk is full" in said and "Errno" not in said


def test_a_measurement_is_a_table_to_read_and_its_protocol_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers, told = io.StringIO(), io.StringIO()
    for name, file in (("out", numbers), ("err", told)):
        monkeypatch.setattr(output, name, output._Speaker(file=file, width=80, color_system=None, highlight=False))
    measured(["language", "R@10"], [["en", "73.0"], ["de", "9.1"]], {"split": "val", "pictures": 1000})
    lines = [line.rstrip() for line in numbers.getvalue().splitlines()]
    assert any(line.startswith("de") and line.endswith(" 9.1") for line in lines) and lines[-1] == ""
    assert told.getvalue().splitlines() == ["split: val", "pictures: 1000"]


def test_a_protocol_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    protocol = {"split": "val", "texts_per_image": [5, 5], "dropped": [], "notes": ["no test split", "two left out"]}
    say_protocol(protocol)
    say_protocol({"texts_per_image": (1, 5)})
    assert capsys.readouterr().err.splitlines() == [
        "split: val",
        "texts_per_image: 5",
        "notes: no test split; two left out",
        "texts_per_image: 1 to 5",
    ]


@pytest.mark.parametrize(("words", "said"), [((), "interrupted\n"), ((GO_ON,), GO_ON + "\n")])
def test_a_command_promises_to_go_on_only_where_it_does(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as left, errors_for_people(*words):
        raise KeyboardInterrupt
    assert left.value.exit_code == 1 and capsys.readouterr().err == said
