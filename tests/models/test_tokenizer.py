"""The word tokenizer: ids by frequency, padding, cutting, its file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.errors import DatasetError, ModelError
from openitr.models import WordTokenizer

TEXTS = ["a red dog runs", "a dog", "the cat, the dog!", "两只狗在跑"]


def test_ids_go_by_frequency_then_alphabet() -> None:
    tokenizer = WordTokenizer.fit(["b a c b", "d b a"])
    assert [tokenizer.decode([i]) for i in range(5, 9)] == ["b", "a", "c", "d"]
    assert (tokenizer.id("B"), tokenizer.id("zebra")) == (5, 1)


def test_the_order_of_the_texts_does_not_count() -> None:
    one, other = WordTokenizer.fit(TEXTS), WordTokenizer.fit(TEXTS[::-1])
    assert one.encode(TEXTS).tolist() == other.encode(TEXTS).tolist()


def test_chinese_is_cut_by_character() -> None:
    assert WordTokenizer.fit(TEXTS).encode(["两只狗"]).shape == (1, 5)


def test_rare_words_and_a_full_vocabulary_become_unknown() -> None:
    assert WordTokenizer.fit(TEXTS, at_least=2).id("red") == 1
    small = WordTokenizer.fit(TEXTS, size=6)
    assert (len(small), small.id("dog"), small.id("cat")) == (6, 5, 1)


def test_long_texts_are_cut_with_their_end_kept() -> None:
    tokenizer = WordTokenizer.fit(TEXTS, length=6)
    ids = tokenizer.encode(["dog " * 40])
    assert ids.shape == (1, 6)
    assert (ids[0, 0], ids[0, -1]) == (2, 3)


def test_no_text_gives_no_row() -> None:
    assert WordTokenizer.fit(TEXTS).encode([]).shape[0] == 0


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_any_text_can_be_encoded(texts: list[str]) -> None:
    tokenizer = WordTokenizer.fit(TEXTS)
    ids = tokenizer.encode(texts)
    assert ids.shape[0] == len(texts)
    assert int(ids.min()) >= 0
    assert int(ids.max()) < len(tokenizer)


def test_a_saved_tokenizer_gives_the_same_ids(tmp_path: Path) -> None:
    tokenizer = WordTokenizer.fit(TEXTS, length=7)
    tokenizer.save(tmp_path / "tokenizer.json")
    again = WordTokenizer.load(tmp_path / "tokenizer.json")
    assert again.length == 7
    assert again.encode(TEXTS).tolist() == tokenizer.encode(TEXTS).tolist()


def test_what_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no word"):
        WordTokenizer.fit(["", "  "])
    with pytest.raises(ModelError, match="no tokenizer"):
        WordTokenizer.load(tmp_path / "none.json")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    Tokenizer(WordLevel({"a": 0}, unk_token="a")).save(str(tmp_path / "other.json"))
    with pytest.raises(ModelError, match="does not begin"):
        WordTokenizer.load(tmp_path / "other.json")
