"""Pieces of the reranking cards at a tiny size; what does nothing fails where the checks look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from openitr.embeddings import DenseEmbeddings
from openitr.models import WordTokenizer
from openitr.systems import Budget, clauses, comclip, cotrr, f4_its, ndcr
from openitr.systems.two_shapes import COLOURS, KINDS
from openitr.types import ImageArray
from tests.search.fakes import ColourEncoder

CARDS = {"comclip": comclip, "cotrr": cotrr, "f4_its": f4_its, "ndcr": ndcr}


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("name", CARDS)
def test_the_card_runs(name: str, real_data: object) -> None:
    CARDS[name].experiment(Budget(300))


def two(left: tuple[int, int, int], right: tuple[int, int, int]) -> ImageArray:
    return comclip.canvas(*(np.full((40, 40, 3), colour, np.uint8) for colour in (left, right)))


RED, BLUE, GREEN = (250, 10, 10), (10, 10, 250), (10, 250, 10)
PAIR = comclip.Rivals(
    "a red next to a blue",
    two(RED, BLUE),
    two(RED, GREEN),
    ({"red": comclip.LEFT, "blue": comclip.RIGHT}, {"red": comclip.LEFT, "green": comclip.RIGHT}),
)


def test_a_pair_is_judged_by_both_and_the_wrong_way_round_is_wrong() -> None:
    plain, composed = comclip.judged(ColourEncoder(), [PAIR])
    assert plain.tolist() == composed.tolist() == [True]
    turned = comclip.Rivals(PAIR.text, PAIR.wrong, PAIR.right, PAIR.boxes[::-1])
    assert comclip.judged(ColourEncoder(), [turned])[1].tolist() == [False]
    assert comclip.exact(ColourEncoder(), [PAIR]) == pytest.approx((0, 0), abs=1e-6)
    assert comclip.black(ColourEncoder(), PAIR) == (0, 0)
    assert comclip.rate(np.array([True, False])) == 50.0


def test_canvases_hold_each_stamp_in_its_box() -> None:
    x0, y0, x1, y1 = (round(v * comclip.SIDE) for v in comclip.RIGHT)
    inside = PAIR.right[y0:y1, x0:x1]
    assert (inside == BLUE).all(-1).mean() > 0.8
    outside = PAIR.right.copy()
    outside[y0:y1, x0:x1] = 127
    assert not (outside == BLUE).all(-1).any()


@pytest.mark.real_data
def test_sentences_of_stamps_are_read_as_they_are_meant(real_data: object) -> None:
    from openitr.search.rerank.sentences import parse_sentence
    from openitr.systems.stamps import stamps

    found = stamps(Budget(), 32)
    for how in ("replaced", "swapped"):
        for pair in comclip.rivals(found, 8, how, 0):
            read = parse_sentence(pair.text)
            assert set(pair.boxes[0]) == {read.subject, read.object}
            assert (read.object in pair.boxes[1]) == (how == "swapped")
            assert (pair.right != pair.wrong).any()


def simple(error: float) -> f4_its.Described:
    """Names are axes; a picture is the sum of what it shows; the oracle's words are the names."""
    items = np.eye(6, dtype=np.float32)
    true = [[0, 3], [2, 4, 5], [1]]
    images = np.stack([items[rows].sum(0) for rows in true])
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    said = [[5, 1], [0, 1, 3], [4]] if error else true
    return f4_its.Described(images, items, list("abcdef"), true, {error: said}, items)


def test_components_find_what_an_oracle_says_and_nothing_when_it_lies() -> None:
    assert f4_its.precision(simple(0.0), 0.0, components=True) == 100
    assert f4_its.precision(simple(0.0), 0.0, components=False) == 100
    assert (
        f4_its.precision(simple(1.0), 1.0, components=True) < 30 < f4_its.precision(simple(1.0), 1.0, components=False)
    )
    alone, off, plain, _ = f4_its.mixtures(simple(0.0))
    assert max(alone, off) < 1e-5 and plain == 0


def test_photos_are_found_by_their_other_captions() -> None:
    images = np.eye(4, dtype=np.float32)
    texts = np.repeat(images, 3, axis=0)
    found = f4_its.described_photos(images, texts, np.repeat(np.arange(4), 3))
    assert set(found.values()) == {100.0}
    wrong = f4_its.described_photos(images[::-1].copy(), texts, np.repeat(np.arange(4), 3))
    assert wrong["R@1, photo"] == 0 and wrong["R@1, description"] == 100


def test_scenes_tell_what_is_in_them() -> None:
    world = f4_its.described(ColourEncoder(), 12, 0)
    assert all(len(set(rows)) == len(rows) for rows in world.true)
    assert world.said[0.0] == world.true
    assert all(not set(said) & set(true) for said, true in zip(world.said[1.0], world.true, strict=True))


class Blind(ColourEncoder):
    """Finds at random."""

    def encode_images(self, images: list[ImageArray]) -> DenseEmbeddings:  # type: ignore[override]
        return DenseEmbeddings.normalise(np.stack([np.random.default_rng(i.sum()).normal(size=5) for i in images]))


@pytest.fixture(scope="module")
def lists() -> cotrr.Shortlists:
    return cotrr.shortlists(Blind(), 40, 0)


def test_an_oracle_lifts_what_is_there_and_no_more(lists: cotrr.Shortlists) -> None:
    oracle = cotrr.ListOracle(lists)
    listed = cotrr.listwise(lists, oracle)
    at_n = cotrr.recall(lists.found, cotrr.N)
    assert cotrr.recall(lists.found, 1) < at_n == cotrr.recall(listed, 1) == cotrr.recall(listed, cotrr.N)
    assert oracle.calls == 40
    assert (np.sort(listed, axis=1) == np.sort(lists.found, axis=1)).all()


def test_a_model_that_repeats_the_order_gains_nothing(lists: cotrr.Shortlists) -> None:
    assert cotrr.identity(lists) == 0
    erring = cotrr.ListOracle(lists, error=0.2, seed=1)
    once, again = (erring.shares(lists.texts[0], lists.pictures[:5]) for _ in range(2))
    assert once == again, "the same judgements for both ways of asking"
    yes = cotrr.by_yes_and_no(lists, cotrr.ListOracle(lists))
    assert cotrr.recall(yes, 1) == cotrr.recall(lists.found, cotrr.N)


def test_no_reply_loses_a_candidate(lists: cotrr.Shortlists) -> None:
    most, whole, unchanged = cotrr.robust(lists)
    assert most == 4 and whole == len(cotrr.FUZZ) + len(cotrr.READ) and unchanged == len(cotrr.FUZZ)


def holds(text: str, scene: Any) -> bool:
    """Whether every clause of a text is true of a candidate (4,); read from the words."""
    for clause in text.split(", "):
        no = clause.startswith("no ")
        word, _, _, side = clause.removeprefix("no ").split()
        at = 2 * clauses.SIDES.index(side)
        here = (KINDS[int(scene[at])], COLOURS[int(scene[at + 1])])
        if (word in here) == no:
            return False
    return True


def test_one_candidate_makes_all_clauses_true_and_each_other_breaks_one() -> None:
    sets = clauses.candidate_sets(60, 3)
    broken = []
    for text, scenes, right, negated in zip(sets.texts, sets.scenes, sets.right, sets.negated, strict=True):
        assert ("no " in text) == negated and len(text.split(", ")) == 3
        told = [[holds(clause, scene) for clause in text.split(", ")] for scene in scenes]
        assert [all(one) for one in told] == [row == right for row in range(10)]
        broken += [one.index(False) for one in told if not all(one)]
        assert all(sum(one) >= 2 for one in told)
    assert np.bincount(broken).tolist() == [180, 180, 180], "three candidates break each clause"
    scene = clauses.scene_of(np.array([1, 2, 3, 4]), 0)
    assert [(t.kind, t.colour) for t in scene.things] == [("square", "blue"), ("star", "black")]


def test_a_single_vector_learns_plain_facts_and_the_untrained_know_nothing() -> None:
    every = np.stack(np.unravel_index(np.arange(6**4), (6,) * 4), axis=1)
    features = torch.from_numpy(np.eye(6, dtype=np.float32)[every].reshape(6**4, 24) * 3)
    features = torch.nn.functional.pad(features, (0, ndcr.WIDTH - 24))
    sets, held = clauses.candidate_sets(300, 0), clauses.candidate_sets(60, 1)
    tokenizer = WordTokenizer.fit(sets.texts, length=ndcr.LENGTH)
    torch.manual_seed(0)
    fresh = ndcr.right_ones(ndcr.reasoner_of(tokenizer).eval(), features, tokenizer, held)
    learned = ndcr.trained(ndcr.single_of, features, tokenizer, sets, 0, steps=120)
    assert ndcr.percent(fresh) < 35
    assert ndcr.percent(ndcr.right_ones(learned, features, tokenizer, sets)) > ndcr.percent(fresh) + 25
    assert max(ndcr.exactness(ndcr.reasoner_of(tokenizer).eval(), features, tokenizer, sets)) < 1e-5
