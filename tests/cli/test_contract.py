"""The contract of the command line: shapes of answers, exit codes, what goes where."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import openitr, paint, process

pytestmark = pytest.mark.usefixtures("models_once")


def test_index_answers_with_one_json_line(pictures: Path, tmp_path: Path) -> None:
    said = process("index", pictures, "--into", tmp_path / "c", "--json")
    assert said.code == 0, said.err
    assert said.out.count("\n") == 1
    facts = said.json
    assert list(facts) == [
        "added", "updated", "unchanged", "moved", "removed", "skipped", "seconds", "images_per_second",
    ]  # fmt: skip
    assert facts["added"] == 9
    assert facts["skipped"] == 1
    assert "committed 9" in said.err


def test_what_is_skipped_is_named(pictures: Path, collection: Path, tmp_path: Path) -> None:
    said = openitr("index", pictures, "--into", tmp_path / "c", "-q")
    assert (
        f"skipped {pictures / 'home' / 'broken.jpg'}: " in said.err
        and str(tmp_path / "c" / "skipped.jsonl") in said.err
    )
    assert "broken.jpg" in openitr("info", collection).err
    assert "broken.jpg" not in openitr("info", collection, "--json").err


def test_a_folder_without_pictures_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = openitr("index", tmp_path / "empty", "--into", tmp_path / "c")
    assert said.code == 0 and "no pictures were found in" in said.err and "ask it" not in said.err


def test_pictures_without_texts_are_told_what_to_do(pictures: Path) -> None:
    said = openitr("eval", pictures)
    assert said.code == 2 and "no text with any of them" in said.err and "captions.jsonl" in said.err


def test_a_folder_that_is_no_export(tmp_path: Path) -> None:
    said = openitr("import", tmp_path, "--into", tmp_path / "c")
    assert said.code == 2 and "holds no export" in said.err and "Errno" not in said.err


def test_index_follows_the_folder(pictures: Path, tmp_path: Path) -> None:
    folder, place = tmp_path / "p", tmp_path / "c"
    shutil.copytree(pictures, folder)
    openitr("index", folder, "--into", place, "-q")
    (folder / "holidays" / "red.png").rename(folder / "holidays" / "crimson.png")
    (folder / "home" / "blue.png").unlink()
    paint(folder / "home" / "green.png", (255, 0, 255), 5)
    paint(folder / "home" / "new.png", (0, 255, 255), 6)
    facts = openitr("index", folder, "--into", place, "--json").json
    assert {k: facts[k] for k in ("added", "updated", "unchanged", "moved", "removed", "skipped")} == {
        "added": 1, "updated": 1, "unchanged": 6, "moved": 1, "removed": 1, "skipped": 1,
    }  # fmt: skip


def test_search_has_the_shape_of_the_contract(collection: Path) -> None:
    said = process("search", collection, "a", "red", "disc", "-k", 5, "--json")
    assert said.code == 0, said.err
    answer = said.json
    assert {"query", "hits", "took_ms"} <= set(answer)
    assert answer["query"]["parts"][0]["value"] == "a red disc"
    assert len(answer["hits"]) == 5
    hit = answer["hits"][0]
    assert list(hit) == ["id", "root", "path", "score", "probability", "bucket", "why"]
    assert hit["bucket"] in ("likely", "maybe", "rest")
    assert 0 <= hit["probability"] <= 1
    assert all(set(reason) == {"stage", "score", "text"} for reason in hit["why"])
    buckets = [("likely", "maybe", "rest").index(h["bucket"]) for h in answer["hits"]]
    assert buckets == sorted(buckets)


def test_search_by_picture_finds_the_picture(collection: Path, pictures: Path) -> None:
    for name in ("holidays/red.png", "home/blue.png"):
        hits = openitr("search", collection, "--image", pictures / name, "-k", 3, "--json").json["hits"]
        assert hits[0]["path"] == name


def test_filters_come_before_vectors(collection: Path) -> None:
    hits = openitr("search", collection, "disc", "--where", "folder=holidays", "--json").json["hits"]
    assert sorted(h["path"] for h in hits) == [f"holidays/{c}.png" for c in ("blue", "green", "red", "yellow")]
    none = openitr("search", collection, "disc", "--where", "folder=nowhere", "--json")
    assert none.code == 0
    assert none.json["hits"] == []


def test_paging_goes_on_where_it_stopped(collection: Path) -> None:
    whole = openitr("search", collection, "disc", "-k", 9, "--json").json["hits"]
    second = openitr("search", collection, "disc", "-k", 4, "--offset", 4, "--json").json["hits"]
    assert [h["id"] for h in second] == [h["id"] for h in whole[4:8]]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--where", "colour=red", "disc"], "colour"),
        (["--where", "disc"], "disc"),
        (["disc", "-k", "0"], "1 to 10000"),
        ([], "empty"),
        (["--text", "0:disc"], "other than 0"),
        (["--image", "/nowhere/cat.jpg"], "/nowhere/cat.jpg"),
        (["disc", "--sort", "size"], "relevance"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_why(collection: Path, words: list[str], hint: str) -> None:
    said = openitr("search", collection, *words)
    assert said.code == 2, said.err
    assert hint in " ".join(said.err.split())
    assert "Traceback" not in said.err


def test_no_such_collection_ends_with_1(tmp_path: Path) -> None:
    said = process("search", tmp_path / "none", "disc")
    assert said.code == 1
    assert "openitr index" in said.err


def test_info_without_a_name_lists_the_collections(
    collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENITR_HOME", str(tmp_path / "home"))
    nothing = openitr("info")
    assert nothing.code == 0 and "openitr index" in nothing.err
    shutil.copytree(collection, tmp_path / "home" / "photos")
    shutil.copytree(collection, tmp_path / "home" / "torn")
    (tmp_path / "home" / "torn" / "collection.json").write_text("{")
    (tmp_path / "home" / "cache").mkdir()
    whole, torn = openitr("info", "--json").json["collections"]
    assert (whole["name"], whole["pictures"], whole["models"], whole["error"]) == ("photos", 9, ["default"], "")
    assert torn["name"] == "torn" and torn["error"]
    assert "photos" in openitr("info").out
    assert "`openitr info` lists" in openitr("search", "photo", "disc").err


def test_info_verify_models_doctor(collection: Path) -> None:
    assert openitr("info", collection, "--json").json["items"] == 9
    assert openitr("verify", collection, "--json").json["whole"] is True
    names = {model["name"] for model in openitr("models", "--json").json["models"]}
    assert {"default", "conse"} <= names
    assert openitr("doctor", "--json").json["healthy"] is True


def test_verify_ends_with_1_when_vectors_are_gone(pictures: Path, tmp_path: Path) -> None:
    place = tmp_path / "c"
    openitr("index", pictures, "--into", place, "-q")
    for path in (place / "runs").rglob("*.f32"):
        path.write_bytes(path.read_bytes()[:100])
    said = openitr("verify", place)
    assert said.code == 1
    assert "openitr" in said.out + said.err
    assert "Traceback" not in said.err


def test_remove_and_reindex(pictures: Path, tmp_path: Path) -> None:
    place = tmp_path / "c"
    openitr("index", pictures, "--into", place, "-q")
    assert openitr("remove", place, "--where", "folder=home", "--json").json == {"removed": 5}
    assert openitr("info", place, "--json").json["items"] == 4
    assert openitr("index", pictures, "--into", place, "--json").json["added"] == 0
    assert openitr("index", pictures, "--into", place, "--restore", "--json").json["added"] == 5
    assert openitr("reindex", place, "--model", "conse", "-q").code == 0
    assert len(openitr("search", place, "disc", "--json").json["hits"]) == 9


def test_export_and_import_keep_every_answer(collection: Path, tmp_path: Path) -> None:
    assert openitr("export", collection, "--to", tmp_path / "out", "--json").json["items"] == 9
    assert openitr("import", tmp_path / "out", "--into", tmp_path / "again").code == 0
    ask = ("green disc", "--json")
    before = openitr("search", collection, *ask).json["hits"]
    after = openitr("search", tmp_path / "again", *ask).json["hits"]
    assert [(h["path"], h["score"]) for h in after] == [(h["path"], h["score"]) for h in before]


def test_duplicates_names_the_copy(pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    shutil.copytree(pictures, folder)
    shutil.copy(folder / "home" / "red.png", folder / "red again.png")
    openitr("index", folder, "--into", tmp_path / "c", "-q")
    groups = openitr("duplicates", tmp_path / "c", "--kind", "copy", "--json").json["groups"]
    assert [sorted(i["path"] for i in group["items"]) for group in groups] == [["home/red.png", "red again.png"]]


def test_eval_has_the_shape_of_the_contract(pictures: Path, tmp_path: Path) -> None:
    rows = [
        {"image": f"{place}/{name}.png", "texts": [f"a {name} disc", f"something {name}"], "split": "test"}
        for place in ("holidays", "home")
        for name in ("red", "green", "blue", "yellow")
    ]
    data = tmp_path / "pairs"
    shutil.copytree(pictures, data)
    (data / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = openitr("eval", data, "--json")
    assert said.code == 0, said.err
    report = said.json
    for way in ("t2i", "i2t"):
        assert {"R@1", "R@5", "R@10", "MedR", "mAP"} <= set(report[way])
    recalls = [report[way][f"R@{k}"] for way in ("t2i", "i2t") for k in (1, 5, 10)]
    assert report["RSUM"] == pytest.approx(sum(recalls), abs=0.1)
    assert report["protocol"]["split"] == "test"
    wrong = openitr("eval", data, "--split", "val")
    assert wrong.code == 2
    assert "test" in wrong.err


def test_json_stays_alone_on_standard_output(collection: Path) -> None:
    for words in (["search", collection, "disc", "--json"], ["info", collection, "--json"], ["models", "--json"]):
        json.loads(openitr(*words).out)


def test_hubs_are_sent_back_on_request(collection: Path, tmp_path: Path) -> None:
    bank = tmp_path / "bank.txt"
    bank.write_text("a red disc\n\na blue disc\na yellow disc\n", encoding="utf-8")
    for method in ("nnn", "qb-norm"):
        said = openitr("search", collection, "a", "red", "disc", "--unhub", method, "--bank", bank, "-k", 3, "--json")
        assert said.code == 0, said.err
        assert len(said.json["hits"]) == 3
    nnn = openitr("search", collection, "red", "--unhub", "nnn", "-k", 3, "--json").json["hits"]
    assert "level" in {reason["stage"] for reason in nnn[0]["why"]}, "without a bank the calibration's own texts serve"
    wrong = openitr("search", collection, "red", "--unhub", "magic")
    assert wrong.code == 2 and "nnn or qb-norm" in wrong.err
