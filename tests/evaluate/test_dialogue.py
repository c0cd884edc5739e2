"""Hits by round by hand, the simulated user, and the benchmark on a world where asking must help."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from openitr.datasets.pairs import Pair, PairDataset
from openitr.errors import DatasetError, InputError
from openitr.evaluate.dialogue import CaptionUser, dialog_hits, dialogue, evaluate_chat
from openitr.search.dialogue import Question
from tests.search.dialogue.world import gallery, pixels
from tests.search.fakes import ColourEncoder


def test_hits_by_hand():
    alone, so_far = dialog_hits(np.array([[12, 3, 40], [9, 30, 40], [11, 2, 10]]), 10)
    assert alone == pytest.approx([100 / 3, 100 / 3, 200 / 3])
    assert so_far == pytest.approx([100 / 3, 200 / 3, 100])
    for ranks, k in ((np.zeros((0, 3)), 10), (np.ones(3), 10), (np.ones((1, 1)), 0)):
        with pytest.raises(InputError):
            dialog_hits(ranks, k)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 20), st.integers(0, 2**31))
def test_cumulative_hits_are_those_of_the_best_rank_so_far(rounds, n, k, seed):
    ranks = np.random.default_rng(seed).integers(1, 30, (rounds, n))
    alone, so_far = dialog_hits(ranks, k)
    for at in range(rounds):
        assert alone[at] == pytest.approx(100 * sum(r <= k for r in ranks[at]) / n)
        assert so_far[at] == pytest.approx(100 * sum(min(ranks[: at + 1, d]) <= k for d in range(n)) / n)


def test_the_user_says_each_caption_once_and_knows_when_it_knows_nothing():
    user = CaptionUser(["A brown dog runs .", "Two dogs on a beach"])
    where = Question("Where is it: a beach, snow?", ("a beach", "snow"), 0.0, ("on a beach", "in the snow"))
    assert user(where) == "Two dogs on a beach" and user(where) == "not sure"
    dog = Question("Does it show a dog?", ("yes", "no"), 0.0, ("a dog", ""), ("", "a dog"))
    assert user(dog) == "A brown dog runs" and user(dog) == "no" and user.left == []


def test_an_answer_that_tells_brings_the_picture_forward():
    photos = gallery(0)

    def asks(hits, memory, before):
        return Question("Which colour?", ("green", "blue"), 1.0, ("green", "blue"), ("", "")), ()

    ranks, answered = dialogue(photos, ["red", "green"], 3, asks, 2)
    assert ranks[0] > ranks[1] and answered == 1 and len(ranks) == 3
    silent, none = dialogue(photos, ["red", "green"], 3, False, 2)
    assert silent == [ranks[0]] * 3 and none == 0


def pairs(texts: list[list[str]]) -> PairDataset:
    def data(row: int) -> bytes:
        file = io.BytesIO()
        Image.fromarray(pixels(row)).save(file, "PNG")
        return file.getvalue()

    return PairDataset([Pair(str(row), data(row), {"en": said}) for row, said in enumerate(texts)], "colours")


def test_the_benchmark_reports_every_way_to_ask():
    said = [["dark", "red"], ["dark", "red"], ["dark", "red"], ["dark", "green"], ["dark", "green"], ["blue"]]
    report = evaluate_chat(pairs(said), ColourEncoder(), rounds=2, dialogues=4)
    assert set(report.ranks) == {"none", "random", "information gain"}
    assert all(ranks.shape == (3, 4) for ranks in report.ranks.values())
    assert (report.ranks["none"] == report.ranks["none"][0]).all() and report.answered["none"] == 0
    columns, rows = report.table()
    assert len(rows) == 6 and all(len(row) == len(columns) for row in rows)
    document = report.to_json()
    assert document["task"] == "chat" and len(document["ways"]["random"]["intervals"]) == 3
    low, high = report.interval("information gain", 2, since="none")
    assert low <= high
    with pytest.raises(DatasetError):
        evaluate_chat(pairs([["red"], ["blue"]]), ColourEncoder())
    with pytest.raises(InputError):
        evaluate_chat(pairs(said), ColourEncoder(), rounds=0)
