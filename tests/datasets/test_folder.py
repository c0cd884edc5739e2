from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from openitr import datasets
from openitr.errors import DatasetError


def test_sidecars(pictures: Path) -> None:
    (pictures / "a.txt").write_bytes("één\r\n\r\n twee \r\n".encode("utf-16"))
    (pictures / "b.png.txt").write_bytes("zurück".encode("latin-1"))
    (pictures / "b.txt").write_text("not this one")
    (pictures / "sub" / "c.json").write_text(
        '{"texts": {"de": "drei"}, "split": "val", "mood": "good", "image": "zzz"}'
    )
    (pictures / ".hidden.png").write_bytes(b"")
    (pictures / "notes.md").write_text("no picture")
    data = datasets.read(pictures, lang="nl")
    assert [(p.id, dict(p.texts), p.split) for p in data] == [
        ("a.png", {"nl": ("één", "twee")}, ""),
        ("b.png", {"nl": ("zurück",)}, ""),
        ("sub/c.png", {"de": ("drei",)}, "val"),
    ]
    assert data[2].metadata["mood"] == "good"
    assert data.notes == ("1 sidecars are not UTF-8 and were read as latin-1",)


def test_one_name_in_two_folders_is_two_pictures(tmp_path: Path, png: Callable[[int], bytes]) -> None:
    for number, folder in enumerate(("test", "train")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(png(number))
        (tmp_path / folder / "x.txt").write_text(f"in {folder}")
    data = datasets.read(tmp_path)
    assert [(p.id, p.split, p.texts["und"]) for p in data] == [
        ("test/x.png", "test", ("in test",)),
        ("train/x.png", "train", ("in train",)),
    ]
    assert data[0].read() != data[1].read()


def test_a_shared_sidecar_is_noted(pictures: Path, png: Callable[[int], bytes]) -> None:
    (pictures / "a.jpg").write_bytes(png(9))
    (pictures / "a.txt").write_text("x")
    data = datasets.read(pictures)
    assert data.notes == ("2 pictures share a sidecar with another of the same stem", "2 pictures have no text")


def test_a_list_of_captions_and_a_broken_sidecar(pictures: Path) -> None:
    (pictures / "a.json").write_text('["x", "y"]')
    assert datasets.read(pictures)[0].texts["und"] == ("x", "y")
    (pictures / "a.json").write_text("[")
    with pytest.raises(DatasetError, match=r"a\.json: not JSON"):
        datasets.read(pictures)


def test_links_out_are_refused(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (pictures / "a.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(DatasetError, match=r"'a\.txt' leads out"):
        datasets.read(pictures)
    (pictures / "a.txt").unlink()
    (pictures / "z.png").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(DatasetError, match=r"'z\.png' leads out"):
        datasets.read(pictures)
