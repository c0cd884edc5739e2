from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import DatasetError, InputError
from openitr.evaluate import Qrels

words = st.text(st.characters(blacklist_categories=["Z", "C"]), min_size=1, max_size=6).filter(
    lambda w: w.split() == [w]
)
tables = st.dictionaries(words, st.dictionaries(words, st.integers(-2, 4), min_size=1, max_size=4), max_size=4)


@given(tables)
def test_files_read_back_the_same(tmp_path_factory: pytest.TempPathFactory, table: dict[str, dict[str, int]]) -> None:
    folder = tmp_path_factory.mktemp("qrels")
    qrels = Qrels(table)
    qrels.to_trec(folder / "q.txt")
    qrels.to_json(folder / "q.json")
    assert dict(Qrels.from_trec(folder / "q.txt")) == dict(qrels) == dict(Qrels.from_json(folder / "q.json")) == table


def test_a_published_layout(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(
        "\ufeff301 0 FBIS3-10082 1\n301\t0\tFBIS3-10169  0\n\n302 0 X 2\n", encoding="utf-8"
    )
    qrels = Qrels.from_trec(tmp_path / "a.txt")
    assert dict(qrels) == {"301": {"FBIS3-10082": 1, "FBIS3-10169": 0}, "302": {"X": 2}}
    assert qrels.relevant("301") == {"FBIS3-10082": 1} and repr(qrels) == "Qrels(2 queries, 3 judgements)"
    (tmp_path / "a.json").write_text('{"q": ["a", "b"], "r": {"a": 2}}')
    assert dict(Qrels.from_json(tmp_path / "a.json")) == {"q": {"a": 1, "b": 1}, "r": {"a": 2}}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"q 0 d 1\nq 0 d\n", r"a.txt:2 has 3 words, not 4"),
        (b"q 0 d one\n", r"a.txt:1: grade 'one' is not a number"),
        (b"q 0 d nan\n", "not finite"),
        (b"q 0 d 1\nq 0 d 2\n", r"a.txt:2: 'd' has two grades for query 'q'"),
        (b"q 0 " + b"d" * 5000 + b" 1\n", "longer than 4096"),
        (b"q 0 \xff 1\n", "not UTF-8"),
    ],
)
def test_lines_that_do_not_fit_are_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(DatasetError, match=says):
        Qrels.from_trec(tmp_path / "a.txt")


def test_a_line_that_comes_twice_alike_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("q 0 d 1\nq 0 d 1\n")
    assert dict(Qrels.from_trec(tmp_path / "a.txt")) == {"q": {"d": 1}}


@pytest.mark.parametrize("document", [[1], {"q": 3}, {"q": {"d": "x"}}, {"q": {"d": None}}, {"q": {"": 1}}])
def test_json_of_another_shape(tmp_path: Path, document: object) -> None:
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(DatasetError, match=r"a\.json"):
        Qrels.from_json(tmp_path / "a.json")


def test_what_is_no_judgement() -> None:
    for wrong in ({1: {"d": 1}}, {"q": {1: 1}}, {"q": {"d": float("nan")}}, {"q": {"d": "1"}}, {"": {}}):
        with pytest.raises(InputError):
            Qrels(wrong)  # type: ignore[arg-type]
    assert Qrels({"q": {"d": np.int64(2), "e": np.float32(0.5), "f": True}})["q"] == {"d": 2, "e": 0.5, "f": 1}  # type: ignore[dict-item]
    with pytest.raises(InputError, match="no white space"):
        Qrels.of_sets({"a query": ["d"]}).to_trec("never-written.txt")
    with pytest.raises(InputError, match="2 queries, 1 documents"):
        Qrels.of_owners(["a", "b"], ["c"])
    with pytest.raises(DatasetError, match="cannot be read"):
        Qrels.from_trec("/nowhere/q.txt")
