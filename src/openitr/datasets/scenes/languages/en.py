"""English."""

from openitr.datasets.scenes.artwork import COLOURS, PATTERNS
from openitr.datasets.scenes.languages.grammar import Language, Noun

_PLURALS = {"fish": "fish", "butterfly": "butterflies"}
_KINDS = (
    "circle square triangle star heart ring diamond house tree fish car cup flower boat cat bird umbrella apple "
    "balloon butterfly key bell doll robot shirt bag chair moon thing roof sail hat"
)

ENGLISH = Language(
    code="en",
    nouns={k: Noun("n", {"1": k, "p": _PLURALS.get(k, k + "s")}) for k in _KINDS.split()},
    adjectives={word: {"": word} for word in (*COLOURS, *PATTERNS, "small", "large")},
    articles={"indef": "a", "def": "the", "no": "no", "one": "one", "bare": ""},
    numerals=[{"": n} for n in ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")],
    phrase="{article} {size} {colour} {pattern} {noun} [with {trim}]",
    relations={
        "left": "to the left of {b}",
        "right": "to the right of {b}",
        "above": "above {b}",
        "below": "below {b}",
        "on": "on top of {b}",
        "inside": "inside {b}",
        "front": "in front of {b}",
        "behind": "behind {b}",
        "bigger": "bigger than {b}",
        "smaller": "smaller than {b}",
        "nearest": "nearest to {b}",
    },
    verbs={
        "left": "{a} moves left",
        "right": "{a} moves right",
        "up": "{a} moves up",
        "down": "{a} moves down",
        "grow": "{a} grows",
        "shrink": "{a} shrinks",
        "jump": "{a} jumps",
        "appear": "{a} appears",
        "vanish": "{a} disappears",
    },
    sounds={
        "low": "a low tone sounds",
        "high": "a high tone sounds",
        "rising": "a rising tone sounds",
        "falling": "a falling tone sounds",
        "hiss": "a hiss is heard",
        "ticks": "ticking is heard",
    },
    backgrounds={
        "plain": {"": "a plain wall"},
        "meadow": {"": "a meadow"},
        "sea": {"": "the sea"},
        "night": {"": "a night sky"},
        "room": {"": "a room"},
        "snow": {"": "a snowy field"},
    },
    sentences={
        "trim": "{article} {colour} {noun}",
        "exists": "there is {x}.",
        "none": "there is {x:no}.",
        "one": "there is exactly {x:one}.",
        "count": "there are exactly {x}.",
        "related": "{a} is {rel}.",
        "unrelated": "{a:def} is not {rel}.",
        "refer": "{a:def} {rel}",
        "background": "the background is {bg}.",
        "recolour": "make {a:def} {value}.",
        "resize": "make {a:def} {value}.",
        "repattern": "make {a:def} {value}.",
        "retrim": "make {p:def} of {a:def} {value}.",
        "replace": "replace {a:def} with {b}.",
        "add": "add {x}.",
        "add near": "add {x} {rel}.",
        "remove": "remove {a:def}.",
        "move": "put {a:def} {rel}.",
        "swap": "swap {a:def} and {b:def}.",
        "set": "change the background to {bg}.",
        "ask count": "how many {x:bare p} are there?",
        "ask exists": "is there {x}?",
        "ask colour": "what colour is {x:def}?",
        "ask size": "is {x:def} small or large?",
        "ask pattern": "is {x:def} plain, striped or dotted?",
        "ask kind": "what is {rel}?",
        "ask related": "is {a:def} {rel}?",
        "ask background": "what is the background?",
    },
    words={"yes": "yes", "no": "no"},
    joins=((r"\b([Aa]) (?=[aeiou])", r"\1n "),),
)
