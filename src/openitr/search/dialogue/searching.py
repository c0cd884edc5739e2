"""What is known of a picture, as the query that finds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from openitr.errors import InputError
from openitr.search.dialogue.turns import Memory, Searcher
from openitr.search.forms import content
from openitr.types import MAX_K, Hits, Part, Query

MAX_WORDS = 120
"""Longer dialogues are cut."""
_MOST_TEXTS, _MOST_OTHERS = 24, 12
LIKED = 0.5
"""What all pictures that are close count together, where the words count 1."""
DENIED = 0.25
"""What a "no" to a question counts, where a correction counts 1: what is denied is often there in other words. Over 70
dialogues with a user who knows four captions, hits@10 after five rounds are 84.3 at 0, 81.4 at 0.25 and 75.7 at 1; 0
would leave the pictures that an honest "no" speaks against where they are."""


def asked(
    memory: Memory,
    library: Searcher,
    *,
    k: int,
    where: Mapping[str, Mapping[str, Any]],
    most_words: int = MAX_WORDS,
) -> tuple[Query, list[str]]:
    """The query, and notes on what had to be left out of it.

    What was said in each turn is a part of the query; what says less than the opening counts less, in proportion to
    its words. Pictures that are close are further parts. (ChatIR joins all turns into one text, with an encoder that
    was trained on dialogues. With the default model, over 150 photos set aside from its training, R@10 is 76.7 for
    one caption, 85.3 for three as parts and 76.7 for the same three joined.)

    Args:
        memory: With words or liked pictures in it.
        library: That has the liked pictures.
        k: Hits wanted.
        where: Filter in JSON form.
        most_words: Of the dialogue that are searched with.
    """
    from openitr.media import decode

    kept, note = newest(memory.wanted, most_words)
    notes = [note] if note else []
    parts = [Part(text=text, weight=weight) for text, weight in zip(kept, weights(kept), strict=True)]
    liked = memory.liked[-_MOST_OTHERS:]
    away = [Part(text=text, weight=DENIED) for text in memory.doubt] + [Part(text=text) for text in memory.avoid]
    negatives = away[-_MOST_OTHERS:]
    if len(liked) < len(memory.liked) or len(negatives) < len(away):
        notes.append(f"of what is close, and of what is not wanted, the newest {_MOST_OTHERS} are searched with")
    for id in liked:
        try:
            image = decode(library.thumbnail(id)).array
            parts.append(Part(image=image, weight=(LIKED if kept else 1.0) / len(liked), label=f"picture {id}"))
        except InputError as error:
            notes.append(f"picture {id} cannot be looked at: {error.message}")
    # Those that are rejected may all be among the first.
    fetch = min(MAX_K, k + len(memory.rejected))
    return Query(parts or [Part(text="a picture")], negatives, where, fetch), notes


def weights(said: Sequence[str]) -> list[float]:
    """How much each turn counts beside the opening, which counts 1.

    >>> weights(["a black dog runs on grass", "a ball", "two men in red shirts stand behind the black dog"])
    [1.0, 0.25, 1.0]
    """
    sizes = [max(1, len(content(text))) for text in said]
    return [min(1.0, size / sizes[0]) for size in sizes]


def newest(said: Sequence[str], most_words: int) -> tuple[tuple[str, ...], str]:
    """What fits into a number of words: the opening, then the newest; and a note where something does not.

    >>> newest(("a dog", "on grass", "it runs"), 4)
    (('a dog', 'it runs'), 'the dialogue is longer than 4 words: “on grass” is left out, the newest is kept')
    >>> newest(("a b c d",), 3)
    (('a b c',), 'the dialogue is longer than 3 words: its opening is cut')
    """
    if not said:
        return (), ""
    opening = said[0].split()
    if len(opening) >= most_words and (len(opening) > most_words or len(said) > 1):
        return (" ".join(opening[:most_words]),), f"the dialogue is longer than {most_words} words: its opening is cut"
    left = most_words - len(opening)
    kept, dropped = list[str](), list[str]()
    for text in reversed(said[1:]):
        size = len(text.split())
        if dropped or size > left or len(kept) == _MOST_TEXTS - 1:
            dropped.insert(0, text)
        else:
            kept.insert(0, text)
            left -= size
    if not dropped:
        return tuple(said), ""
    named = ", ".join(f"“{text}”" for text in dropped)
    note = f"the dialogue is longer than {most_words} words: {named} is left out, the newest is kept"
    return (said[0], *kept), note


def readable(memory: Memory, names: Mapping[int, str]) -> str:
    """What is searched, for people.

    >>> readable(Memory(("a dog", "on grass"), ("snow",), (7,)), {7: "rex.jpg"})
    'a dog, on grass, like rex.jpg, not snow'
    """
    liked = [f"like {names.get(id, f'picture {id}')}" for id in memory.liked]
    return ", ".join([*memory.wanted, *liked, *(f"not {text}" for text in (*memory.avoid, *memory.doubt))])


def without(hits: Hits, rejected: Sequence[int], k: int) -> Hits:
    """The first k hits that were not rejected."""
    gone = set(rejected)
    kept = [hit for hit in hits if hit.id not in gone][:k]
    return replace(hits, hits=kept, query=replace(hits.query, k=k))
