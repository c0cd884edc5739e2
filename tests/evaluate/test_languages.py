"""Numbers by language against single languages, and correlations against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

from openitr.errors import InputError
from openitr.evaluate.languages import LabelSet, correlate, per_language_recall
from openitr.evaluate.qrels import Qrels
from openitr.evaluate.run import Run
from openitr.evaluate.scores import evaluate_run

QUERIES = [f"q{n}" for n in range(40)]
DOCUMENTS = [f"d{n}" for n in range(15)]


def mixed(seed: int) -> tuple[Run, Qrels, dict[str, str]]:
    rng = np.random.default_rng(seed)
    run = Run.from_scores(rng.normal(size=(40, 15)), QUERIES, DOCUMENTS)
    right = {query: rng.choice(DOCUMENTS, 2, replace=False).tolist() for query in QUERIES}
    return run, Qrels.of_sets(right), {query: ["de", "en", "fr"][rng.integers(3)] for query in QUERIES}


def test_a_mixed_run_is_each_language_alone() -> None:
    run, qrels, language_of = mixed(0)
    found = per_language_recall(run, qrels, {**language_of, "not asked": "ja"})
    assert sorted(found.by_language) == ["de", "en", "fr"]
    for lang, numbers in found.by_language.items():
        own = Qrels({query: grades for query, grades in qrels.items() if language_of[query] == lang})
        assert dict(evaluate_run(run, own, list(numbers))) == pytest.approx(dict(numbers))
    for metric, mean in found.macro.items():
        assert mean == pytest.approx(np.mean([numbers[metric] for numbers in found.by_language.values()]))


def test_a_query_without_a_language_is_refused() -> None:
    run, qrels, language_of = mixed(1)
    del language_of["q7"]
    with pytest.raises(InputError, match="'q7'"):
        per_language_recall(run, qrels, language_of)


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=20))
def test_correlations_are_scipys(pairs: list[tuple[int, int]]) -> None:
    one, other = ({f"l{n}": pair[side] for n, pair in enumerate(pairs)} for side in (0, 1))
    if len(set(one.values())) == 1 or len(set(other.values())) == 1:
        with pytest.raises(InputError, match="same for all"):
            correlate(one, other)
        return
    found = correlate(one, other)
    a, b = list(one.values()), list(other.values())
    assert found.pearson == pytest.approx(pearsonr(a, b).statistic, abs=1e-9)
    assert found.spearman == pytest.approx(spearmanr(a, b).statistic, abs=1e-9)


def test_few_names_in_common_are_refused() -> None:
    with pytest.raises(InputError, match="2 names"):
        correlate({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2, "d": 3})


def test_label_sets_are_checked() -> None:
    with pytest.raises(InputError):
        LabelSet((0, 1), ("one",))
    with pytest.raises(InputError):
        LabelSet((0, 0), ("one", "two"))
