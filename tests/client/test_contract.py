"""The same calls on a local library and on the same one behind a server: the same answers, the same errors."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from openitr.errors import OpenITRError
from openitr.library import Library
from openitr.search import Rerank
from openitr.types import Hit, Hits, Item, Part, Query
from tests.client.conftest import Pair

Ask = Callable[[Library, Path], Any]


def picture(base: Path, number: int) -> Path:
    return base / "pictures" / f"part{number % 3}" / f"picture{number:04d}.png"


def array(base: Path, number: int) -> np.ndarray:
    return np.asarray(Image.open(picture(base, number)).convert("RGB"))


ASKED: dict[str, Ask] = {
    "words": lambda library, base: library.search("two dogs", k=7),
    "weighted words": lambda library, base: library.search(texts=["2:dogs", "-0.5:snow", "1:10:30"], k=7),
    "the next page": lambda library, base: library.search("two dogs", k=5, offset=5),
    "a path": lambda library, base: library.search(images=[picture(base, 3)], k=7),
    "bytes": lambda library, base: library.search(images=[picture(base, 4).read_bytes()], k=7),
    "an array": lambda library, base: library.search(images=[array(base, 5)], k=7),
    "a weighted path": lambda library, base: library.search("dogs", images=[f"0.3:{picture(base, 6)}"], k=7),
    "several pictures": lambda library, base: library.search(images=[picture(base, 3), picture(base, 9)], k=7),
    "a large picture": lambda library, base: library.search(
        images=[np.kron(array(base, 5), np.ones((60, 60, 1), np.uint8))]
    ),
    "what to avoid": lambda library, base: library.search("dogs", negatives=["snow", picture(base, 2)], k=7),
    "weighted avoidance": lambda library, base: library.search("dogs", negatives=["3:snow"], k=7),
    "a filter": lambda library, base: library.search("dogs", where=["folder=part1", "stars>=2"]),
    "a filter as JSON": lambda library, base: library.search("dogs", where={"tags": {"in": ["sea"]}}),
    "nothing passes": lambda library, base: library.search("dogs", where=["folder=nowhere"]),
    "by date": lambda library, base: library.search("dogs", sort="date"),
    "a run": lambda library, base: library.search("dogs", run="colour-0", k=3),
    "a ready query": lambda library, base: library.search(
        Query([Part(text="dogs"), Part(text="red", weight=2.0)], k=4)
    ),
    "a picture, but different": lambda library, base: library.search(images=[picture(base, 3)], but="in red", k=7),
    "a picture, but very different": lambda library, base: library.search(
        images=[picture(base, 4)], but="in red", strength=3.5, k=7
    ),
    "a picture, but not different": lambda library, base: library.search(
        images=[picture(base, 5)], but="in red", strength=0, k=7
    ),
    "by a composer": lambda library, base: library.search(
        images=[picture(base, 6)], but="in red", composer="weimocir", k=7
    ),
    "a second look": lambda library, base: library.search("dogs or red, but no sea", rerank="logic", k=7),
    "more like this": lambda library, base: library.more_like(3, k=6),
    "more like this, filtered": lambda library, base: library.more_like(3, k=6, where=["folder=part2"]),
    "more like this, next page": lambda library, base: library.more_like(3, k=3, offset=3, sort="date"),
    "one picture": lambda library, base: library.item(5),
    "its small copy": lambda library, base: library.thumbnail(5),
    "how many": lambda library, base: len(library),
    "duplicates": lambda library, base: library.duplicates(),
    "duplicates of a kind": lambda library, base: library.duplicates(kind="copy"),
    "select by filter": lambda library, base: library.select(where=["folder=part1"]),
    "select by JSON": lambda library, base: library.select(where={"tags": {"in": ["sea"]}, "good": {"eq": True}}),
    "select by id": lambda library, base: library.select(ids=[7, 3, 3]),
    "select by both": lambda library, base: library.select(ids=[1, 2, 3, 4], where=["folder=part1"]),
    "select nothing": lambda library, base: library.select(),
}

WRONG: dict[str, Ask] = {
    "no words": lambda library, base: library.search("  "),
    "k": lambda library, base: library.search("dogs", k=0),
    "offset": lambda library, base: library.search("dogs", offset=-1),
    "sort": lambda library, base: library.search("dogs", sort="beauty"),
    "a weight": lambda library, base: library.search(texts=["0:dogs"]),
    "no picture": lambda library, base: library.search(images=[b"this is no picture"]),
    "no file": lambda library, base: library.search(images=["nowhere.jpg"]),
    "a composer that is none": lambda library, base: library.search(
        images=[picture(base, 3)], but="red", composer="best"
    ),
    "a reranker that is none": lambda library, base: library.search("dogs", rerank="best"),
    "a second look at a change": lambda library, base: library.search(
        images=[picture(base, 3)], but="in red", rerank="logic"
    ),
    "nothing to change": lambda library, base: library.search("dogs", but="red"),
    "too strong": lambda library, base: library.search(images=[picture(base, 3)], but="red", strength=5),
    "an unknown field": lambda library, base: library.search("dogs", where=["colour=red"]),
    "a filter of a wrong type": lambda library, base: library.search("dogs", where=["width=wide"]),
    "a filter that is none": lambda library, base: library.search("dogs", where=["hm"]),
    "an unknown picture": lambda library, base: library.more_like(999),
    "an unknown item": lambda library, base: library.item(999),
    "an unknown small copy": lambda library, base: library.thumbnail(999),
    "an unknown kind": lambda library, base: library.duplicates(kind="funny"),
    "an unknown id": lambda library, base: library.select(ids=[1, 999]),
    "an unknown field in a selection": lambda library, base: library.select(where=["colour=red"]),
}


def same(here: Any, there: Any) -> None:
    """Both sides agree on everything but times; JSON says scores in 6 digits and probabilities in 4."""
    assert type(there) is type(here)
    if not isinstance(here, Hits):
        assert plain(there) == plain(here)
        return
    assert [hit.item for hit in there] == [hit.item for hit in here]
    assert (there.total, there.query.to_json()) == (here.total, here.query.to_json())
    assert [hit.bucket for hit in there] == [hit.bucket for hit in here]
    np.testing.assert_allclose([hit.score for hit in there], [hit.score for hit in here], atol=2e-6)
    np.testing.assert_allclose([hit.probability for hit in there], [hit.probability for hit in here], atol=1e-4)
    assert [reasons(hit) for hit in there] == [reasons(hit) for hit in here]


def reasons(hit: Hit) -> list[tuple[str, str]]:
    """Why, with pictures called alike: only those of weight 1 travel with their names."""
    return [(reason.stage, re.sub(r"picture\d+\.png", "picture", reason.text)) for reason in hit.why]


def plain(answer: Any) -> Any:
    if isinstance(answer, list) and answer and hasattr(answer[0], "keeper"):
        return [(g.kind, g.keeper.id, [item.id for item in g.items], list(g.why)) for g in answer]
    return answer


@pytest.mark.parametrize("name", ASKED)
def test_both_sides_answer_the_same(pair: Pair, name: str) -> None:
    here, there = (ASKED[name](library, pair.base) for library in (pair.local, pair.remote))
    same(here, there)


@pytest.mark.parametrize("name", WRONG)
def test_both_sides_refuse_alike(pair: Pair, name: str) -> None:
    errors = []
    for library in (pair.local, pair.remote):
        with pytest.raises(OpenITRError) as caught:
            WRONG[name](library, pair.base)
        errors.append(caught.value)
    here, there = errors
    assert type(there) is type(here)
    assert there.message and (there.remedy or not here.remedy)


def test_hits_hold_whole_items(pair: Pair) -> None:
    found = {hit.id: hit.item for hit in pair.remote.search("dogs", k=100)}
    everything = pair.local.collection.items(pair.local.collection.ids())
    assert [found[item.id] for item in everything] == everything
    assert any(item.captions for item in found.values()) and any(item.metadata for item in found.values())
    assert all(isinstance(item, Item) and len(item.sha256) == 64 for item in found.values())


def test_the_file_comes_as_it_is(pair: Pair) -> None:
    item = pair.local.item(5)
    assert pair.remote.file_bytes(5) == pair.local.file(item).read_bytes()
    assert Image.open(io.BytesIO(pair.remote.thumbnail(5))).size == (24, 24)


def test_a_picture_that_is_sent_says_nothing_of_its_file(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where the treasure lies"
    file = io.BytesIO()
    Image.open(picture(pair.base, 3)).convert("RGB").save(file, "JPEG", exif=exif)
    assert b"treasure" in file.getvalue()
    sent: list[Any] = []
    real = pair.remote._transport.json

    def heard(*request: Any, **content: Any) -> Any:
        sent.append(content)
        return real(*request, **content)

    monkeypatch.setattr(pair.remote._transport, "json", heard)
    pair.remote.search(images=[file.getvalue()])
    ((name, (_, data, kind)),) = sent[0]["files"]
    assert (name, kind) == ("image", "image/png") and b"treasure" not in data
    pair.remote.search(images=[np.random.default_rng(0).integers(0, 255, (600, 800, 3), dtype=np.uint8)])
    ((_, (_, data, kind)),) = sent[1]["files"]
    assert kind == "image/jpeg" and Image.open(io.BytesIO(data)).size == (800, 600)


def test_embeddings_are_the_models(pair: Pair) -> None:
    encoder = pair.local.encoder()
    texts = [f"text {n}" for n in range(300)]
    np.testing.assert_allclose(pair.client.embed(texts=texts).values, encoder.encode_texts(texts).values, atol=1e-6)
    here = encoder.encode_images([array(pair.base, 3), array(pair.base, 4)]).values
    there = pair.client.embed(images=[picture(pair.base, 3), array(pair.base, 4)]).values
    np.testing.assert_allclose(there, here, atol=1e-6)


def test_a_composer_of_this_machine_is_not_sent(pair: Pair, tmp_path: Path) -> None:
    class Mine:
        name = "mine"

        def compose(self, *about: Any) -> Any:
            raise AssertionError

    with pytest.raises(OpenITRError, match="no composer mine"):
        pair.remote.search(images=[picture(pair.base, 3)], but="red", composer=Mine())
    # A folder of this machine is a name to the server, and one that it does not know.
    with pytest.raises(OpenITRError, match="there is no composer"):
        pair.remote.search(images=[picture(pair.base, 3)], but="red", composer=str(tmp_path))
    with pytest.raises(OpenITRError, match="a stage cannot be sent"):
        pair.remote.search("red", rerank=Rerank(lambda query, ids, candidates: ids))
