from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.datasets import decoding
from openitr.datasets.decoding import decoded, encoding_of, json_lines, json_value
from openitr.errors import DatasetError

TEXT = "Zwei Hunde über dem Gras; 两只狗"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marked_and_utf8_texts_come_back(encoding: str) -> None:
    assert decoded(TEXT.encode(encoding)) == (TEXT, encoding)


def test_unmarked_utf16_of_a_western_text() -> None:
    assert decoded("two dogs".encode("utf-16-le")) == ("two dogs", "utf-16-le")
    assert decoded("two dogs".encode("utf-16-be")) == ("two dogs", "utf-16-be")


def test_other_bytes_are_latin_1() -> None:
    assert decoded("für".encode("latin-1")) == ("für", "latin-1")


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary(max_size=200))
def test_any_bytes_become_text_and_a_file_agrees(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("x") / "f"
    file.write_bytes(data)
    text, encoding = decoded(data)
    assert isinstance(text, str)
    assert encoding_of(file) == encoding


def test_a_character_across_blocks_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"a" * ((1 << 20) - 1) + "é".encode() + b"b")
    assert encoding_of(file) == "utf-8"
    file.write_bytes(b"a" * ((1 << 20) - 1) + "é".encode()[:1])
    assert encoding_of(file) == "latin-1"


@pytest.mark.parametrize("broken", ['{"a": ', "[" * 100_000, "1" * 5000, "\0", "{'a': 1}"])
def test_broken_json_names_the_place(broken: str) -> None:
    with pytest.raises(DatasetError, match="row 9"):
        json_value(broken, "row 9")


def test_lines_are_numbered_as_an_editor_does(tmp_path: Path) -> None:
    file = tmp_path / "f.jsonl"
    file.write_bytes(codecs.BOM_UTF8 + b'{"a": 1}\r\n\n  \n{"a": "\xe2\x80\xa8"}\nnope\n')
    rows = json_lines(file)
    assert next(rows) == (f"{file}, line 1", {"a": 1})
    assert next(rows) == (f"{file}, line 4", {"a": "\u2028"})
    with pytest.raises(DatasetError, match=r"f\.jsonl, line 5: not JSON"):
        next(rows)


def test_a_line_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_LINE", 20)
    file = tmp_path / "f.jsonl"
    file.write_text('{"a": 1}\n{"a": "' + "x" * 30 + '"}\n')
    with pytest.raises(DatasetError, match="line 2: longer than 20"):
        list(json_lines(file))
    file.write_text("[1]\n")
    with pytest.raises(DatasetError, match="line 1: a list, not an object"):
        list(json_lines(file))
