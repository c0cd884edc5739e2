"""What a text asks for, piece by piece: this and that, this or that, and what it says is not there.

Encoders read "a dog but no people" as a dog and people. Rules of English find the negated piece, so that what can be
done about negatives (:class:`~openitr.search.Avoid`) is done about it. Only plain constructions are split; everything
else, and whatever stands in quotes, is left as it was typed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

_MOST = 1000  # characters: a text beyond that is no query, and rules are not tried on it
_FINITE = r"is|are|was|were|does|do|did|has|have|can"
_BARE = r"(?:a|an|the|any|some|one|two|three|four|five|his|her|its|their|another)"
_PLACED = r"(?:in|on|at|near|by|under|over|beside|behind|inside|outside|next|along|through|during|while|with)"
# After a conjunction or a comma a negation reaches to the end of its clause; inside a noun phrase ("a dog without a
# leash on the beach") it ends where the phrase ends. A bare "no" ("a no parking sign") is part of a name.
_OPENERS = re.compile(
    rf"""(?P<wide>
        (?:^|,|;|\.)\s*(?:(?:but|and|yet)\s+)?(?:with\s+)?(?:there\s+(?:is|are)\s+)?(?:no|not|without)\s
      | \s(?:but|and|yet)\s+(?:with\s+)?(?:there\s+(?:is|are)\s+)?(?:no|not|without)\s
      | \s(?:(?:that|who|which)\s+)?(?:(?:{_FINITE})\s+)?not\s
    ) | (?P<near>
        \s(?:with\s+no|without|except(?:\s+for)?|excluding)\s
      | \s(?:(?:that|who|which)\s+)?(?:has|have|having|wearing|shows?|showing|contains?|containing)\s+no\s
    )""",
    re.IGNORECASE | re.VERBOSE,
)
# Phrases in which the word denies nothing.
_FALSE_FRIENDS = re.compile(
    r"\bnot\s+(?:only|just|too|without|very)\b|\bno\s+(?:longer|less|more\s+than)\b", re.IGNORECASE
)
_WIDE_END = re.compile(
    rf"[;.]|\s(?:but|yet)\s|,\s*(?=(?:{_BARE}|{_PLACED}|only|just|but)\s)|,?\s(?=and\s+(?:{_BARE}|{_PLACED}|only)\s)",
    re.IGNORECASE,
)
_NEAR_END = re.compile(rf"[,;.]|\s(?=(?:but|yet|and|{_PLACED}|who|that|which|\w+ing)\s)", re.IGNORECASE)
_SCENERY = re.compile(
    r"\s*\b(?:in\s+(?:the|this|a)\s+(?:background|foreground|picture|image|photo|photograph|scene|frame|shot|view|it)"
    r"|in\s+(?:it|sight|view)|around|anywhere|at\s+all|visible)\b",
    re.IGNORECASE,
)
_LISTED = re.compile(r"\s*(?:,\s*(?:and\s+|or\s+|nor\s+)?|\bn?or\b|\band\b)\s*", re.IGNORECASE)
_HEAD = re.compile(
    r"^(?:(?:any|no|not|without|with|other|single|have|has|show|shows|contain|include)\s+)+", re.IGNORECASE
)
_TAIL = re.compile(rf"(?:\s+(?:and|but|yet|with|that|who|which|there|it|{_FINITE}))*[\s,;.]*$", re.IGNORECASE)
_COLOUR = re.compile(r"\b(?:black|white|red|green|blue|yellow|brown|gr[ae]y|pink|orange|purple)$", re.IGNORECASE)
_SHORT = re.compile(rf"\b({_FINITE})n['’]t\b", re.IGNORECASE)
_NOBODY = re.compile(r"\b(?:no[ -]one|nobody|no\s+person)\b", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|(?<!\w)'[^']*'(?!\w)|‘[^’]*’(?!\w)")
_AND = re.compile(rf"\s*,?\s+and\s+(?={_BARE}\s)|\s*,\s+(?={_BARE}\s)", re.IGNORECASE)
_OR = re.compile(r"\s*,?\s+or\s+", re.IGNORECASE)


@dataclass(frozen=True)
class Proposition:
    """One piece of a text that a picture does or does not show.

    Args:
        text: In words an encoder can read.
        negated: It must not be there.
    """

    text: str
    negated: bool = False

    def __str__(self) -> str:
        return f"not {self.text}" if self.negated else self.text


Clause: TypeAlias = tuple[Proposition, ...]
"""Alternatives: one of them is enough."""


def wanted_and_not(text: str) -> tuple[str, tuple[str, ...]]:
    """What a text asks for without what it denies, and the things it denies.

    A text without negation, or of nothing else, comes back as it is. English only.

    >>> wanted_and_not("a dog but no people")
    ('a dog', ('people',))
    >>> wanted_and_not("a man without a hat or glasses on the beach")
    ('a man on the beach', ('a hat', 'glasses'))
    >>> wanted_and_not("a no parking sign"), wanted_and_not('a sign that says "and no dogs"')[1]
    (('a no parking sign', ()), ())
    """
    if len(text) > _MOST or "\x00" in text:
        return text, ()
    # What is quoted is what a picture says, not what is said of it.
    quotes = _QUOTED.findall(text)
    numbers = iter(range(len(quotes)))
    left = _QUOTED.sub(lambda _: f"\x00{next(numbers)}\x00", text)
    left = " ".join(_NOBODY.sub("no people", _SHORT.sub(r"\1 not", left)).split())
    denied: list[str] = []
    start = 0
    while found := _OPENERS.search(left, start):
        if _FALSE_FRIENDS.match(left, found.end() - len(found[0].split()[-1]) - 1):
            start = found.end()
            continue
        before, after = left[: found.start()], left[found.end() :]
        end = (_WIDE_END if found["wide"] is not None else _NEAR_END).search(after)
        next_one = _OPENERS.search(after)
        stop = min(end.start() if end else len(after), next_one.start() if next_one else len(after))
        named = [_HEAD.sub("", piece).strip(" ,;.") for piece in _items(_SCENERY.sub("", after[:stop]))]
        named = [piece for piece in named if piece]
        if not named:
            start = found.end()
            continue
        denied += named
        left = f"{_TAIL.sub('', before)}{_joint(after[stop:])}"
        start = len(_TAIL.sub("", before))
    wanted = re.sub(r"^\W*(?:and|but|yet)\s", "", _TAIL.sub("", _SCENERY.sub("", left))).strip(" ,;.")
    # Something to look for must be left.
    if not denied or not re.sub(rf"\b{_BARE}\b", "", wanted, flags=re.IGNORECASE).strip(" ,;."):
        return text, ()
    wanted, *named = (re.sub("\x00(\\d+)\x00", lambda at: quotes[int(at[1])], part) for part in [wanted, *denied])
    return " ".join(wanted.split()), tuple(dict.fromkeys(" ".join(piece.split()) for piece in named))


def split_propositions(text: str) -> tuple[Clause, ...]:
    """The clauses of a text, all of which should hold; each has alternatives, of which one is enough.

    "And" divides where a new thing begins ("a dog and a cat", not "a black and white dog"), "or" between alternatives,
    and what is denied becomes a clause of its own. The rule-based stand-in for NDCR's trained proposition generator
    (Li et al. 2023, arXiv:2305.02265, section 3.1).

    >>> [" or ".join(map(str, clause)) for clause in split_propositions("a dog or a cat, and two birds but no people")]
    ['a dog or a cat', 'two birds', 'not people']
    """
    wanted, denied = wanted_and_not(text)
    wanted = " ".join(wanted.split())
    pieces = _AND.split(wanted) if len(wanted) <= _MOST and not _QUOTED.search(wanted) else [wanted]
    clauses: list[Clause] = []
    for piece in pieces:
        alternatives = [one.strip() for one in _OR.split(piece) if one.strip()]
        if alternatives:
            clauses.append(tuple(map(Proposition, alternatives)))
    return (*clauses, *((Proposition(one, True),) for one in denied))


def _items(listed: str) -> list[str]:
    """The things of a list; colours that share a noun stay together."""
    found: list[str] = []
    for piece in _LISTED.split(listed):
        if found and _COLOUR.search(found[-1]):
            found[-1] = f"{found[-1]} and {piece}"
        else:
            found.append(piece)
    return found


def _joint(rest: str) -> str:
    """What follows a negation, joined to what stood before it."""
    rest = re.sub(r"^\s*[,;.]?\s*(?:but|yet)\s+", " and ", rest)
    return rest if not rest or rest[0] in " ,;." else f" {rest}"
