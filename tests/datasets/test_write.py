from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openitr import datasets
from openitr.datasets import Pair, PairDataset
from openitr.errors import DatasetError

# What readers change on purpose is left out: blank ends of texts, half characters, split names with several spellings.
word = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).map(str.strip).filter(bool)
texts = st.dictionaries(
    st.sampled_from(["en", "de", "ca@valencia", "und"]), st.lists(word, min_size=1, max_size=3), max_size=3
)
metadata = st.dictionaries(
    st.sampled_from(["mood", "stars", "tags"]),
    st.one_of(st.integers(), st.booleans(), word, st.lists(word)),
    max_size=2,
)
rows = st.lists(
    st.tuples(
        word, st.binary(min_size=1, max_size=30), texts, st.sampled_from(["", "train", "val", "extra"]), metadata
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row[0],
)


def plain(data: PairDataset) -> list[tuple[str, bytes, dict[str, Any], str, dict[str, Any]]]:
    return [(p.id, p.read(), dict(p.texts), p.split, dict(p.metadata)) for p in data]


@pytest.mark.parametrize("layout", ["jsonl", "csv", "webdataset"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows)
def test_what_was_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, layout: str, rows: list[Any]) -> None:
    data = PairDataset([Pair(*row) for row in rows])
    folder = data.write(tmp_path_factory.mktemp("out"), layout, shard_size=2)
    again = datasets.read(folder)
    assert plain(again) == plain(data)
    assert again.content_hash() == data.content_hash()


def test_writing_asks_for_an_empty_folder_and_a_known_layout(pictures: Path, tmp_path: Path) -> None:
    data = datasets.read(pictures)
    with pytest.raises(DatasetError, match="is not empty"):
        data.write(pictures)
    with pytest.raises(DatasetError, match=r"cannot write the layout 'xml' .use jsonl, csv, webdataset"):
        data.write(tmp_path / "new", "xml")
    with pytest.raises(DatasetError, match="shard_size"):
        data.write(tmp_path / "new", "webdataset", 0)
    assert not (tmp_path / "new").exists()


def test_endings_come_from_the_name_or_the_bytes(pictures: Path, tmp_path: Path) -> None:
    data = PairDataset([Pair("1", (pictures / "a.png").read_bytes()), Pair("2", b"??"), Pair("3", pictures / "b.png")])
    data.write(tmp_path / "out")
    assert sorted(p.suffix for p in (tmp_path / "out" / "images").iterdir()) == [".bin", ".png", ".png"]
