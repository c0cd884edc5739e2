"""One word chooses how a library looks: by any kind of run, or by all of them and what is written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import openitr.encoders
import openitr.library
from openitr.errors import CollectionError, FingerprintMismatch, InputError, ModelError, QueryError
from openitr.library import Library
from openitr.search import Rerank, Unhub
from tests.search import fakes
from tests.search.fakes import ColourEncoder, TermEncoder, TokenEncoder
from tests.test_library import COLOURS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Colours under names that say nothing, one of them with a caption; a run of each kind."""
    place = tmp_path_factory.mktemp("kinds")
    for number, colour in enumerate(COLOURS.values()):
        path = place / "pictures" / f"shot{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), colour).save(path)
    (place / "pictures/shot2.txt").write_text("a red letter day")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openitr.encoders, "load", fakes.loaded)
        with openitr.library.create(place / "photos") as library:
            library.index(place / "pictures", kind="hybrid", workers=1)
            library.reindex(kind="late", workers=1)
        yield place


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Iterator[Library]:
    shutil.copytree(made / "photos", tmp_path / "photos")
    with openitr.library.open(tmp_path / "photos") as library:
        yield library


def names(hits: openitr.types.Hits) -> list[str]:
    return [hit.path for hit in hits]


@pytest.mark.usefixtures("made")
class TestAsking:
    def test_each_kind_asks_its_own_run(self, library: Library) -> None:
        for kind in ("dense", "lexicon", "late"):
            hits = library.search("red", kind=kind, k=2)
            assert hits[0].path == "shot0.png" and "Retrieve" in repr(library.pipeline(hits.query, kind=kind)), kind
        assert library.collection.run().kind == "dense"
        assert names(library.search("red")) == names(library.search("red", kind="dense"))

    def test_hybrid_asks_all_and_reads(self, library: Library) -> None:
        query = library.query("red", k=6)
        printed = repr(library.pipeline(query, kind="hybrid"))
        assert printed.count("Retrieve(") == 3 and "+ Words(" in printed and ">> Avoid" in printed
        hits = library.search(query, kind="hybrid")
        stages = [reason.stage for reason in hits[0].why]
        assert stages == ["match", "late", "lexicon", "words", "fuse", "calibrate", "credit"]
        by_path = {hit.path: hit for hit in hits}
        assert "caption: red" in by_path["shot2.png"].explain()
        alone = names(library.search("red", k=6))
        order = [hit.path for hit in sorted(hits, key=lambda hit: -hit.score)]
        assert order.index("shot2.png") < alone.index("shot2.png"), "what is written lifts the picture"
        probability = {hit.path: hit.probability for hit in library.search("red", k=6, kind="dense")}
        assert by_path["shot2.png"].probability > probability["shot2.png"], "and makes it more likely"
        for hit in hits:
            told = next(reason.score for reason in hit.why if reason.stage == "credit")
            odds = probability[hit.path] / (1 - probability[hit.path]) * np.exp(told)
            assert hit.probability == pytest.approx(odds / (1 + odds)), "the dense run's own, and what is written"

    def test_a_filter_holds_for_every_part(self, library: Library) -> None:
        hits = library.search("red", kind="hybrid", where=["name=shot2.png|shot1.png"])
        assert sorted(names(hits)) == ["shot1.png", "shot2.png"] and hits.total == 2
        assert not library.search("red", kind="hybrid", where=["name=none.png"])

    def test_a_picture_and_paging_and_dates(self, library: Library) -> None:
        red = np.full((8, 8, 3), (250, 10, 10), np.uint8)
        assert library.search(images=[red], kind="hybrid")[0].path == "shot0.png"
        whole = names(library.search("red", kind="hybrid", k=6))
        pages = [names(library.search("red", kind="hybrid", k=2, offset=at)) for at in (0, 2, 4)]
        assert [path for page in pages for path in page] == whole
        assert sorted(names(library.search("red", kind="hybrid", sort="date"))) == sorted(whole)

    def test_cures_and_further_stages_go_along(self, library: Library) -> None:
        query = library.query("red")
        pipeline = library.pipeline(
            query,
            kind="hybrid",
            unhub=Unhub(),
            bank=["green", "blue"],
            diverse=0.3,
            then=[Rerank(lambda query, ids, some: [-i for i in ids], deadline_ms=None)],
        )
        printed = repr(pipeline)
        assert printed.startswith("((Retrieve(") and ") + Retrieve(" in printed
        for stage in (">> Level(nnn", ">> Diversify(balance=0.7", ">> Rerank("):
            assert stage in printed
        hits = pipeline(query)
        assert [hit.id for hit in sorted(hits, key=lambda hit: -hit.score)] == sorted(hit.id for hit in hits)

    def test_hits_that_differ(self, library: Library) -> None:
        assert "Diversify" not in repr(library.pipeline(library.query("red")))
        hits = library.search("red", diverse=1.0)
        assert any(reason.stage == "diversify" for reason in hits[0].why)
        with pytest.raises(QueryError, match="diverse is 2"):
            library.search("red", diverse=2)
        with pytest.raises(QueryError, match="diversity needs dense"):
            library.search("red", kind="lexicon", diverse=0.5)

    def test_wrong_words_are_refused(self, library: Library) -> None:
        with pytest.raises(QueryError, match="no kind 'sparse'"):
            library.search("red", kind="sparse")
        with pytest.raises(QueryError, match="is of kind dense, not late"):
            library.search("red", kind="late", run="colour")
        with pytest.raises(QueryError, match="not hybrid"):
            library.search("red", kind="hybrid", run="colour")
        with pytest.raises(FingerprintMismatch):
            library.search("red", kind="late", model=ColourEncoder())

    def test_ready_models_find_their_runs(self, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(openitr.encoders, "load", None)
        ready = [TokenEncoder(), ColourEncoder(), TermEncoder()]
        hits = library.search("red", kind="hybrid", model=ready)
        assert names(hits) == names(library.search("red", kind="hybrid", model=ready[::-1]))

    def test_duplicates_look_at_the_dense_run(self, library: Library) -> None:
        with library.collection.writing() as writer:
            writer.activate("terms")
        assert library.collection.run().kind == "lexicon" and library.duplicates() == []
        assert library.search("red")[0].path == "shot0.png"
        assert [reason.stage for reason in library.search("red", kind="hybrid")[0].why][:2] == ["match", "lexicon"]


class TestIndexing:
    def test_a_kind_that_is_not_there_says_what_to_do(self, made: Path, tmp_path: Path) -> None:
        with openitr.library.create(tmp_path / "new") as library:
            library.index(made / "pictures", workers=1)
            with pytest.raises(CollectionError, match="has no late run") as caught:
                library.search("red", kind="late")
            assert caught.value.remedy == f"openitr reindex {tmp_path / 'new'} --kind late"
            both, alone = (names(library.search("red", kind=kind)) for kind in ("hybrid", "dense"))
            assert both[0] == "shot0.png", "hybrid takes what there is: looks, and words"
            assert both.index("shot2.png") < alone.index("shot2.png")
            library.index(made / "pictures", kind="late", workers=1)
            assert library.search("red", kind="late")[0].path == "shot0.png"
            report = library.index(made / "pictures", kind="late", workers=1)
            assert (report.added, report.unchanged, report.notes) == (0, 6, [])

    def test_the_first_kind_answers(self, made: Path, tmp_path: Path) -> None:
        with openitr.library.create(tmp_path / "new") as library:
            library.index(made / "pictures", kind="lexicon", workers=1)
            assert library.collection.kinds() == ["lexicon"] and library.search("red")[0].path == "shot0.png"
            assert library.more_like(library.search("red")[0].id)[0].path != "shot0.png"
            assert library.search("red", kind="hybrid")[0].probability > 0
            with pytest.raises(CollectionError, match="has no dense run"):
                library.duplicates()

    def test_models_must_fit_their_kind(self, made: Path, library: Library, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="makes dense embeddings, not late"):
            openitr.library.create(tmp_path / "new").index(made / "pictures", kind="late", model="plain")
        with pytest.raises(InputError, match="hybrid takes a model for each"):
            library.index(made / "pictures", kind="hybrid", model="plain")
        with pytest.raises(FingerprintMismatch, match="the model plain is not"):
            library.index(made / "pictures", kind="late", model="plain")
        with pytest.raises(QueryError, match="one model builds one run"):
            library.reindex()
        with pytest.raises(QueryError, match="one model builds one run"):
            library.reindex(kind="hybrid")

    def test_a_kind_whose_model_is_gone_is_named(
        self, made: Path, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def gone(spec: str, **options: object) -> ColourEncoder:
            if spec == "tokens":
                raise ModelError("there is no model 'tokens'", "install it")
            return fakes.loaded(spec)

        monkeypatch.setattr(openitr.encoders, "load", gone)
        report = library.index(made / "pictures", workers=1)
        assert report.notes == ["the run 'tokens' was not brought up to date: there is no model 'tokens' (install it)"]
