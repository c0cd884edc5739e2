"""What commands print: JSON that any reader can decode, whatever files are called."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.cli.output import emit_json


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
