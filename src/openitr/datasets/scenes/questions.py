"""Questions about scenes, with the answers that follow from them; dialogues made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from openitr.datasets.scenes.artwork import COLOURS, KINDS
from openitr.datasets.scenes.captions import Caption, caption
from openitr.datasets.scenes.languages import Language
from openitr.datasets.scenes.languages.grammar import Phrase, choose, fill, finish
from openitr.datasets.scenes.references import unique
from openitr.datasets.scenes.sample import pick
from openitr.datasets.scenes.scene import CONVERSE, RELATIONS, Scene, related
from openitr.datasets.scenes.statements import Exists, Related, What, holds
from openitr.datasets.scenes.words import Texts, everywhere, name, relation, word
from openitr.errors import InputError

Topic = Literal["count", "exists", "colour", "size", "pattern", "kind", "related", "background"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question in structured form.

    Args:
        topic: "count" and "exists" ask of things that fit ``what``; "colour", "size", "pattern" of the one that does;
            "kind" for the one thing that stands in ``relation`` to ``other``; "related" whether ``what`` does.
        what, relation, other: As the topic needs.
    """

    topic: Topic
    what: What | None = None
    relation: str | None = None
    other: What | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its answer: as a word of the vocabulary, a numeral, "yes" or "no", and in words by language."""

    question: Question
    answer: str
    texts: Texts
    answers: Texts


def _one(scene: Scene, what: What | None) -> int:
    found = (what or What()).among(scene)
    if len(found) != 1:
        raise InputError(
            f"{what} fits {len(found)} things", "ask of a thing that its description tells from the others"
        )
    return found[0]


def answer(scene: Scene, question: Question) -> str:
    """The answer: "red", "3", "yes", "car", "meadow".

    Raises:
        InputError: The question presumes one thing where there is none or several.

    >>> from openitr.datasets.scenes.scene import Thing
    >>> cat = Thing("cat", "black", "small", "plain", 0.2, 0.6)
    >>> scene = Scene((cat, Thing("car", "red", "large", "plain", 0.7, 0.6)))
    >>> answer(scene, Question("kind", relation="right", other=What("cat")))
    'car'
    """
    what, other = question.what or What(), question.other or What()
    match question.topic:
        case "count":
            return str(len(what.among(scene)))
        case "exists":
            return "yes" if holds(scene, Exists(what)) else "no"
        case "background":
            return scene.background
        case "colour" | "size" | "pattern":
            return str(getattr(scene.things[_one(scene, what)], question.topic))
        case "related":
            _one(scene, what), _one(scene, other)
            return "yes" if holds(scene, Related(question.relation or "", what, other)) else "no"
        case "kind":
            j = _one(scene, other)
            found = [i for i in range(len(scene.things)) if related(scene, question.relation or "", i, j)]
            if len(found) != 1:
                raise InputError(f"{len(found)} things are {question.relation} of it", "ask where there is one")
            return scene.things[found[0]].kind
    raise InputError(f"there is no topic {question.topic!r}")


def wording(question: Question) -> Texts:
    """The question in every language.

    >>> wording(Question("colour", What("house")))["de"]
    'Welche Farbe hat das Haus?'
    """
    what, other = question.what or What(), question.other or What()

    def text(language: Language) -> str:
        rel = relation(language, question.relation, other, "def", what) if question.relation else ""
        phrase = Phrase(what)
        return finish(
            language, fill(language, language.sentences["ask " + question.topic], x=phrase, a=phrase, rel=rel)
        )

    return everywhere(text)


def wording_of_answer(question: Question, value: str) -> Texts:
    """An answer in every language; numbers stay numerals."""
    match question.topic:
        case "count":
            return everywhere(lambda language: value)
        case "exists" | "related":
            return everywhere(lambda language: language.words[value])
        case "background":
            return everywhere(lambda language: choose(language.backgrounds[value], frozenset()))
        case "kind":
            return name(What(value))
        case _:
            return word(value, question.what or What())


def ask(scene: Scene, question: Question) -> Asked:
    """The question, answered and worded.

    Raises:
        InputError: As :func:`answer`.
    """
    value = answer(scene, question)
    return Asked(question, value, wording(question), wording_of_answer(question, value))


def questions(scene: Scene, seed: int | np.random.Generator = 0) -> list[Asked]:
    """Every sort of question that the scene can answer, no question twice, as many yes as no where both are possible.

    Args:
        scene: With at least one thing.
        seed: For what is asked of things that are not there.
    """
    rng, found = np.random.default_rng(seed), [Question("background")]
    for i, thing in enumerate(scene.things):
        found += [Question("count", What(thing.kind)), Question("count", What(colour=thing.colour))]
        found.append(Question("exists", What(thing.kind, thing.colour)))
        there = {(t.kind, t.colour) for t in scene.things}
        absent = [What(k, c) for k in (thing.kind, pick(rng, KINDS)) for c in COLOURS if (k, c) not in there]
        found.append(Question("exists", pick(rng, absent)))
        topics: tuple[Topic, ...] = ("colour", "size", "pattern")
        for topic in topics:
            # The description must not give the answer away.
            what = next((w for w in _without(scene, i, topic)), None)
            if what is not None:
                found.append(Question(topic, what))
    known = [(i, what) for i in range(len(scene.things)) if (what := unique(scene, i))]
    for j, other in known:
        for relation_name in RELATIONS:
            standing = [i for i in range(len(scene.things)) if related(scene, relation_name, i, j)]
            if len(standing) == 1 and (relation_name != "nearest" or len(scene.things) > 2):
                found.append(Question("kind", relation=relation_name, other=other))
        for i, what in known:
            for relation_name in CONVERSE:
                if i != j and related(scene, relation_name, i, j):
                    found.append(Question("related", what, relation_name, other))
                    found.append(Question("related", what, CONVERSE[relation_name], other))
    return [ask(scene, question) for question in dict.fromkeys(found)]


def _without(scene: Scene, index: int, topic: str) -> list[What]:
    thing = scene.things[index]
    choices = [What(thing.kind)]
    choices += [What(thing.kind, **{a: getattr(thing, a)}) for a in ("colour", "size", "pattern") if a != topic]
    return [what for what in choices if what.among(scene) == [index]]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A first caption and rounds of questions and answers about one scene; no question comes twice."""

    caption: Caption
    rounds: tuple[Asked, ...]


def dialogue(scene: Scene, rounds: int = 10, seed: int | np.random.Generator = 0) -> Dialogue:
    """A dialogue of at most ``rounds`` rounds in random order, opened by a sentence."""
    rng = np.random.default_rng(seed)
    opening, left = caption(scene, "sentence", rng), questions(scene, rng)
    drawn = [left.pop(int(rng.random() * len(left))) for _ in range(min(rounds, len(left)))]
    return Dialogue(opening, tuple(drawn))
