"""What people say in a conversation, read without a language model: answers, corrections, numbers of hits, free words.

English only; what is not understood is taken as words that the picture fits, which is right more often than not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from openitr.errors import QueryError
from openitr.search.dialogue.turns import Question, Step
from openitr.search.forms import singular

_YES = frozenset(("yes", "y", "yeah", "yep", "sure", "correct", "right", "true", "indeed", "exactly"))
_NO = frozenset(("no", "n", "nope", "nah", "wrong", "false"))
_UNSURE = re.compile(
    r"skip|pass|maybe|unsure|idk|dunno|either|no idea|(?:i am |i'm |i’m )?not sure"
    r"|(?:i )?(?:do not|don't|don’t|dont) know|(?:i )?(?:can't|can’t|cannot) (?:say|tell)"
    r"|(?:it )?(?:does not|doesn't|doesn’t) matter"
)
_NEITHER = re.compile(r"none|neither|(?:none|neither|no one) of (?:these|those|them)|something else|other")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")

_THING = r"(?:\s+(?:one|hit|picture|photo|image))"
_NTH = "|".join(_ORDINALS)
# A hit by its number, or by its place: "3", "#3", "number 3", "the 3rd", "the third one".
_HIT = rf"(?:the\s+)?(?:number\s+|#\s*)?(?:\d{{1,5}}(?:st|nd|rd|th)?|(?:{_NTH})){_THING}?"
_LIKE = re.compile(rf"(?:(?:more|something|it is|it's)\s+)?like\s+(?P<one>{_HIT})\b\s*(?P<rest>.*)")
_CLOSE = re.compile(
    rf"(?P<one>{_HIT})\s+(?:is|looks)\s+(?:very\s+)?(?:close|similar|nearly it|almost it)\b\s*(?P<rest>.*)"
)
_REJECT = re.compile(
    r"(?:(?:it is|it's)\s+)?(?:not|no|never|without|less like|nothing like|not like|reject|drop)\s+"
    rf"(?P<list>{_HIT}(?:\s*(?:,|and|or)+\s*{_HIT})*)"
)
_NUMBER = re.compile(rf"(?P<place>\d{{1,5}})|(?P<word>{_NTH})")

# "like 3 dogs playing" counts dogs; "like 3 on grass" and "like 3, but at night" name a hit.
_COUNTED = re.compile(
    r"like\s+(?P<many>\d+\s+(?!(?:and|but|or|only|just|with|without|in|on|at|by|near|not|no|under|over|from|of|for|while"
    r"|where|when|please|instead|too|as|is|looks|one|hit|picture|photo|image)\b)(?P<noun>\w+).*)"
)

_LEAD = r"(?:it is|it's|it was|it has|there is|there's|there are|there was|there were|i see|i want)"
_NO_MORE = r"(?:no|not|without|never|nothing|except)"
_WHO = r"(?:it|there|that|this|he|she|they|we|you|i)"
_AUXILIARY = r"(?:is|are|was|were|has|have|had|does|do|did|can|could|will|would|should|must|may|might)"
# "isn't", "can not", "cannot", "won't": what comes behind is denied.
_NOT = rf"(?:(?:{_AUXILIARY}|ca|wo|ai)n(?:'|’)t|(?:{_AUXILIARY}|can)(?:\s+not|not)|{_AUXILIARY}\s+no\s+longer)"
_DENIED = rf"(?:{_WHO}\s+)?{_NOT}"
# "and" joins what is wanted with more of it; only a negation after it begins a clause of its own.
_CLAUSES = re.compile(
    rf"\s*[.;!?]\s+|\s*[,.;!?]\s*$|\s*,\s*(?=(?:but|and|{_NO_MORE}|{_LEAD}|{_DENIED})\b)|\s+but\s+|\s+(?=(?:without|except)\s)"
    rf"|\s+and\s+(?=(?:{_NO_MORE}|{_DENIED})\s)",
    re.I,
)
_NEGATED = re.compile(
    rf"(?:(?:and|but|with|definitely|certainly|{_LEAD})\s+)*"
    r"(?:not(?:\s+(?:with|like|of|a\s+picture\s+of))?|no(?:\s+(?:more|longer))?|without|never|nothing|except(?:\s+for)?"
    rf"|{_DENIED}(?:\s+(?:be|been|have|has|had|show|see|want|wear|wearing|contain|include|need|like|me))*)"
    r"\s+(?:any\s+)?(?:(?:more|longer)\s+)?(?P<what>.+)",
    re.I,
)
_FILLER = re.compile(
    r"^(?:(?:and|but|also|then|well|ok|okay|please|actually|instead|rather|i think|show me|give me|find|look for"
    rf"|{_LEAD})\b[\s,:]*)+",
    re.I,
)


def read(said: str, *, question: Question | None, shown: Sequence[int], first: bool) -> Step:
    """What a sentence changes.

    Args:
        said: By the user.
        question: What was asked last, where something was.
        shown: Ids of the hits that are on the screen, in order; numbers in the sentence count from 1.
        first: Whether nothing was said before: then "no" begins no answer ("no parking sign").

    Raises:
        QueryError: Nothing was said, or a number of a hit that is not there.

    >>> read("more like the second one, but not at night", question=None, shown=[40, 50], first=False)
    Step(adds=(), avoids=('at night',), liked=(50,), rejected=(), instead=False, doubts=())
    >>> read("2", question=None, shown=[40, 50], first=False).liked
    (50,)
    >>> ask = Question("Is there a dog in it?", ("yes", "no"), 1.0, ("a dog", ""), ("", "a dog"))
    >>> read("no, a cat", question=ask, shown=[], first=False)
    Step(adds=('a cat',), avoids=(), liked=(), rejected=(), instead=False, doubts=('a dog',))
    """
    said = " ".join(said.split())
    if not said:
        raise QueryError("nothing was said", "say what the picture shows, or which hits are close")
    lower = said.lower()
    if not first and lower.isascii() and lower.isdigit():
        return Step(liked=tuple(_ids(lower, shown)))
    counted = _COUNTED.search(lower)
    if counted and len(lower) == len(said) and (first or _plural(counted["noun"])):
        return _clauses(said[counted.start("many") :], first)
    if found := (_LIKE.fullmatch(lower) or _CLOSE.fullmatch(lower)):
        liked = tuple(_ids(found["one"], shown))
        rest = said[found.start("rest") :].strip(" ,;.") if len(lower) == len(said) else found["rest"].strip(" ,;.")
        more = _clauses(rest, False) if rest else Step()
        return Step(more.adds, more.avoids, liked, ())
    if not first and (found := _REJECT.fullmatch(lower.rstrip(".!"))):
        return Step(rejected=tuple(_ids(found["list"], shown)))
    answered, rest = _answered(said, question)
    if not rest:
        return answered
    more = _clauses(rest, first)
    return Step(answered.adds + more.adds, more.avoids, doubts=answered.doubts)


def answered(said: str, question: Question | None, step: Step) -> bool:
    """Whether a sentence is plain without a language model: it names hits, or is an answer and nothing else.

    >>> ask = Question("Where?", ("a beach", "a street"), 1.0, ("on a beach", "on a street"), ("", ""))
    >>> [answered(said, ask, Step()) for said in ("beach", "not sure", "two men talking")]
    [True, True, False]
    """
    _, rest = _answered(" ".join(said.split()), question)
    return not rest or bool((step.liked or step.rejected) and not (step.adds or step.avoids))


def _answered(said: str, question: Question | None) -> tuple[Step, str]:
    """What an answer changes, and the words that are left; all of them where it is no answer."""
    if question is None:
        return Step(), said
    head, _, rest = said.partition(",")
    head = head.strip(" .!?").lower()
    whole = said.strip(" .!?").lower()
    if _UNSURE.fullmatch(whole):
        return Step(), ""
    if _UNSURE.fullmatch(head):
        return Step(), rest.strip()
    for names, option in ((_YES, "yes"), (_NO, "no")):
        first, _, after = said.partition(" ")
        if option in question.options and (head in names or whole in names):
            return _meaning(question, option), rest.strip() if head in names else ""
        if option in question.options and first.strip(" ,.!").lower() in names - {"n", "y", "right", "no"}:
            return _meaning(question, option), after.strip(" ,.")
    if "yes" in question.options:
        return Step(), said
    if whole in _NO or _NEITHER.fullmatch(whole):
        # What is offered may be true in other words ("mountainside"): none of it is held against a picture.
        return Step(), ""
    for option in question.options:
        if whole == option.lower() or _bare(whole) == _bare(option):
            return _meaning(question, option), ""
    return Step(), said


def _meaning(question: Question, option: str) -> Step:
    at = question.options.index(option)
    adds = question.adds[at] if question.adds else ""
    denied = question.avoids[at] if question.avoids else ""
    return Step((adds,) if adds else (), doubts=(denied,) if denied else ())


def _clauses(said: str, first: bool) -> Step:
    """Free words, negated ones apart."""
    adds, avoids = list[str](), list[str]()
    for number, clause in enumerate(_CLAUSES.split(said)):
        clause = (clause or "").strip(" ,.;!")
        found = _NEGATED.fullmatch(clause)
        if found and not (first and number == 0):
            avoids.append(found["what"].strip(" ,.;!"))
            continue
        kept = _FILLER.sub("", clause).strip() or clause
        adds += [kept] if kept else []
    return Step(tuple(adds), tuple(avoids))


def _plural(noun: str) -> bool:
    return singular(noun) != noun or noun in ("people", "men", "women", "children")


def _bare(words: str) -> str:
    """Without articles and prepositions at the front.

    >>> _bare("On a Beach")
    'beach'
    """
    return re.sub(r"^(?:(?:a|an|the|on|in|at|by|of|it is|it's|with|some)\s+)+", "", words.lower())


def _ids(listed: str, shown: Sequence[int]) -> list[int]:
    """Hits that are named by their places, as ids."""
    places = [
        int(one["place"]) if one["place"] else 1 + _ORDINALS.index(one["word"]) for one in _NUMBER.finditer(listed)
    ]
    for place in places:
        if not 1 <= place <= len(shown):
            there = f"there are {len(shown)}, numbered from 1" if shown else "search first"
            raise QueryError(f"there is no hit {place}", there)
    return [int(shown[place - 1]) for place in places]
