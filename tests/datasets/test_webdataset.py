from __future__ import annotations

import contextlib
import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from openitr import datasets
from openitr.datasets.naming import expanded
from openitr.datasets.shards import Shard
from openitr.errors import DatasetError, UnreadableImage

Png = Callable[[int], bytes]


def shard(path: Path, members: list[tuple[str, bytes]], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def samples(png: Png, first: int, count: int) -> list[tuple[str, bytes]]:
    members = []
    for number in range(first, first + count):
        members.append((f"{number:04d}.png", png(number)))
        members.append((f"{number:04d}.txt", f"number {number}\n".encode()))
        record = {"caption": f"number {number}", "key": f"{number:04d}", "url": "http://x"}
        members.append((f"{number:04d}.json", json.dumps(record).encode()))
    return members


@pytest.mark.parametrize(("ending", "mode"), [(".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz")])
def test_shards_by_pattern_and_by_folder_in_any_order(tmp_path: Path, png: Png, ending: str, mode: str) -> None:
    for number in range(3):
        shard(tmp_path / f"train-{number:03d}{ending}", samples(png, number * 4, 4), mode)
    for place in (tmp_path, str(tmp_path / f"train-{{000..002}}{ending}")):
        data = datasets.read(place)
        assert data.splits == {"train": 12}
        assert data[5].id == "0005" and data[5].texts["und"] == ("number 5",)
        assert data[5].metadata["url"] == "http://x" and data[5].path is None
        for row in (11, 0, 7, 3, 3, 8):
            assert data[row].read() == png(row)
    # ResourceWarnings are errors here: a shard closes its stream when it goes.
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"train-00{n}{ending}" for n in range(3)], "nothing unpacked"


def test_shards_that_each_count_from_zero(tmp_path: Path, png: Png) -> None:
    for name in ("a.tar", "b.tar"):
        shard(tmp_path / name, samples(png, 0, 1))
    assert [p.id for p in datasets.read(tmp_path)] == ["a.tar/0000", "b.tar/0000"]


def test_shards_of_one_name_in_split_folders(tmp_path: Path, png: Png) -> None:
    for number, split in enumerate(("train", "validation")):
        (tmp_path / split).mkdir()
        shard(tmp_path / split / "000.tar", samples(png, 0, 1 + number))
    for place in (tmp_path, str(tmp_path / "{train,validation}" / "000.tar")):
        data = datasets.read(place)
        assert [(p.id, p.split) for p in data] == [
            ("train/000.tar/0000", "train"),
            ("validation/000.tar/0000", "val"),
            ("validation/000.tar/0001", "val"),
        ]


def test_texts_in_json_by_language_and_lines_of_txt(tmp_path: Path, png: Png) -> None:
    record = {"texts": {"en": ["x"], "de": "y"}, "split": "dev", "id": 5}
    members = [("d/k.png", png(1)), ("d/k.json", json.dumps(record).encode()), ("d/k.txt", b"one\n\ntwo\n")]
    data = datasets.read(shard(tmp_path / "s.tar", [*members, ("d/k2.txt", b"no picture")]), lang="fr")
    assert dict(data[0].texts) == {"en": ("x",), "de": ("y",), "fr": ("one", "two")}
    assert (data[0].id, data[0].split) == ("5", "val")
    assert data.notes == ("1 samples have no picture and were passed over",)


@pytest.mark.parametrize("name", ["../a.png", "/a.png", "x/../../a.png"])
def test_members_that_lead_out_are_refused(tmp_path: Path, png: Png, name: str) -> None:
    with pytest.raises(DatasetError, match=r"s\.tar: the member .* leads out"):
        datasets.read(shard(tmp_path / "s.tar", [(name, png(1))]))


def test_links_and_devices_are_not_followed(tmp_path: Path, png: Png) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        for name, kind in (("a.png", tarfile.SYMTYPE), ("b.png", tarfile.LNKTYPE), ("c.png", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        info = tarfile.TarInfo("d.png")
        info.size = len(png(1))
        tar.addfile(info, io.BytesIO(png(1)))
    assert [p.id for p in datasets.read(tmp_path / "s.tar")] == ["d"]


def test_a_member_twice_a_gap_and_no_tar(tmp_path: Path, png: Png) -> None:
    with pytest.raises(DatasetError, match="is there twice"):
        datasets.read(shard(tmp_path / "s.tar", [("a.png", png(1)), ("a.png", png(2))]))
    with pytest.raises(DatasetError, match=r"1 of 2 shards are not there, first .*s1\.tar"):
        shard(tmp_path / "s0.tar", [("a.png", png(1))])
        datasets.read(str(tmp_path / "s{0..1}.tar"))
    (tmp_path / "t.tar").write_bytes(b"nonsense" * 100)
    with pytest.raises(DatasetError, match=r"t\.tar: not a whole tar"):
        datasets.read(tmp_path / "t.tar")
    (tmp_path / "t.tar.gz").write_bytes(gzip.compress(b"x" * 2000)[:20])
    with pytest.raises(DatasetError, match=r"t\.tar\.gz: not a whole tar"):
        datasets.read(tmp_path / "t.tar.gz")


def test_every_truncation_is_an_error_or_leaves_whole_samples(tmp_path: Path, png: Png) -> None:
    whole = shard(tmp_path / "s.tar", samples(png, 0, 2)).read_bytes()
    for cut in range(0, len(whole), 97):
        (tmp_path / "cut.tar").write_bytes(whole[:cut])
        try:
            data = datasets.read(tmp_path / "cut.tar")
        except (DatasetError, UnreadableImage):
            continue
        for pair in data:
            with contextlib.suppress(UnreadableImage):
                assert pair.read() in (png(0), png(1))


def test_a_header_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 8 << 30
    (tmp_path / "s.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 4096)
    with pytest.raises(DatasetError, match=r"s\.tar: a tar header of 8,589,9"):
        datasets.read(tmp_path / "s.tar")


def test_an_archive_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openitr.datasets.shards._SMALL", 1 << 20)
    bomb = shard(tmp_path / "s.tar.gz", [("a.png", b"\0" * (4 << 20)), ("b.png", b"\0" * 100)], "w:gz")
    with pytest.raises(DatasetError, match="unpacks to more than 200 times"):
        list(Shard(bomb).members())


@pytest.mark.parametrize("pattern", ["{5..1}.tar", "{0..99999999}.tar", "{0..9999}{0..9999}.tar"])
def test_senseless_patterns(pattern: str) -> None:
    with pytest.raises(DatasetError):
        expanded(pattern)


def test_patterns() -> None:
    assert expanded("plain.tar") == ["plain.tar"]
    assert expanded("x{9..11}.tar") == ["x9.tar", "x10.tar", "x11.tar"]
    assert expanded("{a,b}/{00..01}") == ["a/00", "a/01", "b/00", "b/01"]
