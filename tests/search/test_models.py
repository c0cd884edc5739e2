"""Models of a collection: opened ahead of the question, and errors told where it is asked."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openitr.encoders.onnx import OnnxTowers
from openitr.errors import OpenITRError
from openitr.library import Library, create


@pytest.fixture
def library(tmp_path: Path) -> Library:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(pictures / "a.png")
    with create(tmp_path / "c", model="conse") as made:
        made.index(pictures, workers=1)
    return create(tmp_path / "c")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool, bool]]:
    """Thread and sides of every opening ahead."""
    seen: list[tuple[str, bool, bool]] = []
    whole = OnnxTowers.open

    def told(self: OnnxTowers, *, texts: bool = False, images: bool = False) -> None:
        seen.append((threading.current_thread().name, texts, images))
        whole(self, texts=texts, images=images)

    monkeypatch.setattr(OnnxTowers, "open", told)
    return seen


def test_sides_of_the_query_are_opened_aside_once(library: Library, opened: list[tuple[str, bool, bool]]) -> None:
    with library:
        assert len(library.search("a dog")) == 1
        library.search("a cat")
        library.search(images=[np.zeros((8, 8, 3), np.uint8)])
    assert opened == [("openitr-opening", True, False)]


def test_what_is_avoided_counts_as_well(library: Library, opened: list[tuple[str, bool, bool]]) -> None:
    with library:
        library.search(images=[np.zeros((8, 8, 3), np.uint8)], negatives=["indoors"])
    assert opened == [("openitr-opening", True, True)]


def test_an_answer_is_the_same_with_a_model_that_was_given(library: Library) -> None:
    from openitr.encoders import load

    with library:
        mine, given = library.search("a dog"), library.search("a dog", model=load("conse"))
    assert [(hit.id, hit.score) for hit in mine] == [(hit.id, hit.score) for hit in given]


def test_closing_waits_for_what_is_being_opened(library: Library) -> None:
    library.search("a dog")
    library.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "openitr-opening"]


def test_an_error_while_opening_is_told_by_the_search(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: OnnxTowers) -> None:
        raise OpenITRError("the file is gone", "put it back")

    monkeypatch.setattr(OnnxTowers, "_open_text", broken)
    with library, pytest.raises(OpenITRError, match="the file is gone"):
        library.search("a dog")
