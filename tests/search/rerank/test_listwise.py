"""Whatever a model replies, the answer is a permutation, in at most four calls, with a note where it went wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.encoders.lmm import LMM, Message, Reply
from openitr.errors import InputError, LMMError, QueryError
from openitr.search import Rerank
from openitr.search.pipeline import Candidates
from openitr.search.rerank import ListwiseReranker
from openitr.search.rerank.listwise import read_order
from openitr.types import Part, Query

PICTURES = [np.full((4, 4, 3), value, np.uint8) for value in range(12)]


class Says:
    """A model with its replies in order; the last one again and again; an error is raised."""

    name = "says"

    def __init__(self, *replies: str | Exception) -> None:
        self.replies, self.asked = list(replies), list[list[Message]]()

    def generate(self, messages: Sequence[Message], *, schema: Mapping[str, Any] | None = None, max_tokens: int = 512,
                 temperature: float = 0.0) -> Reply:  # fmt: skip
        self.asked.append(list(messages))
        reply = self.replies[min(len(self.asked), len(self.replies)) - 1]
        if isinstance(reply, Exception):
            raise reply
        return Reply(reply)


def order_of(*numbers: int, why: str = "seen") -> str:
    return f"Thinking.\nFinal Answer: {json.dumps({'top_10_indices': list(numbers), 'CoT': why})}"


def test_one_call_orders_and_gives_its_reason() -> None:
    lmm = Says(order_of(3, 1, 2, why="the third has a dog"))
    assert isinstance(lmm, LMM)
    order, reasons = ListwiseReranker(lmm, pause=0).rerank("a dog", PICTURES[:5])
    assert order == [2, 0, 1, 3, 4] and reasons == ["the third has a dog"]
    assert len(lmm.asked) == 1
    told = lmm.asked[0]
    assert [m.text for m in told[:-1]] == [f"Candidate {n}." for n in range(1, 6)]
    assert all(m.images[0] is picture for m, picture in zip(told[:-1], PICTURES, strict=False))
    assert "a dog" in told[-1].text and "top_5_indices" in told[-1].text and not told[-1].images


NUMBERS = st.lists(st.integers(-3, 15) | st.sampled_from(["1", "x", None, True, 2.5]), max_size=15)


@given(st.text(max_size=200) | NUMBERS.map(lambda some: f'Final Answer: {{"top_N_indices": {json.dumps(some)}}}'))
def test_any_reply_gives_a_permutation_that_keeps_the_set(reply: str) -> None:
    lmm = Says(reply)
    order, reasons = ListwiseReranker(lmm, n=8, pause=0).rerank("a dog", PICTURES)
    assert sorted(order) == list(range(12)) and order[8:] == [8, 9, 10, 11]
    assert len(lmm.asked) in (1, 4)
    if len(lmm.asked) == 4:
        assert order == list(range(12)) and reasons == ["not reranked: 4 replies named no candidate"]


def test_identity_is_no_change_and_a_bad_reply_is_asked_again_in_other_words() -> None:
    identity, _ = ListwiseReranker(Says(order_of(1, 2, 3)), pause=0).rerank("a dog", PICTURES[:3])
    assert identity == [0, 1, 2]
    lmm = Says("cannot", "", order_of(2, 1))
    assert ListwiseReranker(lmm, pause=0).rerank("a dog", PICTURES[:3])[0] == [1, 0, 2]
    assert len(lmm.asked) == 3
    assert len({messages[-1].text for messages in lmm.asked}) == 3, "a cache must not give the same words again"


def test_down_or_none_leaves_the_order_and_says_so() -> None:
    down = Says(LMMError("the server is down"))
    assert ListwiseReranker(down, pause=0).rerank("a dog", PICTURES) == (
        list(range(12)),
        ["not reranked: the server is down"],
    )
    assert len(down.asked) == 1, "the client has tried again already"
    order, notes = ListwiseReranker(None).rerank("a dog", PICTURES)
    assert order == list(range(12)) and "OPENITR_LMM_URL" in notes[0]
    lmm = Says(order_of(1))
    assert ListwiseReranker(lmm).rerank("a dog", PICTURES[:1]) == ([0], []) and not lmm.asked


def test_composed_queries_show_their_reference_first() -> None:
    lmm = Says(order_of(2, 1))
    order, _ = ListwiseReranker(lmm, prompt="composed").rerank("in red", PICTURES[:2], ref=PICTURES[9])
    assert order == [1, 0] and lmm.asked[0][0].images[0] is PICTURES[9]
    assert "reference" in lmm.asked[0][-1].text and "change" in lmm.asked[0][-1].text
    for prompt, ref in (("composed", None), ("query", PICTURES[9])):
        with pytest.raises(QueryError, match="reference"):
            ListwiseReranker(lmm, prompt=prompt).rerank("in red", PICTURES[:2], ref=ref)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="use query"):
        ListwiseReranker(lmm, prompt="other")  # type: ignore[arg-type]


def test_ablations_leave_their_steps_out() -> None:
    def steps(**about: bool) -> str:
        lmm = Says(order_of(1))
        ListwiseReranker(lmm, **about).rerank("a dog", PICTURES[:2])  # type: ignore[arg-type]
        return lmm.asked[0][-1].text

    whole, weigh, none = steps(), steps(deconstruct=False), steps(deconstruct=False, evaluate=False)
    assert "subject" in whole and "3. Put" in whole
    assert "subject" not in weigh and "Weigh every" in weigh and "2. Put" in weigh
    assert "Weigh every" not in none and "1. Put" in none


def test_as_a_stage_it_orders_and_leaves_notes_and_reasons() -> None:
    found = Candidates(np.arange(5), np.linspace(1, 0.5, 5))
    query = Query([Part("a dog")], negatives=[Part("people")])
    lmm = Says(order_of(4, 2, why="it runs"))
    stage = Rerank(ListwiseReranker(lmm, PICTURES.__getitem__), top=4, batch=4, deadline_ms=None)
    made = stage(query, found)
    assert made.ids.tolist() == [3, 1, 0, 2, 4] and not made.notes
    assert made.columns[-1].reason(0).text.endswith("it runs")
    assert "not: people" in lmm.asked[0][-1].text
    down = Rerank(ListwiseReranker(Says(LMMError("it is down")), PICTURES.__getitem__), batch=50)(query, found)
    assert down.ids.tolist() == [0, 1, 2, 3, 4] and down.notes == ("not reranked: it is down",)


def test_the_last_object_counts_where_no_marker_stands() -> None:
    assert read_order('{"top_3_indices": [3]} then {"top_3_indices": ["2", 1]}', 3) == ([1, 0], "")
    assert read_order('{"top_3_indices": [3]} {"other": 1}', 3) == ([2], "")
    assert read_order('{"top_3_indices": "123"} [1]', 3) == ([], "")
    assert read_order("{" * 10_000, 3) == ([], "")
