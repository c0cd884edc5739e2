"""``openitr suggest`` and ``openitr illustrate``, as people call them."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from openitr.cli.app import app
from tests.cli.conftest import openitr


def here(*words: object) -> Result:
    """The command inside this process: a process of its own costs seconds."""
    return CliRunner().invoke(app, [str(word) for word in words])


def test_suggest_says_what_to_add(collection: Path, tmp_path: Path) -> None:
    page = tmp_path / "groups.html"
    said = openitr("suggest", collection, "a", "disc", "--groups", 2, "--json", "--sheet", page)
    assert said.code == 0, said.err
    found = said.json
    assert found["query"] == "a disc" and found["results"] >= 6
    assert all("disc" in one["query"] and one["ids"] for one in found["suggestions"])
    html = page.read_text("utf-8")
    assert html.count("<img") == sum(min(12, len(one["ids"])) for one in found["suggestions"])
    assert "default-src 'none'" in html and 'src="http' not in html


def test_suggest_hints_at_spelling_and_language(collection: Path) -> None:
    said = here("suggest", collection, "a", "yelow", "disc")
    assert said.exit_code == 0 and "did you mean: a yellow disc" in said.stderr


def test_illustrate_prints_and_writes_a_page(collection: Path, tmp_path: Path) -> None:
    article, page = tmp_path / "article.txt", tmp_path / "article.html"
    article.write_text("On <colours>\n\nThe disc was red.\n\nThen there was a yellow one.", encoding="utf-8")
    said = here("illustrate", collection, article, "-k", 1, "--out", page, "--json")
    assert said.exit_code == 0, said.stderr
    assert [len(one["paths"]) for one in json.loads(said.stdout)["paragraphs"]] == [1, 1]
    html = page.read_text("utf-8")
    assert "On &lt;colours&gt;" in html and html.count("<img") == 2
    plain = here("illustrate", collection, article, "-k", 1)
    assert plain.exit_code == 0 and "The disc was red." in plain.output


def test_what_cannot_be_done_is_said(collection: Path, tmp_path: Path) -> None:
    assert here("illustrate", collection, tmp_path / "none.txt").exit_code == 2
    assert "there is no file" in here("illustrate", collection, tmp_path).stderr
    binary = tmp_path / "article.docx"
    binary.write_bytes(b"PK\x03\x04\x14\x00\x00\x00")
    assert "is not plain text" in here("illustrate", collection, binary).stderr
    empty = tmp_path / "empty.txt"
    empty.write_text(" \n")
    assert here("illustrate", collection, empty).exit_code == 2
    assert here("suggest", tmp_path / "nowhere", "dog").exit_code == 1
    assert here("suggest", collection, " ").exit_code == 2
    long = tmp_path / "long.txt"
    long.write_text("red " * 20_000)
    assert here("illustrate", collection, long).exit_code == 2
