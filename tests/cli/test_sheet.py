"""The contact sheet: one page, no foreign content, nothing unescaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import openitr
from openitr.cli.sheet import contact_sheet


class Reader(HTMLParser):
    """Collects tags and what they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_sheet_is_whole_and_loads_nothing(collection: Path) -> None:
    with openitr.open(str(collection)) as library:
        asked = '<script>alert("x")</script> & red'
        page = contact_sheet(library, [(asked, library.search("red disc", k=4))], title="T & U")
    reader = Reader()
    reader.feed(page)
    assert "script" not in reader.tags
    assert reader.tags.count("img") == 4
    assert all(source.startswith("data:image/") for source in reader.sources)
    assert "&lt;script&gt;" in page
    assert re.search(r"default-src 'none'", page)
