from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.media.formats import EXTENSIONS, HEAD, by_extension, looks_like_image, mismatch, sniff
from tests.media.samples import SVG, family

FAMILY = family()


@pytest.mark.parametrize("kind", sorted(FAMILY))
def test_every_format_is_told_from_its_first_bytes(kind: str) -> None:
    assert sniff(FAMILY[kind][:HEAD]) == kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\x0a\xfa\x1f", "jpegxl"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "jpegxl"),
        (b"8BPS\x00\x01", "psd"),
        (b"II*\0\x10\0\0\0CR\x02\0", "raw"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "avif"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", None),
        (b"BM is how this letter begins, and it goes on", None),
        (b"P6 is a road", None),
        (b"<html><svg></svg></html>", None),
        (b"<?xml version='1.0'?><!-- drawn\nby hand --><svg:svg xmlns:svg='x'>", "svg"),
        (b"\xef\xbb\xbf  <!DOCTYPE svg [<!ENTITY a 'b'>]><svg>", "svg"),
        (SVG.decode().encode("utf-16"), "svg"),
        (gzip.compress(SVG, mtime=0), "svg"),
        (gzip.compress(b"a log file", mtime=0), None),
        (b"\x1f\x8bnonsense", None),
        (b"", None),
        (b"%PDF-1.7", None),
    ],
)
def test_rare_and_misleading_heads(head: bytes, kind: str | None) -> None:
    assert sniff(head) == kind


@given(st.binary(max_size=300))
def test_any_bytes_have_a_verdict(head: bytes) -> None:
    assert sniff(head) is None or sniff(head) in EXTENSIONS


def test_no_extension_belongs_to_two_formats() -> None:
    endings = [ending for group in EXTENSIONS.values() for ending in group]
    assert len(endings) == len(set(endings))
    assert all(by_extension(Path("x" + ending.upper())) is not None for ending in endings)


def test_a_file_looks_like_an_image_by_name_or_by_content(tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(FAMILY["png"])
    (tmp_path / "note.md").write_text("hello")
    assert looks_like_image(tmp_path / "photo")
    assert looks_like_image(tmp_path / "absent.HEIC")
    assert not looks_like_image(tmp_path / "note.md")
    assert not looks_like_image(tmp_path / "absent")
    assert not looks_like_image(tmp_path)


def test_a_name_that_lies_is_noted_and_one_that_says_nothing_is_not() -> None:
    assert mismatch(Path("a.png"), "jpeg") == "extension says png, content is jpeg"
    assert mismatch(Path("a.jpeg"), "jpeg") is None
    assert mismatch(Path("a"), "jpeg") is None
    assert mismatch(Path("a.nef"), "tiff") is None
