"""Edits: a scene, an instruction, and the scene in which exactly that was done. Composed queries with known answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from openitr.datasets.scenes.artwork import COLOURS, PATTERNS
from openitr.datasets.scenes.backdrops import CLASHES
from openitr.datasets.scenes.captions import describe
from openitr.datasets.scenes.languages.grammar import PARTS, Phrase, choose, fill, finish, value_of
from openitr.datasets.scenes.references import unique
from openitr.datasets.scenes.sample import MAX_THINGS, World, pick, place
from openitr.datasets.scenes.scene import Scene, Thing, overlap, related
from openitr.datasets.scenes.statements import What
from openitr.datasets.scenes.words import Texts, everywhere, relation
from openitr.errors import InputError

ACTIONS: tuple[str, ...] = (
    "recolour",
    "resize",
    "repattern",
    "retrim",
    "replace",
    "add",
    "remove",
    "move",
    "swap",
    "set",
)
_PLACES = ("left", "right", "above", "below")


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit does.

    Args:
        action: One of ``ACTIONS``; "set" changes the background, "retrim" the colour of a roof, sail or hat.
        target: Fits the one thing that is changed; None for "add" and "set".
        value: The new colour, size, pattern or background.
        result: The thing that comes, for "replace" and "add".
        relation, other: Where it goes, for "move" and "add"; ``other`` alone for "swap".
    """

    action: str
    target: What | None = None
    value: str | None = None
    result: What | None = None
    relation: str | None = None
    other: What | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: the scene before, the scene after, the change, and the instruction by language."""

    before: Scene
    after: Scene
    change: Change
    texts: Texts


def instruction(change: Change) -> Texts:
    """The change as a sentence.

    >>> instruction(Change("recolour", What("house"), "green"))["fr"]
    'Rends la maison verte.'
    """
    target, other = change.target or What(), change.other or What()
    a, b, x = Phrase(target), Phrase(change.result or other), Phrase(change.result or What())
    part = Phrase(What(PARTS.get(target.kind or "", "thing")))
    key = "add near" if change.action == "add" and change.relation else change.action

    def wording(language):  # type: ignore[no-untyped-def]
        value = rel = bg = ""
        if change.action == "set":
            form = "dat" if "{bg:dat}" in language.sentences["set"] else ""
            bg = choose(language.backgrounds[change.value or ""], frozenset(form.split()))
        elif change.value:
            value = value_of(language, change.value, part if change.action == "retrim" else a, made=True)
        if change.relation:
            rel = relation(
                language, change.relation, other, "def", target if change.action == "move" else change.result
            )
        return finish(
            language, fill(language, language.sentences[key], a=a, b=b, x=x, p=part, value=value, rel=rel, bg=bg)
        )

    return everywhere(wording)


def _fits(scene: Scene, index: int, new: Thing) -> bool:
    """Whether the changed thing stays in the picture and overlaps nothing that the old one did not."""
    if min(new.box) < 0.005 or max(new.box) > 0.995:
        return False
    old = scene.things[index].box
    others = [t.box for i, t in enumerate(scene.things) if i != index]
    return not any(overlap(new.box, o) and not overlap(old, o) for o in others)


def _put(scene: Scene, index: int, new: Thing) -> Scene:
    return Scene((*scene.things[:index], new, *scene.things[index + 1 :]), scene.background)


def _relook(scene: Scene, i: int, what: What, action: str, rng: np.random.Generator) -> tuple[Scene, Change] | None:
    thing, clash = scene.things[i], CLASHES[scene.background]
    if action == "recolour":
        value = pick(rng, [c for c in COLOURS if c not in (thing.colour, thing.trim) and c not in clash])
        new = replace(thing, colour=value)
    elif action == "resize":
        value = "small" if thing.size == "large" else "large"
        new = replace(thing, size=value)
    elif action == "repattern":
        value = pick(rng, [p for p in PATTERNS if p != thing.pattern])
        new = replace(thing, pattern=value)
    else:
        if thing.trim is None:
            return None
        value = pick(rng, [c for c in COLOURS if c not in (thing.trim, thing.colour) and c not in clash])
        new = replace(thing, trim=value)
    return (_put(scene, i, new), Change(action, what, value)) if _fits(scene, i, new) else None


def _restock(
    scene: Scene, i: int, what: What, action: str, world: World, rng: np.random.Generator
) -> tuple[Scene, Change] | None:
    thing = scene.things[i]
    if action == "remove":
        return (scene.without(thing), Change(action, what)) if len(scene.things) > 1 else None
    look = world.look(rng, scene.background)
    if action == "replace":
        new = replace(look, x=thing.x, y=thing.y, size=thing.size, pattern=thing.pattern)
        if new.kind == thing.kind or not _fits(scene, i, new):
            return None
        # Size and pattern stay as they were, so the instruction does not name them.
        return _put(scene, i, new), Change(action, what, result=What(new.kind, new.colour, trim=new.trim))
    placed = place(rng, look, scene.background, scene.things)
    if placed is None or len(scene.things) >= MAX_THINGS or describe(look).among(scene):
        return None
    after = Scene((*scene.things, placed), scene.background)
    anchors = [name for name in _PLACES if related(after, name, len(scene.things), i)]
    where = (pick(rng, anchors), what) if anchors else (None, None)
    return after, Change(action, None, None, describe(look), *where)


def _move(
    scene: Scene, i: int, what: What, j: int, anchor: What, action: str, rng: np.random.Generator
) -> tuple[Scene, Change] | None:
    thing, other = scene.things[i], scene.things[j]
    if action == "swap":
        after = _put(_put(scene, i, replace(thing, x=other.x, y=other.y)), j, replace(other, x=thing.x, y=thing.y))
        boxes = [t.box for t in after.things]
        inside = all(min(boxes[k]) >= 0.005 and max(boxes[k]) <= 0.995 for k in (i, j))
        clear = not any(overlap(boxes[k], boxes[m]) for k in (i, j) for m in range(len(boxes)) if m != k)
        return (after, Change(action, what, other=anchor)) if inside and clear else None
    names = [name for name in _PLACES if not related(scene, name, i, j)]
    rest = [t for k, t in enumerate(scene.things) if k != i]
    name = pick(rng, names)
    for _ in range(12):
        new = place(rng, thing, scene.background, rest, tries=4)
        if new is not None and related(after := _put(scene, i, new), name, i, j):
            return after, Change(action, what, relation=name, other=anchor)
    return None


def edit(
    scene: Scene,
    seed: int | np.random.Generator,
    world: World | None = None,
    actions: tuple[str, ...] = ACTIONS,
) -> Edit:
    """One random edit of a scene.

    Args:
        scene: With at least one thing that its attributes tell from the others, unless "set" is allowed.
        seed: The same seed gives the same edit.
        world: Where added and replacing things come from.
        actions: Those to choose from.

    Raises:
        InputError: An unknown action, or none that can be done in this scene.
    """
    if not actions or not set(actions) <= set(ACTIONS):
        raise InputError(f"{actions!r} are no actions", "use some of " + ", ".join(ACTIONS))
    world, rng = world or World(), np.random.default_rng(seed)
    known = [(i, what) for i in range(len(scene.things)) if (what := unique(scene, i))]
    for _ in range(60):
        action, done = pick(rng, actions), None
        if action == "set":
            worn = {t.colour for t in scene.things} | {t.trim for t in scene.things if t.trim}
            free = [b for b in world.backgrounds if b != scene.background and not CLASHES[b] & worn]
            if free:
                value = pick(rng, free)
                done = Scene(scene.things, value), Change("set", value=value)
        elif known:
            i, what = pick(rng, known)
            others = [k for k in known if k[0] != i]
            if action in ("recolour", "resize", "repattern", "retrim"):
                done = _relook(scene, i, what, action, rng)
            elif action in ("replace", "add", "remove"):
                done = _restock(scene, i, what, action, world, rng)
            elif others:
                done = _move(scene, i, what, *pick(rng, others), action, rng)
        if done:
            return Edit(scene, done[0], done[1], instruction(done[1]))
    raise InputError("none of the actions can be done in this scene", "allow more actions, or take another scene")


def edits(scene: Scene, turns: int, seed: int | np.random.Generator, world: World | None = None) -> list[Edit]:
    """A chain of edits, each on what the one before it left: multi-turn composed queries."""
    rng, chain = np.random.default_rng(seed), list[Edit]()
    for _ in range(turns):
        chain.append(edit(chain[-1].after if chain else scene, rng, world))
    return chain
