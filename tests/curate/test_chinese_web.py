"""Each rule at its edge, and planted rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.curate import SENSITIVE, ChineseWebFilter
from openitr.errors import InputError, ShapeError


@pytest.mark.parametrize(
    ("size", "fits"),
    [((201, 201), True), ((200, 300), False), ((300, 200), False), ((603, 201), True), ((604, 201), False)],
)
def test_pictures_at_the_edges(size: tuple[int, int], fits: bool) -> None:
    assert ChineseWebFilter().fits(size) is fits
    assert ChineseWebFilter().fits(size[::-1]) is fits


def test_texts_need_chinese_and_no_sensitive_word() -> None:
    kept = ChineseWebFilter()
    assert kept.says("狗 dog") and kept.says("㐀") and kept.says("𠀀")
    assert not kept.says("dog") and not kept.says("いぬ") and not kept.says("")
    assert not any(kept.says(f"这里有{word}") for word in SENSITIVE)


def test_a_text_goes_with_all_its_rows_once_it_stands_too_often() -> None:
    size = [(300, 300)]
    assert ChineseWebFilter().keep(["图片"] * 10, size * 10) == [True] * 10
    assert ChineseWebFilter().keep(["图片"] * 10 + [" 图片 ", "一只狗"], size * 12) == [False] * 11 + [True]


def test_longer_names_are_replaced_first() -> None:
    assert ChineseWebFilter(names=["小明", "王小明"]).private("王小明和小明") == "[人名]和[人名]"


@given(st.lists(st.tuples(st.text(), st.tuples(st.integers(0, 5000), st.integers(0, 5000)))))
def test_any_rows_give_one_answer_each(rows: list[tuple[str, tuple[int, int]]]) -> None:
    assert len(ChineseWebFilter().keep([r[0] for r in rows], [r[1] for r in rows])) == len(rows)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ShapeError):
        ChineseWebFilter().keep(["狗"], [])
    with pytest.raises(InputError):
        ChineseWebFilter(widest=0.5)
