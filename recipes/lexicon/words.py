"""The vocabulary: words of the training texts and of the class names, and which of them a text or a class holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from openitr.encoders.lexicon import words_in
from recipes.default_model.conse import class_names

# Words that no picture shows: of grammar, of place, and of captions that speak of themselves.
_GRAMMAR = """
a an the this that these those some any each every its it it's he she his her hers him they them their
theirs we us our you your i me my is are was were be been being am has have had having do does did doing
will would can could shall should may might must and or but nor so yet if then than as while when where
which who whom whose what how why of to for from by with without at in on onto into up down off out about
after before during through toward towards upon between among against along across there here not no only
just very too also one's others other another such both either neither own same more most less least much
few all front next near around behind beside back side top photo picture image photograph scene shot view
shown shows showing show seen looks look looking like something someone
"""
GRAMMAR = frozenset(_GRAMMAR.split())


def listed(photos: list[list[str]], others: list[list[str]], rare: int = 5, learned: int = 15) -> tuple[list[str], int]:
    """Words of at least ``rare`` photos, of at least three pictures elsewhere, and of every class name; by frequency.

    Of the catalogue only the attributes are read: its titles are mostly brands. Words of at least ``learned`` photos
    come first, and how many they are is told: a head can learn them, the others are left to hints.
    """
    found: Counter[str] = Counter()
    count: Counter[str] = Counter(w for texts in photos for w in {w for t in texts for w in words_in(t)})
    found.update({w: n for w, n in count.items() if n >= rare})
    common = {w for w, n in count.items() if n >= learned}
    count = Counter(w for texts in others for w in {w for t in texts for w in words_in(t)})
    found.update({w: n for w, n in count.items() if n >= 3})
    found.update({w for names in class_names() for w in words_in(names[0])})
    wanted = [w for w in found if w not in GRAMMAR and len(w) > 2 and re.fullmatch(r"[a-z'-]+", w)]
    return sorted(wanted, key=lambda w: (w not in common, -found[w], w)), len(common.intersection(wanted))


def held_by(texts: Iterable[str], words: list[str]) -> csr_matrix:
    """(n, V) sparse 0/1: which words stand in which text."""
    place = {word: at for at, word in enumerate(words)}
    found = [sorted({place[w] for w in words_in(text) if w in place}) for text in texts]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in found])])
    columns = np.array([at for row in found for at in row], np.int64)
    return csr_matrix((np.ones(len(columns), np.float32), columns, starts), shape=(len(found), len(words)))


def of_classes(words: list[str], most: int = 4) -> Tensor:
    """(1000, 4) int64: the words of each class's plain name, padded with V for none."""
    place = {word: at for at, word in enumerate(words)}
    out = torch.full((1000, most), len(words), dtype=torch.long)
    for row, names in enumerate(class_names()):
        known = [place[w] for w in dict.fromkeys(words_in(names[0])) if w in place][:most]
        out[row, : len(known)] = torch.tensor(known, dtype=torch.long)
    return out
