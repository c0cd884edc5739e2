"""Text taken apart so that a file name is found by its words: ``IMG_2041beachHouse.jpg`` holds img, 2041, beach, house.

Spaces go where a tokeniser for prose sees none: between letters and digits, where small letters meet a capital, and
around every Chinese, Japanese or Korean character. What is asked and what is stored are treated alike.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

# Kana, ideographs and their extensions, compatibility forms, Hangul.
_UNSPACED = (
    (0x3040, 0x30FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2FFFF),
)
# Control characters end a text, or mark words in it; here they are but gaps.
_CONTROLS = dict.fromkeys((*range(9), *range(14, 32), 127), " ")
# Words of every sentence, and of every question, say nothing of a picture; they are asked for where nothing else is.
_SAYING = r"an?|and|are|as|at|be|by|for|from|has|have|in|into|is|its?|no|not|of|on|or|that|the|their|there|this|to|with"
_ASKING = r"find|i|images?|me|my|photos?|pics?|pictures?|show|showing|shows|some|was|were|what|where|which|who"
_EVERYWHERE = re.compile(f"{_SAYING}|{_ASKING}", re.IGNORECASE)


def unspaced(character: str) -> bool:
    """Whether a script is written without spaces, so that each character counts as a word."""
    code = ord(character)
    return code >= 0x3040 and any(low <= code <= high for low, high in _UNSPACED)


def spaced(text: str) -> str:
    """A text with spaces where words begin.

    >>> spaced("IMG_2041beachHouse.jpg"), spaced("HTMLPage v2"), spaced("公園のイヌ")
    ('IMG_ 2041 beach House.jpg', 'HTML Page v 2', '公 園 の イ ヌ')
    """
    # Half characters of names that are no text cannot be stored.
    text = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode("utf-8")).translate(_CONTROLS)
    parts: list[str] = []
    before = " "
    for place, character in enumerate(text):
        after = text[place + 1 : place + 2]
        if _begins(before, character, after):
            parts.append(" ")
        parts.append(character)
        before = character
    return "".join(parts)


def _begins(before: str, character: str, after: str) -> bool:
    if before.isspace() or not character.isalnum():
        return False
    if unspaced(character) or unspaced(before):
        return True
    if character.isdigit() != before.isdigit() and (before.isalnum() or before == "_"):
        return True
    if character.isupper():
        return before.islower() or (before.isupper() and after.islower())
    return False


def wanted(text: str) -> list[str]:
    """What to look for: words, and pairs of neighbours where a script has no spaces; each once.

    >>> wanted("a photo of the dog in the park"), wanted("公園の犬"), wanted("the")
    (['dog', 'park'], ['公 園', '園 の', 'の 犬'], ['the'])
    """
    found: list[str] = []
    run: list[str] = []
    for word in [*spaced(text).split(), ""]:
        if word and unspaced(word[0]):
            run.append(word)
            continue
        found += [" ".join(pair) for pair in pairwise(run)] if len(run) > 1 else run
        run = []
        if any(character.isalnum() for character in word):
            found.append(word)
    telling = [word for word in found if not _EVERYWHERE.fullmatch(word.strip(".,;:!?'\"()"))]
    return list(dict.fromkeys(telling or found))
