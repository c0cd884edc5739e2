"""Folders of this disk are taken out of texts, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.server.discreet import Discreet
from openitr.server.files import disposition
from openitr.server.pictures import from_data_url

quiet = Discreet([(Path("/srv/my albums/photos"), "photos"), (Path("/srv/my albums/photos/inner"), "folder 1")])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("/srv/my albums/photos has no run", "photos has no run"),
        ("openitr reindex /srv/my albums/photos --model x", "openitr reindex photos --model x"),
        ("/srv/my albums/photos/inner/a.jpg: gone", "folder 1/a.jpg: gone"),
        ("cannot open /etc/openitr/x.json", "cannot open x.json"),
        ("'/etc/openitr/x.json' (/var/lib/y)", "'x.json' (y)"),
        (r"C:\Users\ann\photos\a.jpg: gone", "a.jpg: gone"),
        ("use and/or, 1/2, image/png, a/b.jpg", "use and/or, 1/2, image/png, a/b.jpg"),
        ("see https://openitr.readthedocs.io/en/latest", "see https://openitr.readthedocs.io/en/latest"),
        ("nothing", "nothing"),
    ],
)
def test_what_is_said_of_folders(said: str, told: str) -> None:
    assert quiet(said) == told
    assert Discreet([], show=True)(said) == said


@given(st.text())
def test_texts_without_a_slash_stay(text: str) -> None:
    plain = text.replace("/", "").replace("\\", "")
    assert quiet(plain) == plain


@given(st.text(st.characters(codec=None), max_size=40))
def test_any_file_name_makes_one_header_line(name: str) -> None:
    try:
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return
    value = disposition(name, inline=False)
    value.encode("ascii")
    assert value.isprintable() and value.count('"') == 2 and value.startswith("attachment; filename=")


@given(st.binary(max_size=60))
def test_data_urls_come_back(data: bytes) -> None:
    import base64

    coded = base64.b64encode(data).decode()
    assert from_data_url(f"data:image/png;base64,{coded}") == data
    assert from_data_url(f"data:image/jpeg;name=a.jpg;base64,{coded}\n") == data
