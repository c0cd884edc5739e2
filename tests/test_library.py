"""The library end to end on painted pictures, with an encoder that names colours."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import openitr.encoders
import openitr.library
from openitr.errors import (
    FilterError,
    FingerprintMismatch,
    InputError,
    NoSuchCollection,
    QueryError,
    UnreadableImage,
)
from openitr.library import Library
from tests.search.fakes import ColourEncoder

COLOURS = {
    "red": (250, 10, 10),
    "green": (10, 250, 10),
    "blue": (10, 10, 250),
    "night": (5, 5, 5),
    "yellow": (250, 250, 10),
    "purple": (250, 10, 250),
}


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> ColourEncoder:
    made = ColourEncoder()
    monkeypatch.setattr(openitr.encoders, "load", lambda spec, **options: made)
    return made


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures and its collection, made once; tests get copies."""
    place = tmp_path_factory.mktemp("once")
    for number, (name, colour) in enumerate(COLOURS.items()):
        path = place / "pictures" / ("day" if number % 2 else "dusk") / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40), colour).save(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
        with openitr.library.create(place / "photos") as made:
            assert made.index(place / "pictures", workers=1).added == len(COLOURS)
    return place


@pytest.fixture
def folder(indexed: Path) -> Path:
    return indexed / "pictures"


@pytest.fixture
def library(indexed: Path, tmp_path: Path, encoder: ColourEncoder) -> Iterator[Library]:
    shutil.copytree(indexed / "photos", tmp_path / "photos")
    with openitr.library.open(tmp_path / "photos") as made:
        yield made


def names(hits: object) -> list[str]:
    return [hit.item.name.removesuffix(".png") for hit in hits]  # type: ignore[attr-defined]


def test_words_find_and_load_no_image_tower(library: Library, encoder: ColourEncoder) -> None:
    hits = library.search("green", k=3)
    assert names(hits)[0] == "green"
    assert len(hits) == 3 and hits.total == 6
    assert encoder.asked == ["text"]
    assert hits.to_json()["hits"][0]["why"][0]["stage"] == "match"


def test_pictures_words_and_negatives_mix(library: Library, folder: Path, tmp_path: Path) -> None:
    assert names(library.search(images=[folder / "dusk" / "red.png"], k=1)) == ["red"]
    raw = (folder / "dusk" / "red.png").read_bytes()
    assert names(library.search(images=[raw], k=1)) == ["red"]
    assert names(library.search(images=[np.full((9, 9, 3), (250, 0, 0), np.uint8)], k=1)) == ["red"]
    assert names(library.search("green", texts=["1:red"], k=1)) == ["yellow"]
    assert names(library.search("red", texts=["3:blue"], k=3))[0] in ("blue", "purple")
    plain = names(library.search("red", k=3))
    assert set(plain) == {"red", "yellow", "purple"}
    assert names(library.search("red", negatives=["blue"], k=6)).index("purple") > plain.index("purple")


def test_filters_come_first_and_pages_fit_together(library: Library) -> None:
    assert set(names(library.search("red", where=["folder=day"]))) == {"green", "night", "purple"}
    assert names(library.search("red", where={"folder": {"eq": "nowhere"}})) == []
    whole = names(library.search("red", k=6))
    assert names(library.search("red", k=2)) + names(library.search("red", k=4, offset=2)) == whole
    assert names(library.search("red", k=3, offset=6)) == []
    with pytest.raises(FilterError):
        library.search("red", where=["no test"])


def test_sorting_by_date_keeps_all(library: Library) -> None:
    assert sorted(names(library.search("red", sort="date"))) == sorted(COLOURS)


@pytest.mark.parametrize("call", [{}, {"query": "  "}, {"query": "red", "k": 0}, {"query": "red", "sort": "size"}])
def test_senseless_queries(library: Library, call: dict[str, object]) -> None:
    with pytest.raises(QueryError):
        library.search(**call)  # type: ignore[arg-type]


def test_a_query_picture_that_is_none(library: Library, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 nothing")
    with pytest.raises(UnreadableImage):
        library.search(images=[broken])
    with pytest.raises(QueryError, match="no picture"):
        library.search(images=["nowhere.jpg"])


def test_more_like_one_of_them(library: Library, encoder: ColourEncoder) -> None:
    (red,) = library.search("red", k=1)
    hits = library.more_like(red.id, k=2)
    assert "red" not in names(hits) and len(hits) == 2
    assert hits.total == 5
    assert encoder.asked == ["text"]
    with pytest.raises(InputError, match="999"):
        library.more_like(999)


def test_more_like_one_of_them_page_by_page(library: Library) -> None:
    (red,) = library.search("red", k=1)
    whole = [hit.id for hit in library.more_like(red.id, k=5)]
    assert [hit.id for hit in library.more_like(red.id, k=2, offset=2)] == whole[2:4]
    assert sorted(hit.id for hit in library.more_like(red.id, k=5, sort="date")) == sorted(whole)
    assert {hit.item.folder for hit in library.more_like(red.id, where=["folder=day"])} == {"day"}


def test_a_ready_model_is_asked_instead_of_loading_one(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(spec: str, **options: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(openitr.encoders, "load", refuse)
    ready = ColourEncoder()
    assert names(library.search("green", k=1, model=ready)) == ["green"]
    assert ready.asked == ["text"]
    ready.fingerprint = "another"
    with pytest.raises(FingerprintMismatch):
        library.search("green", model=ready)


def test_threads_that_ask_at_once_get_what_one_gets(library: Library) -> None:
    from concurrent.futures import ThreadPoolExecutor

    words = ["red", "green", "blue", "dark", "red green", "blue dark"] * 5
    alone = [[(h.id, round(h.score, 5), round(h.probability, 5)) for h in library.search(w, k=6)] for w in words]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda w: library.search(w, k=6), words))
    assert [[(h.id, round(h.score, 5), round(h.probability, 5)) for h in hits] for hits in found] == alone


def test_pipelines_can_be_read(library: Library) -> None:
    text = repr(library.pipeline(library.query("red")))
    assert text.startswith("Retrieve(colour, 6 items") and "Calibrate(unsupervised)" in text


def test_looking_after(library: Library, folder: Path, tmp_path: Path) -> None:
    assert len(library) == 6
    chosen = library.select(where=["folder=day"])
    assert len(chosen) == 3
    assert library.select(ids=chosen[:1], where=["folder=day"]) == chosen[:1]
    assert library.select() == []
    with pytest.raises(InputError, match="999"):
        library.select(ids=[999])
    assert library.remove(chosen[:1]) == 1
    assert len(library) == 5
    assert [p for p in library.verify() if p.level == "error"] == []
    assert library.info()["items"] == 5
    item = library.item(chosen[1])
    assert library.file(item).is_file()
    assert library.thumbnail(item.id)
    with pytest.raises(InputError):
        library.item(999)


def test_exported_and_brought_back(library: Library, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    library.export(tmp_path / "backup")
    with openitr.library.import_export(tmp_path / "backup", tmp_path / "again") as again:
        assert len(again) == 6
        assert names(again.search("blue", k=1)) == ["blue"]


def test_duplicates_of_files(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(
        (240, 240), Image.Resampling.BICUBIC
    )
    small.save(folder / "one.png")
    (folder / "copy.png").write_bytes((folder / "one.png").read_bytes())
    small.save(folder / "repacked.png", compress_level=1)
    library.index(folder, workers=1)
    groups = library.duplicates(kind="copy")
    assert [{i.name for i in g.items} for g in groups] == [{"one.png", "copy.png", "repacked.png"}]
    assert (folder / "one.png").exists() and (folder / "copy.png").exists()


def test_another_model_is_refused(library: Library, encoder: ColourEncoder, folder: Path) -> None:
    encoder.fingerprint = "colour-2"
    try:
        with pytest.raises(FingerprintMismatch, match="reindex"):
            library.search("red")
        with pytest.raises(FingerprintMismatch):
            library.index(folder, model="other", workers=1)
    finally:
        del encoder.fingerprint


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NoSuchCollection):
        openitr.library.open(tmp_path / "nothing")


def test_what_typed_words_deny_is_avoided(library: Library) -> None:
    typed = library.search("red but no blue", k=6)
    named = library.search("red", negatives=["blue"], k=6)
    assert [part.text for part in typed.query.parts] == ["red"]
    assert typed.query.to_json()["not"] == ["blue"]
    assert names(typed) == names(named) and [hit.score for hit in typed] == [hit.score for hit in named]
    assert any(reason.stage == "avoid" for reason in typed[0].why)
    kept = library.search('"red but no blue"', k=6)
    assert not kept.query.negatives and kept.query.parts[0].text == '"red but no blue"'
    assert not library.query(texts=["red but no blue"]).negatives, "further texts are taken as they are"
