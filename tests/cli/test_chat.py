"""``openitr chat`` over a real collection, with an encoder that tests can reason about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

import openitr.encoders
import openitr.library
from openitr.cli.app import app
from openitr.search.dialogue import Session
from openitr.search.dialogue.showing import Either, shows_of
from tests.search.fakes import ColourEncoder

COLOURS = {"red": (255, 0, 0), "rose": (255, 60, 60), "green": (0, 255, 0), "blue": (0, 0, 255), "navy": (0, 0, 128)}


@pytest.fixture(scope="module")
def encoder():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
        yield


@pytest.fixture(scope="module")
def collection(tmp_path_factory, encoder) -> Path:
    place = tmp_path_factory.mktemp("chat")
    for name, colour in COLOURS.items():
        folder = place / "pictures" / ("warm" if name in ("red", "rose") else "cold")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), colour).save(folder / f"{name}.png")
    with openitr.library.create(place / "photos") as made:
        assert made.index(place / "pictures", workers=1).added == len(COLOURS)
    return place / "photos"


def chat(collection: Path, *words: str, said: str = "", code: int = 0):
    done = CliRunner().invoke(app, ["chat", str(collection), *words], input=said)
    assert done.exit_code == code, done.output
    return done


def lines(done) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_conversation_with_a_program(collection):
    done = chat(collection, "--json", "-k", "2", said="red\nnot 1\n\nblue\nundo\nlike 9\nquit\nnever read\n")
    first, second, third, fourth, error = lines(done)
    assert first["hits"][0]["path"] == "warm/red.png" and first["query"] == "red"
    gone = first["hits"][0]["id"]
    assert second["excluded"] == [gone] and gone not in [hit["id"] for hit in second["hits"]]
    assert third["query"] == "red, blue" and fourth["query"] == "red" and fourth["excluded"] == [gone]
    assert "no hit 9" in error["error"] and error["remedy"]


def test_a_conversation_with_a_person(collection):
    done = chat(collection, "--no-ask", "a", "blue", "thing", said="more like the second one\n")
    assert "searched: a blue thing" in done.stdout and "1   " in done.stdout and "cold/blue.png" in done.stdout
    assert "a blue thing, like" in done.stdout


def test_filters_hold_in_every_turn(collection):
    done = chat(collection, "--json", "--where", "folder=cold", said="red\ngreen\n")
    assert all(hit["path"].startswith("cold/") for turn in lines(done) for hit in turn["hits"])


def test_a_kept_conversation_goes_on(collection, tmp_path):
    kept = tmp_path / "chat.json"
    before = lines(chat(collection, "--json", "--keep", str(kept), said="red\nnot 1\n"))
    shown, after = lines(chat(collection, "--json", "--keep", str(kept), said="blue\n"))
    assert [hit["id"] for hit in shown["hits"]] == [hit["id"] for hit in before[-1]["hits"]]
    assert after["excluded"] == before[-1]["excluded"] and after["query"] == "red, blue"
    again = chat(collection, "--json", "--keep", str(kept), "-k", "10", said="")
    assert len(lines(again)) == 1, "what it began with may be said again"
    other = chat(collection, "--keep", str(kept), "--where", "folder=cold", code=2)
    heard = " ".join(other.stderr.split())
    assert "--where does nothing" in heard and "it began without" in heard
    for bad in ("", "[1]", "{}", '{"format": 1}', "[" * 100_000):
        kept.write_text(bad)
        assert chat(collection, "--keep", str(kept), code=2)


def test_the_call_may_be_wrong(collection, tmp_path):
    chat(collection, "-k", "0", code=2)
    chat(collection, "--where", "no filter", code=2)
    chat(tmp_path / "nothing", code=1)
    chat(collection, "--lmm", "http://127.0.0.1:9/v1", code=2)


def test_a_model_that_is_down_is_a_note(collection):
    done = chat(collection, "--json", "--lmm", "http://127.0.0.1:9/v1", "--lmm-model", "tiny", said="red\n")
    (turn,) = lines(done)
    assert len(turn["hits"]) == len(COLOURS) and any("templates" in note for note in turn["notes"])


def test_the_library_itself_says_what_pictures_show(collection):
    with openitr.library.open(collection) as library:
        shows, notes = shows_of(library, None, None)
        hits = Session(library, asks=False).say("red").hits
        scores = dict(zip([hit.item.name for hit in hits], shows(hits, ["green"])[:, 0], strict=True))
    assert isinstance(shows, Either) and notes == ()
    assert max(scores, key=lambda name: scores[name]) == "green.png"
