"""Moving scenes with sound: what happens when is known exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from openitr.datasets.scenes.draw import render
from openitr.datasets.scenes.languages.grammar import Phrase, fill, finish
from openitr.datasets.scenes.references import unique
from openitr.datasets.scenes.sample import World, pick
from openitr.datasets.scenes.scene import Scene, Thing
from openitr.datasets.scenes.sounds import RATE, SOUNDS, sound
from openitr.datasets.scenes.statements import What
from openitr.datasets.scenes.words import Texts, everywhere
from openitr.errors import InputError
from openitr.types import ImageArray

VERBS: tuple[str, ...] = ("left", "right", "up", "down", "grow", "shrink", "jump", "appear", "vanish")
SOUND_OF: dict[str, str] = {
    "left": "low",
    "right": "high",
    "up": "rising",
    "down": "falling",
    "grow": "low",
    "shrink": "high",
    "jump": "ticks",
    "appear": "rising",
    "vanish": "hiss",
}
STEP = 0.25
"""How far a thing moves, and jumps, as a share of the side."""
GROWTH = 1.6
_TOWARDS = {"left": (-STEP, 0.0), "right": (STEP, 0.0), "up": (0.0, -STEP), "down": (0.0, STEP)}


@dataclass(frozen=True, slots=True)
class Event:
    """Thing number ``index`` does ``verb`` from ``start`` to ``end``, seconds; it appears or vanishes half way."""

    index: int
    verb: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Noise:
    """A sound of ``SOUNDS`` from ``start`` to ``end``, seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Moment:
    """What is seen ("motion") or heard ("sound") from ``start`` to ``end``, seconds: who and which verb or sound."""

    kind: str
    start: float
    end: float
    verb: str
    what: What | None
    texts: Texts


def _after(thing: Thing, verb: str, t: float) -> Thing:
    """The thing when share t of the event is over."""
    if verb in _TOWARDS:
        dx, dy = _TOWARDS[verb]
        return replace(thing, x=round(thing.x + dx * t, 5), y=round(thing.y + dy * t, 5))
    if verb == "jump":
        return replace(thing, y=round(thing.y - STEP * 4 * t * (1 - t), 5))
    if verb in ("grow", "shrink"):
        factor = GROWTH if verb == "grow" else 1 / GROWTH
        return replace(thing, scale=round(thing.scale * (1 + (factor - 1) * t), 5))
    return thing


@dataclass(frozen=True, slots=True)
class Movie:
    """A scene in time.

    Args:
        scene: At the start; things that appear later are in it already.
        events: What happens, in order of time; events of one thing do not overlap.
        noises: What sounds.
        seconds: How long it is.

    Raises:
        InputError: An unknown verb or thing, an event outside the movie, one thing doing two things at once.
    """

    scene: Scene
    events: tuple[Event, ...]
    noises: tuple[Noise, ...] = ()
    seconds: float = 4.0

    def __post_init__(self) -> None:
        spans = [(e.start, e.end) for e in self.events] + [(n.start, n.end) for n in self.noises]
        for start, end in spans:
            if not 0 <= start < end <= self.seconds:
                raise InputError(f"{start} to {end} does not fit in {self.seconds} s", "0 <= start < end <= seconds")
        free = dict.fromkeys(range(len(self.scene.things)), 0.0)
        for event in self.events:
            if event.verb not in VERBS or event.index not in free:
                raise InputError(f"{event} is unknown", "verbs are " + ", ".join(VERBS))
            if event.start < free[event.index]:
                raise InputError(f"{event} begins before the last one of that thing is over")
            free[event.index] = event.end

    def at(self, seconds: float) -> Scene:
        """The scene at a point of time."""
        things = []
        for i, thing in enumerate(self.scene.things):
            mine = [e for e in self.events if e.index == i]
            shown = not any(e.verb == "appear" for e in mine)
            for event in mine:
                done = float(np.clip((seconds - event.start) / (event.end - event.start), 0, 1))
                if done >= 0.5 and event.verb in ("appear", "vanish"):
                    shown = event.verb == "appear"
                thing = _after(thing, event.verb, done)
            if shown:
                things.append(thing)
        return Scene(tuple(things), self.scene.background)

    def frames(self, fps: float = 8.0, size: int = 64) -> ImageArray:
        """(frames, size, size, 3) uint8; frame i shows second i / fps."""
        count = round(self.seconds * fps)
        return np.stack([render(self.at(i / fps), size) for i in range(count)])

    def waveform(self) -> npt.NDArray[np.float32]:
        """(seconds x 16,000,) float32 in -1 to 1, silent where nothing sounds."""
        wave = np.zeros(round(self.seconds * RATE), dtype=np.float32)
        for noise in self.noises:
            part = sound(noise.name, noise.end - noise.start)
            start = round(noise.start * RATE)
            stop = min(start + len(part), len(wave))
            wave[start:stop] += part[: stop - start]
        return np.asarray(wave.clip(-1, 1), dtype=np.float32)

    def moments(self) -> list[Moment]:
        """Everything that happens and sounds, with captions, in order of time."""
        found = []
        for e in self.events:
            what = unique(self.scene, e.index) or What(self.scene.things[e.index].kind)
            phrase = Phrase(what)
            texts = everywhere(
                lambda language, e=e, p=phrase: finish(language, fill(language, language.verbs[e.verb], a=p))  # type: ignore[misc]
            )
            found.append(Moment("motion", e.start, e.end, e.verb, what, texts))
        for n in self.noises:
            texts = everywhere(lambda language, n=n: finish(language, language.sounds[n.name]))  # type: ignore[misc]
            found.append(Moment("sound", n.start, n.end, n.name, None, texts))
        return sorted(found, key=lambda m: (m.start, m.kind))

    def happens(self, verb: str, what: What) -> list[tuple[float, float]]:
        """When something that fits does that: the intervals, empty where it never does."""
        return [(e.start, e.end) for e in self.events if e.verb == verb and what.fits(self.scene.things[e.index])]


def _possible(thing: Thing, verb: str) -> bool:
    boxes = [_after(thing, verb, t).box for t in (0.5, 1.0)]
    return all(min(box) >= 0.0 and max(box) <= 1.0 for box in boxes) and 0.5 < _after(thing, verb, 1).scale < 2


def sample_movie(
    seed: int | np.random.Generator,
    world: World | None = None,
    *,
    events: int = 3,
    seconds: float = 4.0,
    aligned: bool = True,
) -> Movie:
    """A movie of one event after another, each of a thing that its attributes tell from the others.

    Args:
        seed: The same seed gives the same movie.
        world: Where the scene comes from; by default one to three things, none of which covers another.
        events: How many, 1 to 8; each gets an equal share of the time and rests at both ends of it.
        seconds: Length.
        aligned: Whether every event sounds (``SOUND_OF`` its verb); else each share of the time gets a sound of its
            own choice or silence, so that sound and picture tell different things.

    Raises:
        InputError: Too many events or too short a time.
    """
    if not 1 <= events <= 8 or seconds < 0.5 * events:
        raise InputError(f"{events} events in {seconds} s", "use 1 to 8 events of half a second or more")
    rng = np.random.default_rng(seed)
    world = world or World(things=(1, 3), arranged=0.0)
    while True:
        scene = world.sample(rng)
        told = [i for i in range(len(scene.things)) if unique(scene, i)]
        if told:
            break
    now, seen = list(scene.things), [True] * len(scene.things)
    slot, happened, noises = seconds / events, list[Event](), list[Noise]()
    for k in range(events):
        start, end = round((k + 0.15) * slot, 4), round((k + 0.85) * slot, 4)
        choices = []
        for i in told:
            first = all(e.index != i for e in happened)
            for verb in VERBS:
                fresh = first or verb != "appear"
                if seen[i] and fresh and _possible(now[i], verb) and (verb != "vanish" or sum(seen) > 1):
                    choices.append((i, verb))
        if choices:
            i, verb = pick(rng, choices)
            now[i] = _after(now[i], verb, 1)
            seen[i] = verb != "vanish"
            happened.append(Event(i, verb, start, end))
            if aligned:
                noises.append(Noise(SOUND_OF[verb], start, end))
        if not aligned and rng.random() < 0.7:
            noises.append(Noise(pick(rng, SOUNDS), start, end))
    return Movie(scene, tuple(happened), tuple(noises), seconds)
