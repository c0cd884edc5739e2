"""A reranker by its word or folder, over a real collection; and from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import openitr.encoders
import openitr.library
from openitr.cli.app import app
from openitr.encoders.lmm import Reply
from openitr.errors import ModelError, QueryError
from openitr.library import Library
from openitr.search.rerank.named import NAMED, check_reranker, reranker_named
from tests.search.fakes import ColourEncoder

COLOURS = {"red": (250, 10, 10), "green": (10, 250, 10), "blue": (10, 10, 250), "both": (250, 10, 250)}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    place = tmp_path_factory.mktemp("again")
    (place / "pictures").mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (40, 40), colour).save(place / "pictures" / f"{name}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
        with openitr.library.create(place / "photos") as made:
            made.index(place / "pictures", workers=1)
            yield made


def stage(library: Library, name: str, **about: Any) -> Any:
    run = library.collection.run()
    return reranker_named(name, library.collection, run, library.encoder(run), **about)


def names(hits: Any) -> list[str]:
    return [hit.item.name.removesuffix(".png") for hit in hits]


class Backwards:
    name = "backwards"

    def generate(self, messages: Any, **about: Any) -> Reply:
        many = len(messages) - 1
        return Reply(f'Final Answer: {{"top_{many}_indices": {list(range(many, 0, -1))}, "CoT": "turned round"}}')


def test_every_word_answers_within_a_search(library: Library) -> None:
    query = library.query("red", k=4)
    plain = library.search(query)
    for name in NAMED:
        again = stage(library, name, lmm=Backwards())
        hits = library.pipeline(query, then=[again])(query)
        assert sorted(names(hits)) == sorted(names(plain))
        assert any(reason.stage == "rerank" for reason in hits[0].why), name
        assert not hits.notes or "calibration" in hits.notes[0], hits.notes
        # Inside a bucket the order is the reranker's.
        scores = [hit.score for hit in hits if hit.bucket == hits[0].bucket]
        assert scores == sorted(scores, reverse=True)


def test_logic_prefers_one_of_either_without_the_other(library: Library) -> None:
    query = library.query("red or green", k=4)
    hits = library.pipeline(query, then=[stage(library, "logic")])(query)
    assert set(names(sorted(hits, key=lambda hit: -hit.score))[:2]) == {"red", "green"}


def test_without_a_language_model_the_order_stays_and_a_note_says_why(library: Library, monkeypatch: Any) -> None:
    monkeypatch.delenv("OPENITR_LMM_URL", raising=False)
    query = library.query("red", k=4)
    hits = library.pipeline(query, then=[stage(library, "cotrr")])(query)
    assert names(hits) == names(library.search(query))
    assert any("OPENITR_LMM_URL" in note for note in hits.notes)


def test_a_file_that_is_gone_is_seen_by_its_thumbnail(library: Library) -> None:
    item = next(i for i in library.collection.items(library.collection.ids()) if i.name == "both.png")
    file = library.file(item)
    kept = file.read_bytes()
    file.unlink()
    try:
        seen = stage(library, "comclip").scorer.pictures(item)
    finally:
        file.write_bytes(kept)
    assert np.abs(seen.reshape(-1, 3).mean(0) - COLOURS["both"]).max() < 12


def test_a_folder_is_a_trained_model(library: Library, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    import torch

    from openitr.models import AlignThenFuse, TextTransformer, ViT, WordTokenizer
    from openitr.models.saved import save_fusion

    torch.manual_seed(0)
    words = WordTokenizer.fit(["red green blue"], length=8)
    model = AlignThenFuse(
        ViT(32, patch=16, width=16, depth=1), TextTransformer(len(words), length=8, width=16, depth=1), 8
    )
    save_fusion(tmp_path / "albef", model, words)
    query = library.query("red", k=4)
    hits = library.pipeline(query, then=[stage(library, str(tmp_path / "albef"), deadline_ms=60_000)])(query)
    assert all(0 < hit.score < 1 for hit in hits) and len(hits) == 4
    with pytest.raises(ModelError, match="has no weights"):
        stage(library, str(tmp_path))
    with pytest.raises(QueryError, match="use logic, comclip, cotrr, or the folder"):
        check_reranker("nothing-there")


def test_from_the_command_line(library: Library, monkeypatch: Any) -> None:
    monkeypatch.setattr(openitr.encoders, "load", lambda spec, **options: ColourEncoder())
    runner = CliRunner()

    def asked(*words: str) -> Any:
        return runner.invoke(app, ["search", str(library.path), *words])

    done = asked("red or green", "--rerank", "logic", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert "rerank" in [reason["stage"] for reason in document["hits"][0]["why"]]
    wrong = asked("red", "--rerank", "nothing")
    assert wrong.exit_code == 2 and "logic" in wrong.output
    both = asked("--image", str(library.path.parent / "pictures" / "red.png"), "--but", "in blue", "--rerank", "logic")
    assert both.exit_code == 2 and "leave one" in both.output
    denied = asked("red but no blue")
    assert denied.exit_code == 0 and "not: blue" in denied.output
