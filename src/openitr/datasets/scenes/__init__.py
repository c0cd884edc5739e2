"""A synthetic world with exact ground truth: rendered scenes, and everything that is true of them.

Scenes are drawn from a :class:`World` by seed. What can be asked of one: the picture, boxes and masks, captions of
three lengths in five languages, distractors that one change made false, referring expressions, edits with their
instructions, questions with answers, dialogues, and movies with sound whose moments are known.

>>> scene = World(things=(2, 2)).sample(3)
>>> render(scene, 64).shape, masks(scene, 64).shape, len(captions(scene))
((64, 64, 3), (2, 64, 64), 3)
>>> all(holds(scene, c.statement) for c in captions(scene))
True
"""

from openitr.datasets.scenes.artwork import COLOURS, KINDS, PATTERNS, SHAPES, SIZES
from openitr.datasets.scenes.backdrops import BACKGROUNDS
from openitr.datasets.scenes.captions import (
    CHANGES,
    LENGTHS,
    Caption,
    Distractor,
    caption,
    captions,
    describe,
    distractors,
    facts,
)
from openitr.datasets.scenes.draw import boxes, masks, render, visibility
from openitr.datasets.scenes.edits import ACTIONS, Change, Edit, edit, edits, instruction
from openitr.datasets.scenes.languages import LANGUAGES, Language
from openitr.datasets.scenes.movies import VERBS, Event, Moment, Movie, Noise, sample_movie
from openitr.datasets.scenes.pairs import make_pairs
from openitr.datasets.scenes.questions import Asked, Dialogue, Question, answer, ask, dialogue, questions
from openitr.datasets.scenes.references import Reference, refer, refer_by_relation, unique
from openitr.datasets.scenes.sample import World
from openitr.datasets.scenes.scene import RELATIONS, Scene, Thing, related, scene_from_json
from openitr.datasets.scenes.sounds import RATE, SOUNDS, sound
from openitr.datasets.scenes.statements import All, Backdrop, Count, Exists, Not, Related, Statement, What, holds
from openitr.datasets.scenes.subcaptions import SubCaption, make_sub_captions
from openitr.datasets.scenes.words import Texts, name, say, word

__all__ = [
    "ACTIONS",
    "BACKGROUNDS",
    "CHANGES",
    "COLOURS",
    "KINDS",
    "LANGUAGES",
    "LENGTHS",
    "PATTERNS",
    "RATE",
    "RELATIONS",
    "SHAPES",
    "SIZES",
    "SOUNDS",
    "VERBS",
    "All",
    "Asked",
    "Backdrop",
    "Caption",
    "Change",
    "Count",
    "Dialogue",
    "Distractor",
    "Edit",
    "Event",
    "Exists",
    "Language",
    "Moment",
    "Movie",
    "Noise",
    "Not",
    "Question",
    "Reference",
    "Related",
    "Scene",
    "Statement",
    "SubCaption",
    "Texts",
    "Thing",
    "What",
    "World",
    "answer",
    "ask",
    "boxes",
    "caption",
    "captions",
    "describe",
    "dialogue",
    "distractors",
    "edit",
    "edits",
    "facts",
    "holds",
    "instruction",
    "make_pairs",
    "make_sub_captions",
    "masks",
    "name",
    "questions",
    "refer",
    "refer_by_relation",
    "related",
    "render",
    "sample_movie",
    "say",
    "scene_from_json",
    "sound",
    "unique",
    "visibility",
    "word",
]
