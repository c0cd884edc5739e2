"""Truth of captions, distractors, references and answers, against a second oracle in plain loops."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openitr.datasets.scenes import (
    CHANGES,
    LENGTHS,
    All,
    Backdrop,
    Count,
    Exists,
    Not,
    Related,
    Scene,
    Statement,
    Thing,
    What,
    World,
    answer,
    captions,
    dialogue,
    distractors,
    facts,
    holds,
    questions,
    refer,
    refer_by_relation,
    related,
    scene_from_json,
    visibility,
)
from openitr.datasets.scenes.scene import CONVERSE, RELATIONS
from openitr.errors import InputError

WORLD = World(things=(1, 6), arranged=0.5)
FEW = World(kinds=("circle", "square", "house"), colours=("red", "blue"), things=(2, 6), arranged=0.5)
SCENES = st.builds(lambda few, seed: (FEW if few else WORLD).sample(seed), st.booleans(), st.integers(0, 10**9))


def _matches(what: What, t: Thing) -> bool:
    for name in ("kind", "colour", "size", "pattern", "trim"):
        wanted = getattr(what, name)
        if wanted is not None and wanted != getattr(t, name):
            return False
    return True


def _stands(scene: Scene, name: str, i: int, j: int) -> bool:
    """Relations written out again, from the boxes alone."""
    a, b = scene.things[i].box, scene.things[j].box
    ax, ay, bx, by = (a[0] + a[2]) / 2, (a[1] + a[3]) / 2, (b[0] + b[2]) / 2, (b[1] + b[3]) / 2
    meet = min(a[2], b[2]) - max(a[0], b[0]) > 0.012 and min(a[3], b[3]) - max(a[1], b[1]) > 0.012
    holds_a = scene.things[j].kind in ("square", "circle") and (
        b[0] < a[0] and b[1] < a[1] and a[2] < b[2] and a[3] < b[3]
    )
    holds_b = scene.things[i].kind in ("square", "circle") and (
        a[0] < b[0] and a[1] < b[1] and b[2] < a[2] and b[3] < a[3]
    )
    sizes = scene.things[i].size, scene.things[j].size
    gaps = []
    for k, t in enumerate(scene.things):
        if k not in (i, j):
            kx, ky = (t.box[0] + t.box[2]) / 2, (t.box[1] + t.box[3]) / 2
            gaps.append(((kx - bx) ** 2 + (ky - by) ** 2) ** 0.5)
    return {
        "left": bx - ax >= 0.1,
        "right": ax - bx >= 0.1,
        "above": by - ay >= 0.1,
        "below": ay - by >= 0.1,
        "on": abs(a[3] - b[1]) <= 0.012 and b[0] < ax < b[2],
        "inside": i > j and holds_a,
        "front": i > j and meet and not holds_a,
        "behind": j > i and meet and not holds_b,
        "bigger": sizes == ("large", "small"),
        "smaller": sizes == ("small", "large"),
        "nearest": all(((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5 + 0.02 <= gap for gap in gaps),
    }[name]


def _true(scene: Scene, s: Statement) -> bool:
    if isinstance(s, Exists):
        return sum(_matches(s.what, t) for t in scene.things) > 0
    if isinstance(s, Count):
        return sum(_matches(s.what, t) for t in scene.things) == s.n
    if isinstance(s, Backdrop):
        return s.name == scene.background
    if isinstance(s, Not):
        return not _true(scene, s.statement)
    if isinstance(s, Related):
        for i, a in enumerate(scene.things):
            for j, b in enumerate(scene.things):
                if i != j and _matches(s.a, a) and _matches(s.b, b) and _stands(scene, s.name, i, j):
                    return True
        return False
    for part in s.parts:
        if s.listed and isinstance(part, Count):
            if sum(_matches(part.what, t) for t in scene.things) < part.n:
                return False
        elif not _true(scene, part):
            return False
    return True


@settings(max_examples=30, deadline=None)
@given(SCENES, st.integers(0, 99))
def test_captions_are_true_and_distractors_false(scene: Scene, seed: int) -> None:
    told = captions(scene, seed)
    assert [c.length for c in told] == list(LENGTHS)
    for c in told:
        assert _true(scene, c.statement), c.texts["en"]
        for d in distractors(scene, c.statement, seed, per_change=2):
            assert not _true(scene, d.statement), d.texts["en"]
            assert d.texts["en"] != c.texts["en"]
            assert d.change in CHANGES


@settings(max_examples=30, deadline=None)
@given(SCENES)
def test_relations_agree_with_plain_loops_and_are_antisymmetric(scene: Scene) -> None:
    n = len(scene.things)
    for name in RELATIONS:
        for i in range(n):
            for j in range(n):
                if i == j:
                    assert not related(scene, name, i, j)
                    continue
                assert related(scene, name, i, j) == _stands(scene, name, i, j), (name, i, j)
                assert name == "nearest" or not (related(scene, name, i, j) and related(scene, name, j, i))
                if name in CONVERSE:
                    assert related(scene, name, i, j) == related(scene, CONVERSE[name], j, i)
    assert all(_true(scene, fact) for brief in (True, False) for fact in facts(scene, brief=brief))


def test_every_relation_and_every_change_occurs() -> None:
    scenes = [WORLD.sample(seed) for seed in range(120)]
    names = {fact.name for scene in scenes for fact in facts(scene)}
    assert names == set(RELATIONS)
    changes = {d.change for scene in scenes[:40] for c in captions(scene) for d in distractors(scene, c.statement)}
    assert changes == set(CHANGES)


def test_front_hides_and_inside_lies_within() -> None:
    for seed in range(200):
        scene = WORLD.sample(seed)
        for i in range(len(scene.things)):
            behind = any(related(scene, "behind", i, j) for j in range(len(scene.things)))
            around = any(related(scene, "inside", j, i) for j in range(len(scene.things)))
            # What stands on a thing may, by rounding to pixels, cover one row of it.
            under = any(related(scene, "on", j, i) for j in range(len(scene.things)))
            if not behind and not around and not under:
                assert visibility(scene, 64)[i] == 1.0, (seed, i)


def test_a_distractor_changes_one_thing() -> None:
    a, b = Thing("cat", "black", "small", "plain", 0.2, 0.6), Thing("car", "red", "large", "plain", 0.7, 0.6)
    scene = Scene((a, b))
    true = Related("left", What("cat", "black"), What("car", "red"))
    found = {d.change: d.statement for d in distractors(scene, true)}
    assert found["swap attributes"] == Related("left", What("cat", "red"), What("car", "black"))
    assert found["swap roles"] == Related("left", What("car", "red"), What("cat", "black"))
    assert found["relation"] == Related("right", true.a, true.b)
    assert found["negation"] == Not(true)
    assert "count" not in found and "background" not in found
    counted = distractors(scene, Count(What(), 2))
    assert {d.statement.n for d in counted if isinstance(d.statement, Count)} <= {1, 3}
    with pytest.raises(InputError, match="not true"):
        distractors(scene, Not(true))


@settings(max_examples=30, deadline=None)
@given(SCENES)
def test_references_fit_one_thing_and_no_other(scene: Scene) -> None:
    for i, thing in enumerate(scene.things):
        for found in (refer(scene, i), refer_by_relation(scene, i)):
            if found is None:
                continue
            assert found.box == thing.box and found.index == i
            fitting = [k for k, t in enumerate(scene.things) if _matches(found.what, t)]
            if found.relation and found.anchor:
                anchors = [k for k, t in enumerate(scene.things) if _matches(found.anchor, t)]
                assert len(anchors) == 1
                fitting = [k for k in fitting if k != anchors[0] and _stands(scene, found.relation, k, anchors[0])]
            assert fitting == [i]


@settings(max_examples=30, deadline=None)
@given(SCENES, st.integers(0, 99))
def test_answers_agree_with_plain_loops(scene: Scene, seed: int) -> None:
    asked = questions(scene, seed)
    assert len({a.texts["en"] for a in asked}) == len(asked)
    for a in asked:
        q, what, other = a.question, a.question.what or What(), a.question.other or What()
        fitting = [i for i, t in enumerate(scene.things) if _matches(what, t)]
        if q.topic == "count":
            expected = str(len(fitting))
        elif q.topic == "exists":
            expected = "yes" if fitting else "no"
        elif q.topic == "background":
            expected = scene.background
        elif q.topic in ("colour", "size", "pattern"):
            (i,) = fitting
            expected = getattr(scene.things[i], q.topic)
            assert getattr(what, q.topic) is None
        else:
            (j,) = [i for i, t in enumerate(scene.things) if _matches(other, t)]
            assert q.relation
            if q.topic == "kind":
                (i,) = [i for i in range(len(scene.things)) if i != j and _stands(scene, q.relation, i, j)]
                expected = scene.things[i].kind
            else:
                (i,) = fitting
                expected = "yes" if _stands(scene, q.relation, i, j) else "no"
        assert a.answer == expected, a.texts["en"]


def test_questions_that_presume_too_much_are_refused() -> None:
    cat = Thing("cat", "black", "small", "plain", 0.2, 0.6)
    asked = questions(Scene((cat,)))[0].question
    assert answer(Scene((cat,), "snow"), asked) == "snow"
    colour = next(a.question for a in questions(Scene((cat,))) if a.question.topic == "colour")
    for things in ((), (cat, Thing("cat", "red", "small", "plain", 0.7, 0.6))):
        with pytest.raises(InputError, match="things"):
            answer(Scene(things), colour)


def test_dialogues_never_repeat_a_question() -> None:
    talk = dialogue(WORLD.sample(11), rounds=8, seed=3)
    assert len({r.texts["de"] for r in talk.rounds}) == len(talk.rounds) == 8
    assert talk == dialogue(WORLD.sample(11), rounds=8, seed=3)


@settings(max_examples=30, deadline=None)
@given(SCENES)
def test_scenes_survive_json(scene: Scene) -> None:
    assert scene_from_json(scene.to_json()) == scene


@pytest.mark.parametrize(
    "data", [{}, {"things": [{"kind": "cat"}], "background": "sea"}, {"things": 3, "background": ""}]
)
def test_what_is_no_scene_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(InputError, match="not a scene"):
        scene_from_json(data)


def test_words_outside_the_vocabulary_are_refused() -> None:
    with pytest.raises(InputError, match="'dragon'"):
        Thing("dragon", "red", "small", "plain", 0.5, 0.5)
    with pytest.raises(InputError, match="trim"):
        Thing("house", "red", "small", "plain", 0.5, 0.5)
    with pytest.raises(InputError, match="trim"):
        Thing("cat", "red", "small", "plain", 0.5, 0.5, "blue")
    with pytest.raises(InputError, match="background"):
        Scene((), "volcano")
    with pytest.raises(InputError, match="relation"):
        related(FEW.sample(1), "beside", 0, 1)
    for wrong in ({"kinds": ("dragon",)}, {"colours": ()}, {"things": (0, 2)}, {"things": (3, 9)}):
        with pytest.raises(InputError):
            World(**wrong)  # type: ignore[arg-type]


def _oracle() -> type:
    path = Path(__file__).with_name("scene_oracle.py")
    spec = importlib.util.spec_from_file_location("scene_oracle", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SceneOracle  # type: ignore[no-any-return]


def test_the_oracle_errs_as_often_as_it_is_told() -> None:
    asked = [(scene, a) for seed in range(60) for scene in [WORLD.sample(seed)] for a in questions(scene)]
    for error in (0.0, 0.3, 1.0):
        oracle = _oracle()(error, seed=1)
        wrong = sum(oracle.answer(scene, a.question) != a.answer for scene, a in asked) / len(asked)
        # Four standard deviations of a proportion over more than 1,000 questions are below 0.06.
        assert len(asked) > 1000 and abs(wrong - error) <= 0.06 * (0 < error < 1)
    statement = All((Backdrop("sea"),))
    assert _oracle()(1.0).holds(Scene((), "sea"), statement) is False and holds(Scene((), "sea"), statement)
