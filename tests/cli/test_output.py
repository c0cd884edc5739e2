"""What commands print: JSON that any reader can decode, whatever files are called."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from openitr.cli.output import emit_json, errors_for_people, missing


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
