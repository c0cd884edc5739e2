"""First stages put together: reciprocal ranks and sums of scores as plain loops give them, and what each added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings, Floats, Ints, LexiconEmbeddings
from openitr.errors import QueryError
from openitr.index import MemoryIndex
from openitr.search import Answer, Calibrate, Cut, Fuse, Level, Pipeline, Retrieve, Words
from openitr.search.avoid import Avoid
from openitr.search.diversify import Diversify
from openitr.search.fuse import RANK_CONSTANT
from openitr.search.pipeline import Candidates, Column, Retriever, Stage
from openitr.search.scales import SCALES, scaled
from openitr.search.words import MOST, Credit
from openitr.search.worth import SPREAD
from openitr.types import Part, Query
from tests.search.fakes import ColourEncoder, item

ASKED = Query([Part("red")], k=5)
NOTHING = Candidates(np.empty(0, np.int64), np.empty(0, np.float32))


class Listed(Retriever):
    """Finds the best of known scores; those it does not find it scores all the same."""

    def __init__(self, scores: Mapping[int, float], find: int, name: str = "listed", least: float = 0.0) -> None:
        self.scores, self.find, self.called, self.least = dict(scores), find, name, least

    @property
    def name(self) -> str:
        return self.called

    def __repr__(self) -> str:
        return self.called

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        ids = sorted(self.scores, key=lambda id: (-self.scores[id], id))[: self.find]
        return self.score(query, candidates, np.array(ids, np.int64))

    def score(self, query: Query, found: Candidates, ids: Ints) -> Candidates:
        scores = np.array([self.scores.get(int(i), self.least) for i in ids], np.float64)
        return Candidates(ids, scores, total=len(ids), columns=[Column("match", scores, lambda s: "listed")])

    def holds(self, ids: Ints) -> np.ndarray:
        return np.ones(len(ids), bool)

    def floor(self, found: Candidates) -> float:
        return self.least

    def odds(self, query: Query, scored: Candidates) -> np.ndarray:
        known = [int(i) in self.scores for i in scored.ids]
        return np.where(known, scored.scores, np.nan)


class Heard(Listed):
    """Another witness than those that look."""

    looks = False


class Note(Stage):
    """Leaves a note and a reason."""

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        from dataclasses import replace

        return replace(candidates, notes=("seen",))


SCORES = st.dictionaries(st.integers(1, 12), st.integers(0, 30).map(lambda n: n / 8), min_size=1, max_size=9)


@given(a=SCORES, b=SCORES, find=st.integers(1, 6), weight=st.sampled_from([0.25, 1.0, 3.0]))
def test_reciprocal_ranks(a: dict[int, float], b: dict[int, float], find: int, weight: float) -> None:
    expected: dict[int, float] = {}
    for scores, share in ((a, weight), (b, 1.0)):
        for place, id in enumerate(sorted(scores, key=lambda id: (-scores[id], id))[:find], 1):
            expected[id] = expected.get(id, 0.0) + share / (60 + place)
    made = (weight * Listed(a, find, "a") + Listed(b, find, "b"))(ASKED, NOTHING)
    assert dict(zip(made.ids.tolist(), made.scores.tolist(), strict=True)) == pytest.approx(expected)
    assert made.ids.tolist() == sorted(expected, key=lambda id: (-made.scores[made.ids.tolist().index(id)], id))
    assert made.fused and (np.diff(made.scores) <= 0).all()


def by_hand(values: list[float], how: str, floor: float) -> list[float]:
    if how == "z":
        mean = sum(values) / len(values)
        spread = (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5
        return [(v - mean) / spread if spread > 1e-12 else 0.0 for v in values]
    low = min(values) if how == "minmax" else floor
    return [(v - low) / (max(values) - low) if max(values) - low > 1e-12 else 0.0 for v in values]


@given(a=SCORES, b=SCORES, find=st.integers(1, 6), how=st.sampled_from(SCALES))
def test_sums_of_scores_look_at_every_candidate(a: dict[int, float], b: dict[int, float], find: int, how: str) -> None:
    first, second = Listed(a, find, "a", least=-1.0), Listed(b, find, "b")
    union = sorted({*first(ASKED, NOTHING).ids.tolist(), *second(ASKED, NOTHING).ids.tolist()})
    one = by_hand([a.get(id, -1.0) for id in union], how, -1.0)
    two = by_hand([b.get(id, 0.0) for id in union], how, 0.0)
    made = (0.7 * first + 0.3 * second).by(how)(ASKED, NOTHING)  # type: ignore[arg-type]
    found = dict(zip(made.ids.tolist(), made.scores.tolist(), strict=True))
    expected = {id: 0.7 * x + 0.3 * y for id, x, y in zip(union, one, two, strict=True)}
    assert found == pytest.approx(expected, abs=1e-9)


@given(a=SCORES, b=SCORES, c=SCORES, weight=st.sampled_from([0.25, 1.0, 3.0]))
def test_log_odds_are_averaged_over_looks_and_added_to_what_is_heard(
    a: dict[int, float], b: dict[int, float], c: dict[int, float], weight: float
) -> None:
    expected = {}
    for id in {*a, *b, *c}:
        seen = [(share, scores[id]) for share, scores in ((weight, a), (1.0, b)) if id in scores]
        looks = sum(share * odds for share, odds in seen) / sum(share for share, _ in seen) if seen else 0.0
        expected[id] = looks + 2 * c.get(id, 0.0)
    made = (weight * Listed(a, 9, "a") + Listed(b, 9, "b") + 2 * Heard(c, 9, "c")).by("odds")(ASKED, NOTHING)
    assert dict(zip(made.ids.tolist(), made.scores.tolist(), strict=True)) == pytest.approx(expected)


def test_scales_of_nothing_and_of_equals() -> None:
    for how in SCALES:
        assert scaled(np.array([]), how).tolist() == []
    assert scaled(np.array([2.0, 2.0]), "z").tolist() == [0, 0] == scaled(np.array([2.0, 2.0]), "minmax").tolist()
    assert scaled(np.array([2.0, 2.0]), "theoretical").tolist() == [1, 1], "alike and good stays good"
    with pytest.raises(QueryError, match="no scale 'loud'"):
        scaled(np.array([1.0]), "loud")  # type: ignore[arg-type]


def test_what_each_part_added_is_said() -> None:
    made = (Listed({1: 2.0, 2: 1.0}, 5, "a") + 2 * Listed({2: 7.0}, 5, "b"))(ASKED, NOTHING)
    assert made.ids.tolist() == [2, 1]
    reasons = [column.reason(0) for column in made.columns]
    assert [(reason.stage, reason.score) for reason in reasons[:2]] == [("a", 1.0), ("b", 7.0)]
    assert reasons[2].score == pytest.approx(1 / 62 + 2 / 61)
    assert reasons[2].text == "a +0.0161 (place 2), b +0.0328 (place 1); by ranks"
    assert made.columns[2].reason(1).text == "a +0.0164 (place 1), b +0.0000 (not among the candidates); by ranks"


def test_it_is_printed_and_checked_before_it_runs() -> None:
    a, b = Listed({1: 1.0}, 3, "A()"), Listed({2: 1.0}, 3, "B()")
    fused = (0.5 * a + (b >> Note())).by("z")
    assert repr(fused) == "(0.5 * A() + (B() >> Note())).by('z')".replace("Note()", repr(fused.parts[1].stages[1]))
    assert repr((a + b + a)[:7]) == "(A() + B() + A()) >> Cut(7)"
    assert repr(3 * (a + 2 * b)) == "(3 * A() + 6 * B())"
    index = MemoryIndex("dense", 5)
    for wrong, match in [
        (lambda: a + Note(), "needs candidates"),
        (lambda: a + (a + b)[:3], "finds nothing by itself"),
        (lambda: -1 * a, "the weight of"),
        (lambda: float("nan") * a, "the weight of"),
        (lambda: (a + b).by("loud"), "cannot fuse by 'loud'"),  # type: ignore[arg-type]
        (lambda: Fuse([], []), "0 parts"),
        (lambda: a[3:], "cuts nothing"),
        (lambda: a[:0], "nothing is left"),
        (lambda: a + Pipeline([a, _answer_of(a)]), "needs probabilities|gives an answer"),
        (lambda: (a + b) >> Level(index, DenseEmbeddings(np.eye(5, dtype=np.float32))), "needs model scores"),
        (lambda: (a + (b >> Cut(1)))(ASKED, Candidates(np.array([1]), np.array([1.0]))), "loses candidates"),
    ]:
        with pytest.raises(QueryError, match=match):
            wrong()


def _answer_of(stage: Stage) -> Stage:
    return Answer(lambda ids: [item(int(i)) for i in ids], likely=0.5, maybe=0.2)


def test_notes_of_the_parts_arrive() -> None:
    made = (Listed({1: 1.0}, 3) + (Listed({2: 1.0}, 3) >> Note()))(ASKED, NOTHING)
    assert made.notes == ("seen",)


class Paper:
    """What is written of pictures, in a dictionary: a word is worth 1 where it stands; all are captions."""

    def __init__(self, texts: Mapping[int, str]) -> None:
        self.texts = dict(texts)

    def told(self, texts: Sequence[str]) -> tuple[Ints, Floats, Floats]:
        said = " ".join(texts).split()
        found = {i: sum(w in self.texts[i].split() for w in said) for i in sorted(self.texts)}
        kept = [i for i, score in found.items() if score]
        scores = np.array([found[i] for i in kept], np.float32)
        return np.array(kept, np.int64), scores, scores / len(said)

    def described(self, ids: Ints) -> np.ndarray:
        return np.isin(ids, list(self.texts))

    def matched(self, texts: Sequence[str], ids: Sequence[int]) -> dict[int, dict[str, list[str]]]:
        said = set(" ".join(texts).split())
        found = {i: sorted(said & set(self.texts.get(i, "").split())) for i in ids}
        return {i: {"captions": words} for i, words in found.items() if words}


def pictures() -> MemoryIndex:
    """1 is red, 2 reddish, 3 green, 4 blue."""
    index = MemoryIndex("dense", 5)
    rows = np.array([[1, 0, 0, 0, 0], [0.8, 0.6, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0]], np.float32)
    index.add(np.array([1, 2, 3, 4]), DenseEmbeddings.normalise(rows))
    return index


def hybrid(index: MemoryIndex, texts: Mapping[int, str]) -> Pipeline:
    first = Retrieve(index, ColourEncoder()) + Words(Paper(texts))
    return first >> Avoid(index) >> Calibrate(index, None) >> _answer_of(first)


def test_words_lift_what_looks_do_not_tell() -> None:
    index = pictures()
    hits = hybrid(index, {4: "red", 3: "grass"})(ASKED)
    assert [hit.id for hit in hits] == [4, 1, 2, 3], "fourth by looks, first by words; first by looks alone is second"
    assert [reason.stage for reason in hits[0].why] == ["match", "words", "fuse", "calibrate"]
    assert hits[0].why[1].text == "caption: red" and hits[1].why[1].text == "nothing is written there"
    assert hits[0].why[0].score == pytest.approx(0.01, abs=0.01), "the look is scored exactly all the same"
    assert hits[0].score == pytest.approx(1 / (RANK_CONSTANT + 4) + 1 / (RANK_CONSTANT + 1))


def by_odds(index: MemoryIndex, texts: Mapping[int, str]) -> Pipeline:
    first = (Retrieve(index, ColourEncoder()) + Words(Paper(texts))).by("odds")
    return first >> Avoid(index) >> Calibrate(index, None) >> Credit() >> _answer_of(first)


def test_what_is_written_moves_the_order_and_the_chance() -> None:
    index = pictures()
    looks = (Retrieve(index, ColourEncoder()) >> Calibrate(index, None) >> _answer_of(Note()))(ASKED)
    alone = {hit.id: hit.probability for hit in looks}
    hits = by_odds(index, {2: "red", 3: "grass"})(ASKED)
    told = {hit.id: hit for hit in hits}
    # Worth of "red", the whole question: 0.3 * (1 - 0.5) + 0.9; of another text: -0.3 * 0.5; of none: 0.
    for id, worth in {1: 0.0, 2: 1.05, 3: -0.15, 4: 0.0}.items():
        before = np.log(alone[id] / (1 - alone[id]))
        assert told[id].probability == pytest.approx(1 / (1 + np.exp(-before - worth)), abs=1e-6)
        said = {reason.stage: reason for reason in told[id].why}
        assert said["words"].score == said["credit"].score == pytest.approx(worth)
    assert "words +1.05 (place 1); in log-odds" in told[2].explain()
    assert "caption: red" in told[2].explain() and "more likely by what is written there" in told[2].explain()
    assert "nothing is written there" in told[1].explain()
    assert "none of the words is written there" in told[3].explain() and "less likely by what" in told[3].explain()
    unsaid = by_odds(index, {2: "a", 3: "grass"})(ASKED)
    assert [(hit.id, hit.probability) for hit in unsaid] == [(hit.id, hit.probability) for hit in looks]


def test_words_alone_make_nothing_certain() -> None:
    made = by_odds(pictures(), {4: "red " + " ".join(["red"] * 3)})(Query([Part("red " * 30)], k=4))
    four = next(hit for hit in made if hit.id == 4)
    credit = next(reason for reason in four.why if reason.stage == "credit")
    assert next(reason for reason in four.why if reason.stage == "words").score > MOST == credit.score


def test_a_model_that_has_no_vector_leaves_its_voice_to_the_others() -> None:
    looks, some = pictures(), MemoryIndex("dense", 5)
    some.add(np.array([3, 4]), looks.vectors(np.array([3, 4])))
    first = Retrieve(looks, ColourEncoder())
    made = (first + Retrieve(some, ColourEncoder())).by("odds")(ASKED, NOTHING)
    alone = first(ASKED, NOTHING)
    assert made.ids.tolist() == alone.ids.tolist(), "red and reddish, without a vector in the other run, stay in front"
    assert np.isnan(Retrieve(some, ColourEncoder()).odds(ASKED, first.score(ASKED, alone, alone.ids))[0])


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 2.0), (-1.0,)])
def test_odds_count_spreads(weights: tuple[float, ...]) -> None:
    index = pictures()
    query = Query([Part(word, weight=w) for word, w in zip(("red", "green"), weights, strict=False)], k=4)
    first = Retrieve(index, ColourEncoder())
    found = first(query, NOTHING)
    odds = first.odds(query, found)
    # The index is its own sample: all four pictures.
    assert odds == pytest.approx(SPREAD * (found.scores - found.scores.mean()) / found.scores.std(), rel=1e-4)


def test_a_picture_without_a_vector_has_no_probability_and_is_left_out() -> None:
    hits = hybrid(pictures(), {9: "red"})(ASKED)
    assert 9 not in [hit.id for hit in hits]


def test_negatives_push_away_after_fusing() -> None:
    pipeline = hybrid(pictures(), {4: "red"})
    before = {hit.id: hit for hit in pipeline(ASKED)}
    mild = {hit.id: hit for hit in pipeline(Query([Part("red")], negatives=[Part("blue")], k=4))}
    assert mild[4].score < before[4].score and mild[4].probability < before[4].probability
    assert "shows “blue”" in mild[4].explain() and "does not show “blue”" in mild[1].explain()
    hits = pipeline(Query([Part("red")], negatives=[Part("blue", weight=5)], k=4))
    assert hits[-1].id == 4


def test_probabilities_are_those_of_the_dense_part() -> None:
    index = pictures()
    alone = Retrieve(index, ColourEncoder()) >> Calibrate(index, None)
    made = alone.stages[1](ASKED, alone.stages[0](ASKED, NOTHING))
    plain = dict(zip(made.ids.tolist(), made.probabilities.tolist(), strict=True))
    together = hybrid(index, {4: "red"})(ASKED)
    reference = {hit.id: hit.probability for hit in together}
    assert sorted(reference, key=lambda i: -plain[i])[0] == 1
    assert max(reference, key=lambda i: reference[i]) == 1, "written words give no probability"


def test_a_sparse_part_and_a_filter() -> None:
    from scipy.sparse import csr_matrix

    class Terms(ColourEncoder):
        kind = "lexicon"  # type: ignore[assignment]

        def encode_texts(self, texts: Sequence[str]) -> LexiconEmbeddings:  # type: ignore[override]
            return LexiconEmbeddings(csr_matrix(super().encode_texts(texts).values))

    index = MemoryIndex("lexicon", 5)
    index.add(np.array([2, 4]), LexiconEmbeddings(csr_matrix(np.array([[0, 0, 1, 0, 0], [2, 0, 0, 0, 0]], np.float32))))
    looks = pictures()
    allowed = np.array([2, 3, 4])
    first = Retrieve(looks, ColourEncoder(), allowed=allowed) + Retrieve(index, Terms(), allowed=allowed)
    made = first(ASKED, NOTHING)
    assert set(made.ids.tolist()) == {2, 3, 4} and made.total == 3
    assert [column.stage for column in made.columns] == ["match", "lexicon", "fuse"]
    three = made.ids.tolist().index(3)
    assert made.columns[1].scores[three] == 0, "no vector in that run: the least there is"
    assert (first.by("theoretical")(ASKED, NOTHING)).ids[0] in (2, 4)
    varied = Diversify(looks, balance=0.5)(ASKED, made)
    assert sorted(varied.ids.tolist()) == [2, 3, 4] and varied.fused
