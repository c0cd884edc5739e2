"""Movies: what is seen and heard happens in the moments that are named, and nowhere else."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.datasets.scenes import (
    LANGUAGES,
    RATE,
    SOUNDS,
    VERBS,
    Event,
    Movie,
    Noise,
    Scene,
    Thing,
    What,
    render,
    sample_movie,
    sound,
)
from openitr.errors import InputError

CAT = Thing("cat", "black", "small", "plain", 0.5, 0.5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 5), st.booleans())
def test_pictures_change_in_moments_of_motion_only(seed: int, events: int, aligned: bool) -> None:
    movie = sample_movie(seed, events=events, seconds=4.0, aligned=aligned)
    assert movie == sample_movie(seed, events=events, seconds=4.0, aligned=aligned)
    spans = [(m.start, m.end) for m in movie.moments() if m.kind == "motion"]
    times = [i / 20 for i in range(81)]
    for a, b in pairwise(times):
        busy = any(start < b and a < end for start, end in spans)
        if not busy:
            assert movie.at(a) == movie.at(b)
    for start, end in spans:
        moving = {movie.at(t) for t in np.linspace(start, end, 9)}
        assert len(moving) > 1
    for m in movie.moments():
        assert set(m.texts) == set(LANGUAGES)
        if m.kind == "motion" and m.what:
            assert (m.start, m.end) in movie.happens(m.verb, m.what)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_moves_as_it_says(verb: str) -> None:
    movie = Movie(Scene((CAT,), "meadow"), (Event(0, verb, 1.0, 2.0),), seconds=3.0)
    first, middle, last = (movie.at(t).things for t in (0.5, 1.5, 2.5))
    if verb in ("appear", "vanish"):
        assert (len(first), len(last)) == ((0, 1) if verb == "appear" else (1, 0))
        return
    (a,), (b,), (c,) = first, middle, last
    moved = {"left": (-0.25, 0), "right": (0.25, 0), "up": (0, -0.25), "down": (0, 0.25)}.get(verb, (0, 0))
    assert (c.x - a.x, c.y - a.y) == pytest.approx(moved)
    assert c.scale / a.scale == pytest.approx({"grow": 1.6, "shrink": 1 / 1.6}.get(verb, 1.0), abs=1e-4)
    if verb == "jump":
        assert a.y - b.y == pytest.approx(0.25) and c == a
    frames = movie.frames(fps=8, size=48)
    assert frames.shape == (24, 48, 48, 3) and frames.dtype == np.uint8
    np.testing.assert_array_equal(frames[12], render(movie.at(1.5), 48))
    same = [np.array_equal(x, y) for x, y in pairwise(frames)]
    assert all(same[:8]) and all(same[16:]) and not all(same[8:16])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**9), st.booleans())
def test_sound_is_where_it_is_said_to_be(seed: int, aligned: bool) -> None:
    movie = sample_movie(seed, events=3, aligned=aligned)
    wave = movie.waveform()
    assert wave.dtype == np.float32 and len(wave) == 4 * RATE and np.abs(wave).max() <= 1
    silent = np.ones(len(wave), dtype=bool)
    for m in movie.moments():
        if m.kind == "sound":
            part = slice(round(m.start * RATE), round(m.end * RATE))
            # The quietest sound, decaying clicks, has a mean power of about 0.0025.
            assert float((wave[part] ** 2).mean()) > 1e-3
            silent[part] = False
    assert np.abs(wave[silent]).max(initial=0.0) == 0.0
    if aligned:
        assert {(e.start, e.end) for e in movie.events} == {(n.start, n.end) for n in movie.noises}


@pytest.mark.parametrize(("name", "early", "late"), [("low", 220, 220), ("high", 1320, 1320), ("rising", 420, 1380)])
def test_tones_have_their_pitch(name: str, early: float, late: float) -> None:
    wave = sound(name, 2.0)
    for part, expected in ((wave[3200 - 1600 : 3200 + 1600], early), (wave[-3200 - 1600 : -3200 + 1600], late)):
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        # Bins are 5 Hz wide; a sweep moves 120 Hz within the window of 0.2 s.
        assert abs(spectrum.argmax() * RATE / len(part) - expected) < (70 if early != late else 6)


def test_sounds_differ_and_are_bounded() -> None:
    waves = {name: sound(name, 0.5) for name in SOUNDS}
    for a in SOUNDS:
        assert 0.2 < np.abs(waves[a]).max() <= 0.5 and np.abs(waves[a][[0, -1]]).max() == 0
        assert all(a == b or np.abs(waves[a] - waves[b]).max() > 0.1 for b in SOUNDS)


def test_verbs_and_sounds_all_occur() -> None:
    movies = [sample_movie(seed, aligned=False) for seed in range(80)]
    assert {e.verb for m in movies for e in m.events} == set(VERBS)
    assert {n.name for m in movies for n in m.noises} == set(SOUNDS)


def test_when_something_happens() -> None:
    events = (Event(0, "left", 0.0, 1.0), Event(0, "right", 1.0, 2.0), Event(0, "left", 3.0, 4.0))
    movie = Movie(Scene((CAT,)), events, (Noise("low", 0.5, 1.0),))
    assert movie.happens("left", What("cat")) == [(0.0, 1.0), (3.0, 4.0)]
    assert movie.happens("left", What("car")) == [] and movie.happens("jump", What("cat")) == []
    assert movie.moments()[0].texts["en"] == "A cat moves left"
    assert movie.at(2.5).things[0] == CAT


def test_impossible_movies_are_refused() -> None:
    scene = Scene((CAT,))
    for events in (
        (Event(0, "left", 1.0, 5.0),),
        (Event(0, "fly", 1.0, 2.0),),
        (Event(1, "left", 1.0, 2.0),),
        (Event(0, "left", 1.0, 2.0), Event(0, "up", 1.5, 2.5)),
    ):
        with pytest.raises(InputError):
            Movie(scene, events)
    for call in (lambda: sound("song", 1.0), lambda: sound("low", 0.0), lambda: sample_movie(0, events=9)):
        with pytest.raises(InputError):
            call()
