"""Plain use: small and middle-sized folders of mixed pictures, asked for "dog", "a dog", "a red shirt".

Photos, products, clip art and emoji (or stamps) lie in one domain, of which :func:`recipes.calibration.trials.trials`
draws folders of all mixtures. Nouns are told apart by a hash: half of them are asked when fitting, the others when
reading, and the pictures are others as well.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recipes.calibration.concepts import NAMES, absent, content, names_of, stem, words
from recipes.calibration.questions import (
    PRODUCT_NAMES,
    Domain,
    Question,
    _ask,
    _choose,
    _rows,
    photo_rows,
    stamp_rows,
    unnamed,
)
from recipes.default_model import corpus

PEOPLE = frozenset(
    "person man woman child baby boy girl lady guy kid people someone adult toddler infant teenager player".split()  # noqa: SIM905
)
# Stands on pictures without anyone naming it: where it is not named it is unclear, and not absent.
_SCENERY = frozenset(
    (  # noqa: SIM905
        "tree flower grass water snow mountain rock building street road table food book hat cap shirt shoe ball hair "
        "hand face eye leaf plant clothes jacket jeans trousers shorts dress sky cloud sun sunglasses glasses bottle "
        "animal toy painting smoking running jumping dancing top flag camera field"
    ).split()
)
_GARMENTS = frozenset({"Apparel", "Accessories"})
_NO_ARTICLE = frozenset("grass snow water food graffiti broccoli lightning cheese smoke fire underwear dice".split())  # noqa: SIM905
_COLOURS = frozenset("red blue green black white yellow brown pink purple orange grey".split())  # noqa: SIM905


@dataclass(frozen=True)
class Shown:
    """A picture and what is known to be on it.

    Args:
        file: Where it lies.
        source: photos, products, drawings or stamps.
        texts: What was written of it.
        clothes: Whether it shows a piece of clothing, which somebody may wear.
    """

    file: Path
    source: str
    texts: tuple[str, ...]
    clothes: bool = False


def fit_pictures(data: Path, every: int = 4) -> list[Shown]:
    """Photos held out of training, training products, and the clip art and emoji set aside."""
    rows = [r for r in _rows(data / "fashion") if r["split"] == "train"][::every]
    drawn = [(data / p.source / p.image, p.texts) for p in corpus.openclipart(data) if p.split == "held"]
    drawn += [(data / p.source / p.image, p.texts[:1]) for p in corpus.emoji(data) if p.split == "held"]
    return [*_photos(data, "held"), *_products(data, rows), *(Shown(f, "drawings", t) for f, t in drawn)]


def read_pictures(data: Path) -> list[Shown]:
    """Photos, products and stamps that neither a model nor the calibration saw."""
    rows = [r for r in _rows(data / "fashion") if r["split"] in ("val", "test")]
    found = stamp_rows(data)
    stamps = [Shown(data / "tuxpaint" / r["image"], "stamps", (r["texts"]["en"],)) for r in found]
    return [*_photos(data, "val"), *_products(data, rows), *stamps]


def _photos(data: Path, split: str) -> list[Shown]:
    return [Shown(data / "flickr8k" / r["image"], "photos", tuple(r["texts"]["en"])) for r in photo_rows(data, split)]


def _products(data: Path, rows: Sequence[dict]) -> list[Shown]:
    made = []
    for r in rows:
        a = r["attributes"]
        name = PRODUCT_NAMES.get(a["articleType"], a["articleType"].lower())
        family = a["subCategory"].lower()
        made.append(
            Shown(
                data / "fashion" / r["image"],
                "products",
                (f"{a['baseColour']} {name}".lower(), family),
                a["masterCategory"] in _GARMENTS,
            )
        )
    return made


class Known:
    """What the pictures of a domain are known to show, asked by word.

    Args:
        pictures: Of the domain.
    """

    def __init__(self, pictures: Sequence[Shown]) -> None:
        self.pictures = pictures
        self.source = np.array([p.source for p in pictures])
        self.clothes = np.array([p.clothes for p in pictures])
        self._said: dict[str, np.ndarray] = {}
        counts = [Counter(w for text in p.texts for w in set(words(text))) for p in pictures]
        for row, count in enumerate(counts):
            for word, n in count.items():
                self._said.setdefault(word, np.zeros(len(pictures), np.int64))[row] = n
        self.first = [set(words(p.texts[0])) for p in pictures]
        self._captions = [[set(words(t)) for t in p.texts] for p in pictures if p.source == "photos"]
        self.peopled = self._named(PEOPLE) > 0

    def _named(self, stems: Iterable[str]) -> np.ndarray:
        """(n,) how many texts of each picture name one of these."""
        found = [self._said[s] for s in stems if s in self._said]
        return np.sum(found, axis=0) if found else np.zeros(len(self.pictures), np.int64)

    def level(self, word: str) -> np.ndarray:
        """(n,) 2 shown, 1 unclear, 0 not, for one stem."""
        names = PEOPLE if word == "person" else names_of(word)
        named = self._named(names)
        photo = self.source == "photos"
        first = np.array([not names.isdisjoint(f) for f in self.first])
        level = np.where(photo, np.minimum(2, named), np.where(first, 2, np.minimum(1, named)))
        if word in PEOPLE:
            # Somebody of unknown age; models in clothes; drawn faces.
            level = np.where((level == 0) & (self.peopled | self.clothes | (self.source == "drawings")), 1, level)
        if word in _SCENERY or word in _WORN_STEMS:
            dressed = photo & self.peopled if word in _WORN_STEMS else np.ones(len(level), bool)
            level = np.where((level == 0) & dressed & ~((self.source == "products") & ~self.clothes), 1, level)
        return level

    def levels(self, text: str) -> np.ndarray:
        """(n,) for a text: every content word shown; unclear where more than half of them might be."""
        wanted = sorted(set(content(text))) or ["person"]
        each = np.array([self._coloured(w) if w in _COLOURS else self.level(w) for w in wanted])
        full = (each == 2).all(axis=0)
        return np.where(full, 2, np.where((each > 0).mean(axis=0) > 0.5, 1, 0))

    def _coloured(self, word: str) -> np.ndarray:
        """Colours are named of products; a photo may show any."""
        said = self._named({word})
        return np.where(self.source == "products", 2 * (said > 0), np.where(said > 1, 2, 1))

    def hidden(self, text: str) -> float:
        """How many photos are expected to show it although no caption says so."""
        wanted = set(content(text)) or {"person"}
        names = [names_of(w) for w in wanted]
        named = [sum(all(not n.isdisjoint(t) for n in names) for t in texts) for texts in self._captions]
        return unnamed(np.array(named))


_WORN_STEMS = frozenset(stem(w) for name in PRODUCT_NAMES.values() for w in name.split()[-1:])


EVERYDAY = frozenset({*NAMES, *PRODUCT_NAMES.values(), "person"})


def bare(text: str) -> str:
    """Without its article."""
    return re.sub("^(a|an|the) ", "", text)


def share(noun: str) -> bool:
    """Whether a noun belongs to the half that is asked when fitting."""
    return hashlib.sha256(stem(noun.split()[-1]).encode()).digest()[0] % 2 == 0


def nouns(pictures: Sequence[Shown]) -> list[str]:
    """What people might look for: everyday names, product names, labels of one word, and things that are nowhere."""
    labels = Counter()
    for p in pictures:
        if p.source in ("drawings", "stamps"):
            plain = [w for w in re.findall("[a-z]+", p.texts[0].lower()) if content(w)]
            if len(plain) == 1 and len(plain[0]) > 2:
                labels[plain[0]] += 1
    vocabulary = {w for p in pictures if p.source == "photos" for t in p.texts for w in words(t)} | {
        stem(w) for n in absent() for w in n.split()
    }
    usual = [w for w in labels if stem(w) in vocabulary]
    return sorted({*NAMES, *PRODUCT_NAMES.values(), *(bare(q) for q in absent()), *usual, "person"})


def forms(noun: str) -> list[str]:
    """As it may be typed: alone, and with an article where it takes one."""
    last = noun.split()[-1]
    if noun in _NO_ARTICLE or last.endswith(("s", "ing")) or " of " in noun or " with " in noun:
        return [noun]
    return [noun, f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"]


def questions(known: Known, fitted: bool, seed: int) -> list[Question]:
    """Nouns of one half in their forms, coloured products, and two things together, in a few words."""
    rng = np.random.default_rng(seed)
    half = [n for n in nouns(known.pictures) if share(n) == fitted]
    made = []
    for noun in half:
        level, hidden = known.levels(noun), known.hidden(noun)
        made += [
            _ask("word" if len(noun.split()) == 1 else "phrase", form, level, hidden=hidden) for form in forms(noun)
        ]
    looks = Counter(p.texts[0] for p in known.pictures if p.source == "products" and p.texts[0].split()[0] in _COLOURS)
    common = sorted(text for text, n in looks.items() if n >= 2 and share(text) == fitted)
    for text in _choose(common, 40, rng):
        made.append(_ask("phrase", text if text.endswith("s") else f"a {text}", known.levels(text)))
    things = [n for n in half if n in NAMES]
    pairs = []
    shown = {n: (known.level(stem(n)) == 2) & (known.source == "photos") for n in things}
    for a in things:
        for b in things:
            if names_of(stem(a)).isdisjoint(names_of(stem(b))) and (shown[a] & shown[b]).sum() >= 3:
                pairs.append((a, b))
    for a, b in _choose(pairs, 80, rng):
        text = f"{forms(a)[-1]} {('and', 'with', 'near')[int(rng.integers(3))]} {forms(b)[-1]}"
        made.append(_ask("phrase", text, known.levels(f"{a} {b}"), hidden=known.hidden(f"{a} {b}")))
    for a, b in _choose([(a, b) for a in things for b in things if a < b], 40, rng):
        text = f"{forms(a)[-1]} and {forms(b)[-1]}"
        made.append(_ask("phrase", text, known.levels(f"{a} {b}"), hidden=known.hidden(f"{a} {b}")))
    return made


def plain(pictures: Sequence[Shown], *, fitted: bool, seed: int = 0) -> Domain:
    """The domain of mixed folders."""
    known = Known(pictures)
    blocks = list(dict.fromkeys(p.source for p in pictures))
    sizes = [int((known.source == b).sum()) for b in blocks]
    return Domain("plain", [p.file for p in pictures], questions(known, fitted, seed), tuple(sizes))
