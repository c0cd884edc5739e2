"""Composers on colours: a word is an axis, a picture is the colours it is painted in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.embeddings import DenseEmbeddings, LexiconEmbeddings
from openitr.encoders.lmm import Reply
from openitr.errors import InputError, LMMError, QueryError, ShapeError
from openitr.search.compose import (
    CaptionedIndex,
    DirectionalQuery,
    ImageOnly,
    LanguageComposer,
    NearestTexts,
    TextOnly,
    WeightedComposer,
    lmm_captioner,
    lmm_rewriter,
)
from openitr.search.compose.captions import MARKER, parsed
from openitr.search.compose.directional import fused, sides
from tests.search.compose.battery import check_composer
from tests.search.fakes import ColourEncoder


def paint(*colour: int):
    return np.full((8, 8, 3), colour, np.uint8)


GREEN = paint(20, 200, 20)


class Talking:
    """A language model that says what it is told to, or is down."""

    name = "talking"

    def __init__(self, *says: str) -> None:
        self.says, self.heard = list(says), []

    def generate(self, messages, *, schema=None, max_tokens=512, temperature=0.0):
        self.heard.append(messages[-1])
        if not self.says:
            raise LMMError("talking is down")
        return Reply(self.says.pop(0))


def language(encoder):
    return LanguageComposer(encoder, [lambda image: "green"], lambda caption, text: f"{MARKER} {text} square")


@pytest.mark.parametrize(
    "make",
    [
        ImageOnly,
        TextOnly,
        WeightedComposer,
        lambda e: WeightedComposer(e, 1.0),
        DirectionalQuery,
        lambda e: DirectionalQuery(e, language(e).words, b=0.0),
        language,
        LanguageComposer,
        lambda e: LanguageComposer(e, [NearestTexts(e, ["green", "blue"])]),
    ],
)
def test_every_composer_keeps_the_contract(make):
    check_composer(make(ColourEncoder(gap=0.3)), GREEN)


def test_only_dense_models_compose():
    class Sparse(ColourEncoder):
        kind = "lexicon"

    assert LexiconEmbeddings.kind == "lexicon"
    with pytest.raises(ShapeError, match="lexicon"):
        WeightedComposer(Sparse())


# WeiMoCIR


def unit(vector):
    return vector / np.linalg.norm(vector)


def test_the_weighted_mean_by_hand():
    encoder = ColourEncoder()
    v, t = encoder.encode_images([GREEN]).values[0], encoder.encode_texts(["red"]).values[0]
    for alpha, strength in ((0.8, 1.0), (0.3, 2.5)):
        made = WeightedComposer(encoder, alpha).compose(GREEN, "red", strength).values[0]
        assert np.allclose(made, unit((1 - alpha) * v + strength * alpha * t), atol=1e-6)


def test_captioned_scores_against_plain_loops():
    rng = np.random.default_rng(0)
    n, m, count, d, alpha, beta = 5, 3, 2, 5, 0.6, 0.3

    def rows(*shape):
        return np.apply_along_axis(unit, -1, rng.normal(size=(*shape, d))).astype(np.float32)

    images, captions = rows(n), rows(n, count)
    seen, said, texts = rows(m), rows(m, count), rows(m)
    index = CaptionedIndex(WeightedComposer(ColourEncoder(), alpha), images, captions, beta=beta)
    expected = np.zeros((m, n))
    for q in range(m):
        for i in range(n):
            query = unit((1 - alpha) * seen[q] + alpha * texts[q])
            spoken = [unit((1 - alpha) * said[q, j] + alpha * texts[q]) @ captions[i, j] for j in range(count)]
            expected[q, i] = (1 - beta) * (query @ images[i]) + beta * sum(spoken) / count
    assert np.allclose(index.scores(seen, said, texts), expected, atol=1e-5)


def test_a_captioned_search_leaves_the_reference_out():
    encoder = ColourEncoder()
    pictures = [paint(200, 0, 0), GREEN, paint(0, 0, 200), paint(200, 10, 10)]
    images = encoder.encode_images(pictures).values
    captions = encoder.encode_texts(["red", "green", "blue", "red"]).values[:, None]
    index = CaptionedIndex(WeightedComposer(encoder, 0.9), images, captions, beta=0.5)
    assert set(index.search(GREEN, ["green"], "red", 2).tolist()) == {0, 3}
    assert 1 not in index.search(GREEN, ["green"], "green", 4, leave=1)
    assert len(index.search(GREEN, ["green"], "green", 9, leave=1)) == 3
    with pytest.raises(ShapeError, match="one per prompt"):
        index.search(GREEN, ["green", "leafy"], "red")


def test_settings_out_of_range():
    encoder = ColourEncoder()
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError):
            WeightedComposer(encoder, wrong)
        with pytest.raises(InputError):
            DirectionalQuery(encoder, b=wrong)
        with pytest.raises(InputError):
            CaptionedIndex(WeightedComposer(encoder), np.eye(2), np.ones((2, 1, 2)), beta=wrong)
    with pytest.raises(ShapeError, match="captions have shape"):
        CaptionedIndex(WeightedComposer(encoder), np.eye(2), np.ones((3, 1, 2)))


# PDV


def test_the_three_ways_by_hand():
    encoder = ColourEncoder(gap=0.3)
    v = encoder.encode_images([GREEN]).values[0]
    t0, t1 = encoder.encode_texts(["green", "red square"]).values
    started = DirectionalQuery(encoder, language(encoder).words).start(GREEN, "red")
    assert started.words == ["green", "red square"]
    assert np.allclose(started.text(1.0).values[0], t1, atol=1e-6)
    assert np.allclose(started.image(0.0).values[0], v, atol=1e-6)
    assert np.allclose(started.text(-0.5).values[0], unit(t0 - 0.5 * (t1 - t0)), atol=1e-6)
    both = 0.4 * unit(v + 2.0 * (t1 - t0)) + 0.6 * unit(t0 + 1.5 * (t1 - t0))
    assert np.allclose(started.fused(1.5, 2.0, 0.6).values[0], unit(both), atol=1e-6)
    assert np.allclose(started.at(1.0).values, started.fused(1.2, 1.2, 0.4).values, atol=1e-6)


def test_sliding_calls_no_model():
    encoder = ColourEncoder()
    started = DirectionalQuery(encoder).start(GREEN, "red")
    assert encoder.asked == ["image", "text"]
    for a in (0.0, 0.5, 2.0):
        started.text(a), started.image(a), started.at(a)
    assert encoder.asked == ["image", "text"]


def test_following_the_direction_brings_the_edit_nearer():
    encoder = ColourEncoder(gap=0.3)
    started = DirectionalQuery(encoder, language(encoder).words).start(GREEN, "red")
    red = encoder.encode_images([paint(200, 20, 20)])
    scores = [float(started.image(a).score(red)[0, 0]) for a in (0.0, 0.25, 0.5)]
    assert scores == sorted(scores) and scores[-1] > scores[0] + 0.2


def test_without_a_base_the_words_know_nothing_of_the_picture():
    started = DirectionalQuery(ColourEncoder()).start(GREEN, "in red")
    assert started.words == ["a photo", "a photo, in red"] and "know nothing" in started.notes[0]


@given(st.integers(1, 4), st.integers(0, 100))
def test_the_formula_over_many_rows_is_the_formula_row_by_row(m, seed):
    rng = np.random.default_rng(seed)
    v, t0, t1 = (np.apply_along_axis(unit, 1, rng.normal(size=(m, 4))).astype(np.float32) for _ in range(3))
    whole = fused(v, t0, t1, 1.3, 0.7, 0.4)
    for row in range(m):
        assert np.allclose(whole[row], fused(v[row], t0[row], t1[row], 1.3, 0.7, 0.4), atol=1e-6)


def test_several_captions_count_as_their_mean():
    rows = np.eye(4, dtype=np.float32)
    before, after = sides(rows)
    assert np.allclose(before, unit(rows[0] + rows[1])) and np.allclose(after, unit(rows[2] + rows[3]))


# CIReVL


def test_every_string_is_kept_and_can_be_overwritten():
    encoder, lmm = ColourEncoder(), Talking("green", f"Sure.\n{MARKER} red", f"{MARKER} blue red")
    trace = LanguageComposer.of(encoder, lmm).trace(GREEN, "in red")
    assert (trace.caption, trace.target, list(trace.notes)) == ("green", "red", [])
    assert len(lmm.heard[0].images) == 1 and "Instruction: in red" in lmm.heard[1].text
    again = trace.override(caption="blue")
    assert (again.caption, again.target) == ("blue", "blue red") and "Image Content: blue" in lmm.heard[2].text
    assert trace.override(target="dark").target == "dark" and len(lmm.heard) == 3
    assert np.allclose(again.embeddings().values, encoder.encode_texts(["blue red"]).values)
    for wrong in ({}, {"caption": "a", "target": "b"}, {"target": " "}, {"caption": ""}):
        with pytest.raises(QueryError):
            trace.override(**wrong)


def test_several_captioners_are_averaged():
    encoder = ColourEncoder()
    composer = LanguageComposer(encoder, [lambda _: "green", lambda _: "dark"], lambda c, t: f"{MARKER} {t} {c}")
    made = composer.trace(GREEN, "red").embeddings().values[0]
    both = encoder.encode_texts(["red green", "red dark"]).values
    assert np.allclose(made, unit(both.mean(0)), atol=1e-6)


def test_a_model_that_is_down_leaves_a_query_and_a_note():
    encoder = ColourEncoder()
    trace = LanguageComposer.of(encoder, Talking()).trace(GREEN, "red")
    assert trace.target == "red" and "down" in trace.notes[0]
    half = LanguageComposer.of(encoder, Talking("green")).trace(GREEN, "red")
    assert half.target == "green, red" and "down" in half.notes[0]


def test_without_a_model_it_says_what_one_would_gain():
    trace = LanguageComposer.of(ColourEncoder(), None).trace(GREEN, "red")
    assert trace.target == "red" and "OPENITR_LMM_URL" in trace.notes[0]
    encoder = ColourEncoder()
    near = LanguageComposer(encoder, [NearestTexts(encoder, ["blue", "green", "dark"])]).trace(GREEN, "red")
    assert (near.caption, near.target) == ("green", "green, red") and "OPENITR_LMM_URL" in near.notes[0]


@pytest.mark.parametrize(
    ("reply", "target"),
    [
        (f"{MARKER} a red dog", "a red dog"),
        (f'bla {MARKER} x\n{MARKER} "a red dog"\nI hope this helps', "a red dog"),
        ("a red dog", "a red dog"),
        (f"{MARKER}", "a dog, red"),
        ("", "a dog, red"),
        ("a red\n\ndog", "a red dog"),
    ],
)
def test_replies_of_all_kinds(reply, target):
    assert parsed(reply, "a dog", "red")[0] == target


@given(st.text(max_size=60))
def test_any_reply_gives_a_target(reply):
    target, _ = parsed(reply, "a dog", "red")
    assert target.strip() and len(target) <= 600


def test_prompts_say_what_was_seen_and_asked():
    lmm = Talking("a dog", f"{MARKER} y")
    assert lmm_captioner(lmm)(GREEN) == "a dog"
    # Braces in what people write are no part of the template.
    lmm_rewriter(lmm)("a {text} dog", "{caption}")
    assert lmm.heard[1].text.endswith("Image Content: a {text} dog\nInstruction: {caption}")


def test_a_bank_without_texts():
    with pytest.raises(InputError, match="bank"):
        NearestTexts(ColourEncoder(), [])


def test_parts_that_cancel_out():
    class Flat(ColourEncoder):
        def encode_texts(self, texts):
            return DenseEmbeddings(-np.repeat(super().encode_images([GREEN]).values, len(texts), 0))

    with pytest.raises(QueryError, match="cancel out"):
        WeightedComposer(Flat(), 0.5).compose(GREEN, "red")
