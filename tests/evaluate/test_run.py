from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings
from openitr.errors import DatasetError, InputError, ShapeError
from openitr.evaluate import Run
from tests.evaluate.test_qrels import words

numbers = st.floats(-1e9, 1e9, allow_nan=False)


@given(st.dictionaries(words, st.dictionaries(words, numbers, min_size=1, max_size=5), max_size=4))
def test_a_file_reads_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, dict[str, float]]
) -> None:
    file = tmp_path_factory.mktemp("runs") / "run.txt"
    run = Run(table, "mine")
    run.to_trec(file)
    again = Run.from_trec(file)
    assert {q: list(again[q].items()) for q in again} == {q: list(run[q].items()) for q in run}
    assert again.name == ("mine" if table else "")
    for query, ranked in run.items():
        assert list(ranked.values()) == sorted(table[query].values(), reverse=True) and ranked == table[query]


def test_trec_decides_by_score_and_refuses_doubles(tmp_path: Path) -> None:
    (tmp_path / "run.txt").write_text("q Q0 a 1 0.5 tag\nq Q0 b 2 0.7 tag\n")
    assert list(Run.from_trec(tmp_path / "run.txt")["q"]) == ["b", "a"]
    (tmp_path / "run.txt").write_text("q Q0 a 1 0.5 tag\nq Q0 a 2 0.4 tag\n")
    with pytest.raises(DatasetError, match=r"run.txt:2: 'a' comes twice"):
        Run.from_trec(tmp_path / "run.txt")
    (tmp_path / "run.txt").write_text("q Q0 a 1 inf tag\n")
    with pytest.raises(DatasetError, match="not finite"):
        Run.from_trec(tmp_path / "run.txt")


@given(st.integers(1, 6), st.integers(1, 12), st.integers(1, 14), st.integers(0, 99))
def test_the_best_k_with_all_that_tie_with_the_last(n: int, m: int, k: int, seed: int) -> None:
    scores = np.random.default_rng(seed).integers(0, 4, (n, m)).astype(float)
    queries, documents = [f"q{i}" for i in range(n)], [f"d{i}" for i in range(m)]
    run = Run.from_scores(scores, queries, documents, k=k)
    for row, query in enumerate(queries):
        last = sorted(scores[row].tolist(), reverse=True)[min(k, m) - 1]
        assert run[query] == {documents[i]: scores[row, i] for i in range(m) if scores[row, i] >= last}


def test_embeddings_are_ranked_as_their_scores() -> None:
    rng = np.random.default_rng(0)
    asked, gallery = (DenseEmbeddings.normalise(rng.normal(size=(n, 5))) for n in (7, 30))
    queries, documents = [f"q{i}" for i in range(7)], [f"d{i}" for i in range(30)]
    run = Run.from_embeddings(asked, gallery, queries, documents, k=4)
    again = Run.from_scores(asked.score(gallery), queries, documents, k=4)
    assert {q: list(found) for q, found in run.items()} == {q: list(found) for q, found in again.items()}
    assert all(len(found) == 4 for found in run.values())


def test_kept_and_left_out() -> None:
    run = Run({"q": {"a": 3, "b": 2, "c": 1}, "r": {"a": 1}})
    assert dict(run.within({"q": ["a", "c"]})) == {"q": {"a": 3, "c": 1}, "r": {"a": 1}}
    assert dict(run.without({"q": ["a"]})) == {"q": {"b": 2, "c": 1}, "r": {"a": 1}}
    assert dict(run.within({"q": []})) == {"q": {}, "r": {"a": 1}}
    assert dict(run.top(1)) == {"q": {"a": 3}, "r": {"a": 1}}
    assert "q" in run and "z" not in run and len(run) == 2 and repr(run).startswith("Run(")


def test_what_does_not_fit() -> None:
    for wrong in ({1: {}}, {"q": {1: 0.5}}, {"q": {"": 0.5}}):
        with pytest.raises(InputError, match="ids are strings"):
            Run(wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="document 'b' of query 'q' has the score nan"):
        Run({"p": {"x": 1.0}, "q": {"a": 1.0, "b": float("nan")}})
    with pytest.raises(ShapeError, match=r"\(1, 2\) was expected"):
        Run.from_scores([[1.0]], ["q"], ["a", "b"])
    with pytest.raises(InputError, match="a document id comes twice"):
        Run.from_scores([[1.0, 2.0]], ["q"], ["a", "a"])
    with pytest.raises(InputError, match="k is 0"):
        Run.from_scores([[1.0]], ["q"], ["a"], k=0)
    with pytest.raises(InputError, match="tolerance"):
        Run({}, tolerance=-1)
    one = DenseEmbeddings(np.eye(2, dtype=np.float32))
    with pytest.raises(ShapeError, match="one id each"):
        Run.from_embeddings(one, one, ["q"], ["a", "b"])


def test_a_run_too_large_to_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openitr.evaluate.run.MAX_ENTRIES", 3)
    one = DenseEmbeddings(np.eye(2, dtype=np.float32))
    with pytest.raises(InputError, match="judge_embeddings"):
        Run.from_embeddings(one, one, ["p", "q"], ["a", "b"], k=None)
    assert len(Run.from_embeddings(one, one, ["p", "q"], ["a", "b"], k=1)) == 2
