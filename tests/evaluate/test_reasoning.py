"""Corpora of their own, numbers by domain, and what each retriever sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openitr.datasets.sources import ImageSource, MemoryImage
from openitr.embeddings import DenseEmbeddings, Floats
from openitr.errors import DatasetError, ShapeError
from openitr.evaluate.interleaved import InterleavedItem, write_items
from openitr.evaluate.qrels import Qrels
from openitr.evaluate.reasoning import Items, ReasoningBenchmark, caption_then_text, native, reranked, vector_sum
from tests.evaluate.benchmarks.fakes import ColourEncoder, picture


def bench() -> ReasoningBenchmark:
    corpus = [InterleavedItem(f"d{n}", (f"document {n}",)) for n in range(6)]
    queries = [InterleavedItem(f"q{n}", (f"query {n}",), {"domain": "even" if n % 2 == 0 else "odd"}) for n in range(5)]
    right = Qrels({f"q{n}": {f"d{n}": 2, f"d{n + 1}": 1} for n in range(5)})
    return ReasoningBenchmark(queries, corpus, right, {"q1": ["d1", "d4"], "q3": ["d0", "d3", "d0"]})


def fixed(queries: Items, corpus: Items) -> Floats:
    """The later a document, the better."""
    return np.tile([float(item.id[1:]) for item in corpus], (len(queries), 1)).astype(np.float32)


def test_a_corpus_of_its_own_is_all_that_is_ranked() -> None:
    run = bench().run(fixed)
    assert list(run["q1"]) == ["d4", "d1"] and list(run["q3"]) == ["d3", "d0"]
    assert list(run["q0"]) == ["d5", "d4", "d3", "d2", "d1", "d0"]


def test_domains_weighted_by_their_queries_are_the_whole() -> None:
    scores = bench().evaluate(fixed)
    again = sum(found["nDCG@10"] * len(scores.members[name]) for name, found in scores.groups.items()) / 5
    assert again == pytest.approx(scores["nDCG@10"]) and sorted(scores.groups) == ["even", "odd"]


def test_words_in_place_of_pictures_sums_and_models_of_their_own() -> None:
    red, green = MemoryImage(picture("red"), "red"), MemoryImage(picture("green"), "green")
    queries = [InterleavedItem("q", ("a", red))]
    corpus = [InterleavedItem("d0", (green,)), InterleavedItem("d1", ("red",)), InterleavedItem("d2", (red, "green"))]
    asked: list[str] = []

    def caption(image: ImageSource) -> str:
        asked.append(image.name)
        return image.name

    said = caption_then_text(caption, ColourEncoder())(queries, corpus)
    assert said.argmax() == 1 and sorted(asked) == ["green", "red"]
    summed = vector_sum(ColourEncoder())(queries, corpus)
    # "a" names no colour: the query is (red + nothing) / sqrt 2, document 1 red, document 2 (red + green) / sqrt 2.
    assert summed[0].tolist() == pytest.approx([0.0, 2**-0.5, 0.5], abs=1e-6)

    class First:
        def encode_items(self, items: Items) -> DenseEmbeddings:
            rows = [1.0 if isinstance(item.segments[0], str) else -1.0 for item in items]
            return DenseEmbeddings(np.array(rows, np.float32)[:, None])

    # Only a model that sees the order tells a leading text from a leading picture.
    assert native(First())(queries, corpus)[0].tolist() == [-1.0, 1.0, -1.0]


def test_a_judge_orders_the_best_and_no_others() -> None:
    corpus = [InterleavedItem(f"d{n}", ("x",)) for n in range(5)]
    queries = [InterleavedItem("q", ("x",))]
    seen: list[str] = []

    def judge(query: InterleavedItem, document: InterleavedItem) -> float:
        seen.append(document.id)
        return -float(document.id[1:])

    scores = reranked(fixed, judge, top=3)(queries, corpus)[0]
    assert [f"d{n}" for n in np.argsort(-scores)] == ["d2", "d3", "d4", "d1", "d0"] and seen == ["d4", "d3", "d2"]
    equal = reranked(fixed, lambda query, document: 0.0, top=5)(queries, corpus)[0]
    assert np.argsort(-equal).tolist() == [4, 3, 2, 1, 0]


def test_a_folder_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(picture("red"))
    made = bench()
    write_items(tmp_path / "corpus.jsonl", made.corpus)
    rows = [
        InterleavedItem(q.id, q.segments, {**q.metadata, **({"corpus": ["d1", "d4"]} if q.id == "q1" else {})})
        for q in made.queries
    ]
    write_items(tmp_path / "queries.jsonl", rows)
    made.qrels.to_trec(tmp_path / "qrels.txt")
    back = ReasoningBenchmark.load(tmp_path)
    assert back.own_corpus == {"q1": ["d1", "d4"]} and dict(back.qrels["q2"]) == {"d2": 2, "d3": 1}
    (tmp_path / "qrels.txt").unlink()
    with pytest.raises(DatasetError, match=r"qrels\.txt"):
        ReasoningBenchmark.load(tmp_path)


def test_ids_and_shapes_must_fit() -> None:
    items = bench()
    with pytest.raises(DatasetError, match="is not there"):
        ReasoningBenchmark(items.queries, items.corpus, Qrels.of_sets({"q0": ["d99"]}))
    with pytest.raises(DatasetError, match="is not there"):
        ReasoningBenchmark(items.queries, items.corpus, items.qrels, {"q0": ["d99"]})
    with pytest.raises(DatasetError, match="twice"):
        ReasoningBenchmark([*items.queries, items.queries[0]], items.corpus, items.qrels)
    with pytest.raises(ShapeError):
        items.run(lambda queries, corpus: np.zeros((1, 1), np.float32))
