"""A folder of broken files is indexed to its end: what can be read is there, what cannot is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from openitr.collection import Collection, ingest, verify
from openitr.media import looks_like_image
from tests.collection.fakes import ColourEncoder
from tests.media.mutants import write_mutants
from tests.media.samples import family


@pytest.mark.parametrize("count", [120, pytest.param(1000, marks=pytest.mark.slow)])
def test_every_broken_file_is_indexed_or_reported(count: int, tmp_path: Path) -> None:
    folder = tmp_path / "mutants"
    folder.mkdir()
    files = write_mutants(family(), folder, count, seed=5)
    pictures = [path for path in files if looks_like_image(path)]
    with Collection.create(tmp_path / "c") as collection:
        report = ingest(collection, folder, encoder=ColourEncoder())
        assert report.added + report.skipped == len(pictures)
        assert report.added == len(collection)
        skipped = collection.skipped()
        assert len(skipped) == report.skipped
        assert all(row["reason"] and row["remedy"] for row in skipped)
        assert 0 < report.skipped < len(pictures)
        assert not [problem for problem in verify(collection) if problem.level == "error"]
