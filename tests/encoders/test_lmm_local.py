"""A language model of transformers, from tiny checkpoints that the test makes."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.encoders.lmm import LMM, Message, configured
from openitr.errors import InputError, LMMError, ModelError

pytest.importorskip("transformers")

from openitr.encoders.lmm_local import LocalLMM
from tests.encoders.tiny_chat import chat, llava


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    return LocalLMM(str(chat(tmp_path_factory.mktemp("chat") / "m")))


@pytest.fixture(scope="module")
def eyes(tmp_path_factory):
    return LocalLMM(str(llava(tmp_path_factory.mktemp("llava") / "m")))


def test_the_same_words_each_time_and_no_more_than_asked_for(words):
    ask = [Message("system", "be brief"), Message("user", "a dog on grass")]
    first = words.generate(ask, max_tokens=5)
    assert isinstance(words, LMM) and first.text == words.generate(ask, max_tokens=5).text
    assert 1 <= first.tokens_out <= 5 and first.tokens_in > 4 and first.cost == 0.0
    assert first.text.split()[0] in {"a", "two", "dog", "dogs", "on", "grass", "word", "and", "be", "brief", "user"}


def test_what_it_is_told_changes_what_it_says(words):
    texts = [f"{w} {v}" for w in ("dog", "grass", "two") for v in ("on", "and", "word")]
    assert len({words.generate([Message("user", text)], max_tokens=6).text for text in texts}) > 1


def test_a_model_without_eyes_says_so(words):
    with pytest.raises(LMMError, match="reads no pictures"):
        words.generate([Message("user", "what?", [np.zeros((8, 8, 3), np.uint8)])])


def test_a_model_with_eyes_sees(eyes):
    def said(image):
        return eyes.generate([Message("user", "a dog", [image])], max_tokens=8)

    rng = np.random.default_rng(0)
    pictures = [np.full((16, 20, 3), c, np.uint8) for c in (0, 255)] + [rng.integers(0, 255, (16, 16, 3), np.uint8)]
    blind = eyes.generate([Message("user", "a dog")], max_tokens=8)
    replies = [said(picture) for picture in pictures]
    # 16 patches of the tower stand for the picture in the prompt.
    assert all(reply.tokens_in >= blind.tokens_in + 16 for reply in replies)
    assert len({reply.text for reply in replies}) > 1


def test_nonsense_under_a_schema_is_an_error_not_a_crash(words):
    with pytest.raises(LMMError, match="after one repair"):
        words.generate([Message("user", "a dog")], schema={"type": "object"}, max_tokens=4)


def test_named_by_the_environment(words, monkeypatch):
    monkeypatch.setenv("OPENITR_LMM_URL", words.name)
    assert configured() is not None and configured().name == words.name


def test_what_cannot_be_loaded(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "banana"}')
    with pytest.raises(ModelError, match="cannot be loaded"):
        LocalLMM(str(tmp_path))


def test_nothing_asked(words):
    with pytest.raises(InputError, match="nothing was asked"):
        words.generate([])
