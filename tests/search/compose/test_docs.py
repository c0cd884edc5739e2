"""What the page on composed queries shows, run as it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from openitr.cli.app import app

PAGE = (Path(__file__).parents[3] / "docs" / "compose.md").read_text()


def run(*words: str):
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Shirts in four colours, two shades each."""
    home = tmp_path_factory.mktemp("photos")
    colours = {"red": (200, 20, 20), "green": (20, 160, 20), "blue": (20, 40, 200), "grey": (120, 120, 120)}
    for name, colour in colours.items():
        for shade in (0, 25):
            Image.new("RGB", (48, 48), tuple(c + shade for c in colour)).save(home / f"{name}{shade}.png")
    return home


@pytest.fixture(scope="module")
def collection(photos) -> Path:
    into = photos.parent / "collection"
    run("index", str(photos), "--into", str(into), "--json")
    return into


def test_the_python_runs(monkeypatch, capsys):
    monkeypatch.delenv("OPENITR_LMM_URL", raising=False)
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(block, "compose.md", "exec"), names)
    assert "a photo -> in red" in capsys.readouterr().out
    assert len(names["corrected"]) == len(names["by_both"]) == 1


def test_but_leaves_the_picture_out_and_says_what_was_asked(collection, photos):
    shown = photos / "blue0.png"
    done = run("search", str(collection), "--image", str(shown), "--but", "in red", "-k", "5", "--json")
    answer = json.loads(done.stdout)
    assert len(answer["hits"]) == 5 and "blue0.png" not in [hit["path"] for hit in answer["hits"]]
    assert [part["value"] for part in answer["query"]["parts"]][1:] == ["a photo, in red", "a photo"]
    assert [part["weight"] for part in answer["query"]["parts"]] == [1.0, 0.5, -0.5] and answer["query"]["k"] == 5


def test_strength_moves_the_answer(collection, photos):
    def order(strength: str) -> list[str]:
        shown = str(photos / "blue0.png")
        done = run("search", str(collection), "--image", shown, "--but", "red", "--strength", strength, "--json")
        return [hit["path"] for hit in json.loads(done.stdout)["hits"]]

    def place(names: list[str]) -> int:
        return sum(names.index(name) for name in ("red0.png", "red25.png"))

    assert order("0")[0] == "blue25.png" and place(order("4")) < place(order("0"))


@pytest.mark.parametrize("composer", ["pdv", "weimocir", "cirevl"])
def test_a_composer_is_chosen_in_one_word(collection, photos, composer, monkeypatch):
    monkeypatch.delenv("OPENITR_LMM_URL", raising=False)
    shown = str(photos / "blue0.png")
    asked = ["search", str(collection), "--image", shown, "--but", "in red", "-k", "7", "--json"]
    answer = json.loads(run(*asked, "--composer", composer).stdout)
    assert len(answer["hits"]) == 7 and "blue0.png" not in [hit["path"] for hit in answer["hits"]]
    assert [part["value"] for part in answer["query"]["parts"]] == ["blue0.png, in red"]
    assert ("notes" in answer) == (composer != "weimocir")
    from openitr import open as opened

    with opened(collection) as library:
        found = library.search(images=[shown], but="in red", composer=composer, k=7)
    assert [hit.path for hit in found] == [hit["path"] for hit in answer["hits"]]


def test_composers_that_cannot_be_had_say_why(collection, photos):
    def said(*words: str) -> str:
        done = CliRunner().invoke(app, ["search", str(collection), "--image", str(photos / "blue0.png"), *words])
        assert done.exit_code in (1, 2)
        return " ".join(done.output.split())

    assert "has to be trained" in said("--but", "in red", "--composer", "sprc")
    assert "no composer 'banana'" in said("--but", "in red", "--composer", "banana")
    assert "add --but" in said("--composer", "pdv")


def test_without_a_picture_there_is_nothing_to_change(collection):
    done = CliRunner().invoke(app, ["search", str(collection), "a", "shirt", "--but", "in red"])
    assert done.exit_code in (1, 2)
    assert "changes a picture" in done.output


def test_a_folder_without_triplets_says_what_to_name(photos):
    done = CliRunner().invoke(app, ["eval", str(photos), "--task", "cir"])
    assert done.exit_code in (1, 2) and "--change" in done.output
    done = CliRunner().invoke(app, ["eval", str(photos), "--task", "banana"])
    assert done.exit_code in (1, 2) and "banana" in done.output


def test_the_doctor_names_the_language_model(monkeypatch):
    from openitr.cli.health import examine

    def said() -> tuple[str, bool]:
        (found,) = [finding for finding in examine() if finding.what == "language model"]
        return found.value + found.remedy, found.ok

    monkeypatch.delenv("OPENITR_LMM_URL", raising=False)
    assert "OPENITR_LMM_URL" in said()[0] and said()[1]
    monkeypatch.setenv("OPENITR_LMM_URL", "http://localhost:1/v1")
    assert not said()[1]
    monkeypatch.setenv("OPENITR_LMM_MODEL", "tiny")
    monkeypatch.setenv("OPENITR_LMM_KEY", "sesame")
    assert "tiny" in said()[0] and "sesame" not in said()[0] and said()[1]
