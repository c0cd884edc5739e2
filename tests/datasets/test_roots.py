from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.datasets.roots import Root
from openitr.errors import DatasetError


@pytest.mark.parametrize(
    "name", ["../x.jpg", "sub/../../x.jpg", "/etc/passwd", "..", ".", "sub/..", "link.jpg", "linked/x.jpg", "..\\x.jpg"]
)
def test_no_name_leads_out(tmp_path: Path, name: str) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "sub").mkdir(parents=True)
    outside.mkdir()
    (outside / "x.jpg").write_bytes(b"")
    (root / "link.jpg").symlink_to(outside / "x.jpg")
    (root / "linked").symlink_to(outside)
    with pytest.raises(DatasetError, match=r"line 7: .* leads out of"):
        Root(root).file(name, "line 7")


def test_a_root_that_starts_alike_is_another(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root2").mkdir()
    with pytest.raises(DatasetError, match="leads out"):
        Root(tmp_path / "root").file("../root2/a.jpg", "row")


def test_names_inside_are_fine(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.jpg").write_bytes(b"")
    (tmp_path / "alias.jpg").symlink_to(tmp_path / "sub" / "a.jpg")
    root = Root(tmp_path)
    for name in ("sub/a.jpg", "./sub/a.jpg", "sub/../sub/a.jpg", "sub\\a.jpg", str(tmp_path / "sub" / "a.jpg")):
        assert root.id_of(root.file(name, "row")) == "sub/a.jpg"
    assert root.file("alias.jpg", "row").is_file()


def test_a_root_behind_a_link_is_a_root(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.jpg").write_bytes(b"")
    (tmp_path / "way").symlink_to(tmp_path / "real")
    assert Root(tmp_path / "way").file("a.jpg", "row").is_file()


@pytest.mark.parametrize(
    ("name", "says"), [("", "names no file"), ("a\0b", "names no file"), ("HTTP://x/y.jpg", "address")]
)
def test_what_is_no_file_name(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        Root(tmp_path).file(name, "row 3")


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.sampled_from(["..", ".", "a", "b", "", "link", "\\", "..\\.."]), min_size=1, max_size=8))
def test_whatever_is_accepted_lies_inside(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("root")
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "link").symlink_to(folder.parent)
    try:
        path = Root(folder).file("/".join(parts), "row")
    except DatasetError:
        return
    assert folder.resolve() in path.resolve().parents
