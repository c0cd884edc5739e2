"""A collection whose runs are of several kinds: they are filled, changed, checked, exported and asked alike."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openitr.collection import Collection, add_run, drop_run, export, import_, info, ingest, reindex, verify
from openitr.collection import columns as parquet_columns
from openitr.embeddings import Kind, LexiconEmbeddings, TokenEmbeddings
from openitr.errors import CollectionError, FingerprintMismatch, InputError, ShapeError
from tests.collection.conftest import Album
from tests.collection.fakes import ENCODERS, ColourEncoder, PatchEncoder, TermEncoder, paint, paint_many

OTHERS: list[Kind] = ["lexicon", "late"]


def plain(vectors: Any) -> np.ndarray:
    return vectors.matrix.toarray() if isinstance(vectors, LexiconEmbeddings) else vectors.values


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(plain(a), plain(b), atol=1e-6)
    if isinstance(a, TokenEmbeddings):
        np.testing.assert_array_equal(a.offsets, b.offsets)


def fresh(album: Album, encoder: Any, ids: Any) -> Any:
    """What the encoder makes of the files as they are now."""
    from openitr.media import decode

    paths = [album.collection.file(item) for item in album.collection.items(ids)]
    return encoder.encode_images([decode(path, shrink_to=encoder.preparation.size).array for path in paths])


@pytest.mark.parametrize("kind", ["dense", *OTHERS])
def test_a_run_of_any_kind_follows_the_folder(album: Album, kind: Kind) -> None:
    encoder = ENCODERS[kind]()
    paths = paint_many(album.folder, 7)
    album.ingest(encoder=encoder, batch=3)
    run = album.collection.run()
    assert (run.kind, run.state, len(run.index)) == (kind, "active", 7)
    paint(paths[2], 50)
    paths[3].rename(paths[3].with_name("moved.png"))
    paths[4].unlink()
    paint(album.folder / "new.png", 51)
    paths[0].with_name("copy.png").write_bytes(paths[0].read_bytes())
    report = album.ingest(encoder=encoder, batch=3)
    assert (report.added, report.updated, report.moved, report.removed) == (2, 1, 1, 1)
    album.collection.remove([1])
    ids = album.collection.ids()
    np.testing.assert_array_equal(run.index.ids(), ids)
    close(run.index.vectors(ids), fresh(album, encoder, ids))
    asked = encoder.encode_texts(["two words"])
    best = run.index.search(asked, 3)[0]
    scores = asked.score(run.index.vectors(ids))[0]  # type: ignore[arg-type]
    np.testing.assert_allclose(best.scores, np.sort(scores)[::-1][:3], atol=1e-4)
    assert verify(album.collection) == []
    assert info(album.collection)["runs"][0]["kind"] == kind


def test_the_copy_of_a_known_content_is_not_encoded_again(album: Album) -> None:
    encoder = TermEncoder()
    path = paint(album.folder / "one.png", 1)
    album.ingest(encoder=encoder)
    (album.folder / "two.png").write_bytes(path.read_bytes())
    album.ingest(encoder=encoder)
    assert encoder.encoded == 1 and len(album.collection.run().index) == 2


@pytest.mark.parametrize("kind", OTHERS)
def test_a_second_kind_begins_beside_the_first(full: Album, kind: Kind) -> None:
    other = ENCODERS[kind]()
    assert full.collection.kinds() == ["dense"]
    with pytest.raises(CollectionError, match=f"has no {kind} run") as caught:
        full.collection.run(kind=kind)
    assert caught.value.remedy == f"openitr reindex {full.collection.path} --kind {kind}"
    full.ingest(encoder=[full.encoder, other])
    assert full.collection.run().kind == "dense", "the first run goes on answering"
    run = full.collection.run(kind=kind)
    assert (run.state, len(run.index)) == ("ready", 12)
    assert full.collection.kinds() == ["dense", kind]
    paint(full.folder / "later.png", 70)
    full.ingest(encoder=[full.encoder, other])
    assert len(run.index) == 13, "the run follows what was committed"
    with pytest.raises(FingerprintMismatch):
        full.ingest(encoder=[full.encoder, ENCODERS[kind](seed=5)])


def test_a_run_that_is_not_whole_does_not_answer(full: Album) -> None:
    add = TermEncoder()
    with full.collection.writing() as writer:
        writer.add_run("terms-0", add, "building")
    with pytest.raises(CollectionError, match="not whole"):
        full.collection.run(kind="lexicon")
    assert full.collection.kinds() == ["dense"]
    full.ingest(encoder=[full.encoder, add])
    assert full.collection.run(kind="lexicon").state == "ready"


def test_reindexing_with_another_kind_leaves_the_active_run(full: Album) -> None:
    reindex(full.collection, TermEncoder(), workers=1)
    assert full.collection.run().kind == "dense"
    assert full.collection.run(kind="lexicon").name == "terms-0"
    reindex(full.collection, TermEncoder(seed=1), workers=1)
    assert full.collection.run(kind="lexicon").name == "terms-1", "of one kind, the newest answers"
    reindex(full.collection, ColourEncoder(seed=1), workers=1)
    assert full.collection.run().name == "colour-1", "of the active kind, it takes over"
    drop_run(full.collection, "terms-1")
    assert full.collection.run(kind="lexicon").name == "terms-0"


def test_a_failed_batch_leaves_no_trace_in_any_run(full: Album) -> None:
    other = PatchEncoder()
    full.ingest(encoder=[full.encoder, other])
    before = plain(full.collection.run(kind="late").index.vectors(full.collection.ids()))
    with pytest.raises(RuntimeError, match="stop"), full.collection.writing() as writer, writer.batch():
        writer.drop_items([1, 2])
        writer.put_vectors("patches-0", np.array([3]), other.encode_images([np.zeros((8, 8, 3), np.uint8)]))
        writer._commit_vectors()
        raise RuntimeError("stop")
    assert len(full.collection.run(kind="late").index) == 12 == len(full.collection)
    np.testing.assert_array_equal(plain(full.collection.run(kind="late").index.vectors(full.collection.ids())), before)
    full.ingest(encoder=[full.encoder, other])
    np.testing.assert_array_equal(plain(full.collection.run(kind="late").index.vectors(full.collection.ids())), before)
    assert verify(full.collection) == []


def test_wrong_vectors_are_refused(full: Album) -> None:
    add_run(full.collection, "terms", TermEncoder())
    with full.collection.writing() as writer:
        with pytest.raises(ShapeError, match="dense embeddings for an index of lexicon"), writer.batch():
            writer.put_vectors("terms", np.array([1]), full.encoder.encode_texts(["x"]))
        with pytest.raises(ShapeError, match="5 dimensions"), writer.batch():
            writer.put_vectors("terms", np.array([1]), TermEncoder(dim=5).encode_texts(["x"]))


def test_an_encoder_that_breaks_its_word_is_named(album: Album) -> None:
    class Liar(TermEncoder):
        def encode_images(self, images: Any) -> Any:
            return ColourEncoder.encode_images(self, images)

    paint(album.folder / "one.png", 1)
    with pytest.raises(ShapeError, match="terms-0 made 1 x 24 dense, not 1 x 24 lexicon"):
        album.ingest(encoder=Liar())


def test_verify_sees_a_lost_index(full: Album) -> None:
    full.ingest(encoder=[full.encoder, TermEncoder()])
    for path in (full.collection.path / "runs").glob("terms-*/index/*"):
        path.unlink()
    found = [problem for problem in verify(Collection.open(full.collection.path)) if problem.level == "error"]
    assert [problem.where for problem in found] == ["run terms-0"] and "missing" in found[0].what


def test_out_and_in_again(full: Album, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow.parquet")
    full.ingest(encoder=[full.encoder, TermEncoder(), PatchEncoder()])
    export(full.collection, tmp_path / "out")
    with import_(tmp_path / "out", tmp_path / "back") as back:
        ids = full.collection.ids()
        for kind in ("dense", *OTHERS):
            close(back.run(kind=kind).index.vectors(ids), full.collection.run(kind=kind).index.vectors(ids))
        assert back.run().kind == "dense"
        assert [p for p in verify(back) if p.level == "error"] == []
    about = json.loads((tmp_path / "out/export.json").read_text())
    about["runs"][0]["kind"] = "holographic"
    (tmp_path / "out/export.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="holographic"):
        import_(tmp_path / "out", tmp_path / "again")


def test_columns_that_do_not_fit_are_refused() -> None:
    pytest.importorskip("pyarrow.parquet")
    with pytest.raises(InputError, match="term outside the vocabulary"):
        parquet_columns.embeddings([{"id": 1, "terms": [9], "weights": [0.5]}], "lexicon", 4)
    with pytest.raises(InputError, match="no dense vectors of width 3"):
        parquet_columns.embeddings([{"id": 1, "vector": [1.0, 0.0]}], "dense", 3)
    with pytest.raises(InputError, match="no late vectors"):
        parquet_columns.embeddings([{"id": 1, "vector": [1.0, 0.0]}], "late", 2)


@pytest.fixture
def old(full: Album) -> Iterator[Path]:
    """A collection as the format before the words left it."""
    path = full.collection.path
    full.collection.close()
    db = sqlite3.connect(path / "items.sqlite", isolation_level=None)
    db.execute("DROP TABLE words")
    db.execute("PRAGMA user_version = 2")
    db.close()
    facts = json.loads((path / "collection.json").read_text())
    (path / "collection.json").write_text(json.dumps(facts | {"format": 2}))
    yield path


def test_an_older_collection_learns_its_words(old: Path) -> None:
    with Collection.open(old) as collection:
        words = collection.words()
        assert words is not None and collection.manifest.format == 3
        assert len(words.search(["number"], 20)) == 4


def test_ingest_of_two_new_kinds_at_once(album: Album) -> None:
    paint_many(album.folder, 5)
    ingest(album.collection, album.folder, encoder=[TermEncoder(), ColourEncoder()], workers=1)
    assert album.collection.run().kind == "lexicon"
    assert [len(album.collection.run(kind=kind).index) for kind in ("lexicon", "dense")] == [5, 5]


def decodings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files each pass over the folder decoded."""
    from openitr.media.pool import DecodePool

    seen: list[int] = []
    whole = DecodePool.map

    def told(self: DecodePool, items: Any) -> Any:
        items = list(items)
        seen.append(len(items))
        return whole(self, items)

    monkeypatch.setattr(DecodePool, "map", told)
    return seen


def test_models_that_read_alike_encode_what_was_decoded_once(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = decodings(monkeypatch)
    paths = paint_many(album.folder, 7)
    encoders = [ColourEncoder(), TermEncoder()]
    ingest(album.collection, album.folder, encoder=encoders, batch=3)
    assert passes == [7]
    paint(paths[2], 50)
    paths[0].with_name("copy.png").write_bytes(paths[0].read_bytes())
    ingest(album.collection, album.folder, encoder=encoders, batch=3)
    ids = album.collection.ids()
    for kind, encoder in zip(("dense", "lexicon"), encoders, strict=True):
        run = album.collection.run(kind=kind)
        np.testing.assert_array_equal(run.index.ids(), ids)
        close(run.index.vectors(ids), fresh(album, encoder, ids))
        assert encoder.encoded == 8 + len(ids), "each content once, and by the line above"


def test_a_model_that_reads_otherwise_decodes_for_itself(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = decodings(monkeypatch)
    paint_many(album.folder, 5)
    ingest(album.collection, album.folder, encoder=[ColourEncoder(size=8), TermEncoder()])
    assert passes == [5, 5]
    assert [len(album.collection.run(kind=kind).index) for kind in ("dense", "lexicon")] == [5, 5]


def test_the_second_run_is_told_of_as_well(album: Album) -> None:
    steps: list[Any] = []
    paint_many(album.folder, 5)
    ingest(album.collection, album.folder, encoder=ColourEncoder())
    ingest(album.collection, album.folder, encoder=[ColourEncoder(), TermEncoder()], batch=2, on_progress=steps.append)
    name = album.collection.run(kind="lexicon").name
    assert {step.run for step in steps} == {"", name}
    assert [(step.done, step.total, step.committed) for step in steps if step.run] == [(2, 5, 2), (4, 5, 4), (5, 5, 5)]
    steps.clear()
    ingest(album.collection, album.folder, encoder=[ColourEncoder(), TermEncoder()], on_progress=steps.append)
    assert not any(step.run for step in steps), "what is whole is not told of"
