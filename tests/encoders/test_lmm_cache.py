"""Configuration, structured replies and the cache, with a model that counts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.encoders.lmm import LMM, Message, Reply, configured
from openitr.encoders.lmm_cache import CachedLMM
from openitr.encoders.lmm_http import HttpLMM
from openitr.encoders.lmm_structured import NotValid, objects, structured, validator
from openitr.errors import InputError, LMMError

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


class Counting:
    """Says what it was made with, one after the other."""

    name = "counting"

    def __init__(self, *texts: str) -> None:
        self.texts, self.calls = list(texts), 0

    def generate(self, messages, *, schema=None, max_tokens=512, temperature=0.0):
        def say(asked):
            text = self.texts[min(self.calls, len(self.texts) - 1)]
            self.calls += 1
            return Reply(text, tokens_in=5, cost=1.0)

        return say(messages) if schema is None else structured(say, messages, schema)


def ask(text="what?", *images):
    return [Message("user", text, images)]


def test_the_same_question_is_asked_once(tmp_path):
    inner = Counting("one", "two", "three", "four", "five", "six")
    lmm = CachedLMM(inner, tmp_path)
    assert isinstance(lmm, LMM) and lmm.name == "counting"
    first, again = lmm.generate(ask()), lmm.generate(ask())
    assert (first.text, first.cached, first.cost) == ("one", False, 1.0)
    assert (again.text, again.cached, again.cost, again.tokens_in) == ("one", True, None, 0)
    red, blue = np.full((2, 2, 3), 9, np.uint8), np.full((2, 2, 3), 7, np.uint8)
    others = [ask("what else?"), ask("what?", red), ask("what?", blue), ask("what?", blue.reshape(1, 4, 3))]
    assert [lmm.generate(other).text for other in others] == ["two", "three", "four", "five"]
    assert lmm.generate(ask(), max_tokens=9).text == "six"
    assert CachedLMM(Counting("other"), tmp_path).generate(ask("what?", red)).text == "three"
    assert (lmm.hits, lmm.misses) == (1, 6)


def test_a_draw_is_drawn_anew(tmp_path):
    lmm = CachedLMM(Counting("one", "two"), tmp_path)
    assert [lmm.generate(ask(), temperature=1.0).text for _ in range(2)] == ["one", "two"]
    assert not list(tmp_path.rglob("*"))


def test_a_kept_object_is_checked_again(tmp_path):
    lmm = CachedLMM(Counting('{"n": 1}'), tmp_path)
    lmm.generate(ask(), schema=SCHEMA)
    assert lmm.generate(ask(), schema=SCHEMA).value == {"n": 1} and lmm.lmm.calls == 1
    (kept,) = tmp_path.rglob("*.json")
    for damage in ('{"text": "{}", "notes": []}', "{", '{"text": 3}', "[]", "\x00", '{"text": "{}", "notes": 3}'):
        kept.write_text(damage)
        before = lmm.lmm.calls
        assert lmm.generate(ask(), schema=SCHEMA).value == {"n": 1}
        assert lmm.lmm.calls == before + 1


def test_errors_are_not_kept(tmp_path):
    class Broken(Counting):
        def generate(self, messages, **asked):
            self.calls += 1
            raise LMMError("down")

    lmm = CachedLMM(Broken(), tmp_path)
    for _ in range(2):
        with pytest.raises(LMMError):
            lmm.generate(ask())
    assert lmm.lmm.calls == 2


def test_it_stays_small_and_keeps_what_is_used(tmp_path):
    lmm = CachedLMM(Counting("x" * 100), tmp_path, max_bytes=3000)
    for number in range(60):
        lmm.generate(ask(str(number)))
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.json"))
    assert 1000 < size <= 3000 and lmm.generate(ask("59")).cached and not lmm.generate(ask("0")).cached
    assert not list(tmp_path.rglob("*.part"))


def test_a_folder_that_cannot_be_written_to_breaks_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    lmm = CachedLMM(Counting("one"), tmp_path / "file")
    assert lmm.generate(ask()).text == "one"


def test_nothing_configured_is_none(monkeypatch, tmp_path):
    for name in ("URL", "MODEL", "KEY"):
        monkeypatch.delenv(f"OPENITR_LMM_{name}", raising=False)
    assert configured() is None
    monkeypatch.setenv("OPENITR_LMM_URL", "http://localhost:1/v1")
    with pytest.raises(InputError, match="OPENITR_LMM_MODEL"):
        configured()
    monkeypatch.setenv("OPENITR_LMM_MODEL", "tiny")
    made = configured()
    assert isinstance(made, HttpLMM) and made.name == "tiny"
    cached = configured(model="other", cache=tmp_path)
    assert isinstance(cached, CachedLMM) and cached.name == "other"


def test_messages_that_say_nothing():
    with pytest.raises(InputError, match="role"):
        Message("wizard", "hi")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="empty"):
        Message("user", " ")


def test_a_schema_that_is_none_and_one_that_points_outside():
    with pytest.raises(InputError, match="no JSON Schema"):
        validator({"type": "banana"})
    with pytest.raises(Exception, match=r"(?i)unresolvable|retriev|localhost"):
        validator({"$ref": "http://localhost:1/never.json"})('{"n": 1}')


def test_the_first_object_that_fits_is_taken():
    check = validator(SCHEMA)
    assert check('Thinking {"m": 1}... final {"n": 2} or {"n": 3}') == {"n": 2}
    with pytest.raises(NotValid, match="no JSON"):
        check("none, " + "{" * 5000)
    with pytest.raises(NotValid, match="n: 'x'"):
        check('{"n": "x"}')
    with pytest.raises(NotValid):
        check('{"n": NaN}')


@given(st.text(max_size=80))
def test_any_words_are_survived(text):
    for value in objects(text):
        assert json.loads(json.dumps(value)) == value


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda s: st.lists(s, max_size=3), max_leaves=6))
def test_what_was_written_is_found_among_words(value):
    assert objects(f"so: {json.dumps([value])}; that is all")[0] == [value]
