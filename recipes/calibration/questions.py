"""Questions with known answers: which pictures of a domain answer a query, which might, and which do not.

A question's pictures are ``relevant`` (named by at least two captions, or by the label), ``unclear``
(named once, or a label so close that no person would call the picture wrong) and the rest. "Removed" takes
away the relevant and the unclear ones.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from recipes.calibration.concepts import NAMES, absent, content, mentions, names_of, stem, words
from recipes.default_model.corpus import flickr8k


@dataclass(frozen=True)
class Question:
    """What is asked of a domain.

    Args:
        kind: "word", "phrase", "caption" or "image".
        text: The words, "" for a picture.
        picture: Position of the picture in its domain (it is left out of the collection), -1 for words.
        relevant, unclear: Positions in the domain; both empty means that the domain does not show it.
        hidden: How many more are expected to show it although no caption says so (:func:`unnamed`).
    """

    kind: str
    text: str
    picture: int
    relevant: np.ndarray
    unclear: np.ndarray
    hidden: float = 0.0


@dataclass(frozen=True)
class Domain:
    """Pictures and what is asked of them.

    Args:
        name: Of the domain.
        files: Of the pictures.
        questions: With their answers.
        blocks: How many pictures come from each source, in order, where there are several: collections are mixed then.
    """

    name: str
    files: Sequence[Path]
    questions: Sequence[Question]
    blocks: tuple[int, ...] = ()


def _rows(folder: Path) -> list[dict[str, Any]]:
    with (folder / "captions.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _ask(kind: str, text: str, level: np.ndarray, picture: int = -1, hidden: float = 0.0) -> Question:
    """From levels per picture: 2 relevant, 1 unclear, 0 not."""
    level = level.copy()
    if picture >= 0:
        level[picture] = 0
    return Question(kind, text, picture, np.flatnonzero(level == 2), np.flatnonzero(level == 1), hidden)


def unnamed(named: np.ndarray, captions: int = 5) -> float:
    """How many pictures show a thing that none of their captions names, by capture and recapture (ours for captions).

    Writers name what a photo is about and leave out its trees and fences. When many pictures have one caption that
    names a thing and few have two, there must be others with none: at least (k - 1)/k f1 (f1 - 1) / (2 (f2 + 1)), the
    bias-corrected estimate of Chao, "Estimating the population size for capture-recapture data with unequal
    catchability", Biometrics 1987.

    Args:
        named: (n,) in how many of its captions each picture's thing is named.
        captions: k, of each picture.

    >>> round(unnamed(np.array([1, 1, 1, 2, 0])), 3), unnamed(np.array([5, 4, 5, 0]))
    (1.2, 0.0)
    """
    once, twice = int((named == 1).sum()), int((named == 2).sum())
    return (captions - 1) / captions * once * max(0, once - 1) / (2 * (twice + 1))


def _choose(items: Iterable[Any], count: int, rng: np.random.Generator) -> list[Any]:
    listed = list(items)
    return [listed[i] for i in sorted(rng.permutation(len(listed))[:count])]


def _counted(captions: Sequence[Sequence[str]]) -> tuple[np.ndarray, dict[str, int]]:
    """(pictures, stems) number of captions that hold a stem, and the column of each stem."""
    counts = [Counter(w for text in texts for w in set(words(text))) for texts in captions]
    column = {w: i for i, w in enumerate(sorted(set().union(*counts)))}
    table = np.zeros((len(counts), len(column)), np.float32)
    for row, c in enumerate(counts):
        table[row, [column[w] for w in c]] = list(c.values())
    return table, column


def photo_rows(data: Path, split: str) -> list[dict[str, Any]]:
    """Photos of a split; "held" are those that the models were never trained on."""
    held = {pair.image for pair in flickr8k(data) if pair.split == "held"}
    return [r for r in _rows(data / "flickr8k") if (r["image"] in held if split == "held" else r["split"] == split)]


def photos(data: Path, split: str, *, only: str = "", seed: int = 0) -> Domain:
    """Flickr8k photos: words, two-word phrases, captions, and pictures as queries.

    A picture answers a caption when its own captions name every content word, and might when they name
    more than half. A picture answers a picture when their captions share at least 60% of what both say in
    two captions or more.
    """
    folder = data / "flickr8k"
    rows = photo_rows(data, split)
    if only:
        rows = [r for r in rows if sum(mentions(words(text), stem(only)) for text in r["texts"]["en"]) >= 2]
    rng = np.random.default_rng(seed)
    table, column = _counted([r["texts"]["en"] for r in rows])

    def level(wanted: str) -> np.ndarray:
        """How many captions of each picture name a stem, at most 2."""
        columns = [column[w] for w in names_of(wanted) if w in column]
        return np.minimum(2, table[:, columns].sum(axis=1, dtype=np.int64))

    captions = [(row, words(text)) for row, r in enumerate(rows) for text in r["texts"]["en"]]
    places: dict[str, list[int]] = defaultdict(list)
    for place, (_, stems) in enumerate(captions):
        for one in stems:
            places[one].append(place)

    def hidden(wanted: Sequence[str]) -> float:
        naming = np.ones(len(captions), bool)
        for w in wanted:
            naming &= np.isin(np.arange(len(captions)), [p for name in names_of(w) for p in places.get(name, ())])
        return unnamed(np.bincount([captions[p][0] for p in np.flatnonzero(naming)], minlength=len(rows)))

    questions = [_ask("word", name, level(stem(name)), hidden=hidden([stem(name)])) for name in NAMES]
    missing = [q for q in absent() if not any((level(w) > 0).any() for w in content(q)[-1:])]
    questions += [_ask("word" if " " not in q else "phrase", q, np.zeros(len(rows), np.int64)) for q in missing]

    pairs: Counter[str] = Counter()
    for r in rows:
        seen: Counter[str] = Counter()
        for text in r["texts"]["en"]:
            plain = [w for w in text.lower().split() if w.isalpha()]
            seen.update({f"{a} {b}" for a, b in pairwise(plain) if len(content(f"{a} {b}")) == 2})
        pairs.update(p for p, n in seen.items() if n >= 2)
    common = sorted(p for p, n in pairs.items() if n >= max(2, len(rows) // 1000))
    for phrase in _choose(common, 250, rng):
        levels = [level(w) for w in content(phrase)]
        questions.append(_ask("phrase", phrase, np.min(levels, axis=0), hidden=hidden(content(phrase))))

    for row in _choose(range(len(rows)), 300, rng):
        text = rows[row]["texts"]["en"][int(rng.integers(5))]
        wanted = sorted(set(content(text)))
        if not wanted:
            continue
        share = np.mean([level(w) > 0 for w in wanted], axis=0)
        questions.append(_ask("caption", text, np.where(share >= 0.999, 2, np.where(share > 0.5, 1, 0))))

    telling = np.array([bool(content(w)) for w in column])
    agreed, named = ((table >= least) & telling for least in (2, 1))
    as_numbers = agreed.astype(np.float32), named.astype(np.float32)
    size = np.maximum(1, agreed.sum(axis=1))
    for row in _choose(np.flatnonzero(agreed.sum(axis=1) >= 2), 250, rng):
        forth = as_numbers[1] @ as_numbers[0][row] / size[row]
        back = as_numbers[0] @ as_numbers[1][row] / size
        share = np.minimum(forth, back)
        questions.append(_ask("image", "", np.where(share >= 0.6, 2, np.where(share > 0.34, 1, 0)), int(row)))
    return Domain(f"{only or 'all'} photos {split}", [folder / r["image"] for r in rows], questions)


PRODUCT_NAMES = {
    "Tshirts": "t-shirt",
    "Shirts": "shirt",
    "Casual Shoes": "shoes",
    "Sports Shoes": "running shoes",
    "Kurtas": "kurta",
    "Watches": "watch",
    "Handbags": "handbag",
    "Heels": "high heels",
    "Sunglasses": "sunglasses",
    "Flip Flops": "flip flops",
    "Sandals": "sandals",
    "Sweaters": "sweater",
    "Wallets": "wallet",
    "Belts": "belt",
    "Sweatshirts": "sweatshirt",
    "Socks": "socks",
    "Trousers": "trousers",
    "Formal Shoes": "formal shoes",
    "Jeans": "jeans",
    "Jackets": "jacket",
    "Backpacks": "backpack",
    "Flats": "flat shoes",
    "Shorts": "shorts",
    "Ties": "tie",
    "Caps": "cap",
    "Dresses": "dress",
    "Cufflinks": "cufflinks",
    "Perfume and Body Mist": "perfume bottle",
    "Scarves": "scarf",
    "Skirts": "skirt",
    "Tops": "top",
    "Briefs": "underwear",
}
_ALIKE = [
    {"Shoes", "Flip Flops", "Sandal"},
    {"Topwear", "Innerwear", "Dress"},
    {"Bags", "Wallets"},
    {"Scarves", "Mufflers", "Stoles"},
]


# What product photos show besides the products: people who wear them, things printed on them.
_WORN = frozenset(
    [
        "man",
        "woman",
        "child",
        "baby",
        "hat",
        "helmet",
        "sunglasses",
        "mask",
        "dress",
        "bikini",
        "swimsuit",
        "costume",
        "soccer",
        "football",
        "basketball",
        "baseball",
        "tennis",
        "hockey",
        "volleyball",
        "ball",
        "running",
        "jumping",
        "dancing",
        "flower",
        "tattoo",
        "wedding",
        "swimming",
        "ski",
        "skateboard",
        "snowboard",
        "surfboard",
        "shopping",
        "watch",
        "perfume",
        "lipstick",
        "ring",
        "crowd",
        "graffiti",
        "painting",
        "band",
        "concert",
        "boxing",
    ]
)


def products(data: Path, splits: Sequence[str], *, every: int = 1, seed: int = 0) -> Domain:
    """Fashion products: type, colour and type, catalogue titles, and pictures as queries.

    The same article type answers; another type of the same family (all shoes, all tops) might. In a phrase
    the colour must agree too.
    """
    folder = data / "fashion"
    rows = [r for r in _rows(folder) if r["split"] in splits][::every]
    rng = np.random.default_rng(seed)
    kinds = np.array([r["attributes"]["articleType"] for r in rows])
    colours = np.array([r["attributes"]["baseColour"] for r in rows])
    families = [r["attributes"]["subCategory"] for r in rows]

    def same_family(a: str) -> np.ndarray:
        group = next((g for g in _ALIKE if a in g), {a})
        return np.array([f in group for f in families])

    def level(row: int) -> np.ndarray:
        return np.where(kinds == kinds[row], 2, np.where(same_family(families[row]), 1, 0))

    first = {kind: int(np.flatnonzero(kinds == kind)[0]) for kind in PRODUCT_NAMES if (kinds == kind).any()}
    questions = [_ask("word", PRODUCT_NAMES[kind], level(row)) for kind, row in first.items()]
    nothing = np.zeros(len(rows), np.int64)
    alien = [name for name in NAMES if name not in _WORN] + [q for q in absent() if not _WORN & set(content(q))]
    for q in _choose(alien, 100, rng):
        questions.append(_ask("word" if " " not in q else "phrase", q, nothing))
    looks = sorted({(k, c) for k, c in zip(kinds, colours, strict=True) if k in PRODUCT_NAMES})
    for kind, colour in _choose(looks, 120, rng):
        base = level(first[kind])
        questions.append(
            _ask(
                "phrase",
                f"{colour.lower()} {PRODUCT_NAMES[kind]}",
                np.where((base == 2) & (colours == colour), 2, np.minimum(base, 1)),
            )
        )
    for row in _choose([i for i in range(len(rows)) if kinds[i] in PRODUCT_NAMES], 100, rng):
        questions.append(_ask("caption", rows[row]["texts"][0], level(row)))
    for row in _choose([i for i in range(len(rows)) if kinds[i] in PRODUCT_NAMES], 150, rng):
        questions.append(_ask("image", "", level(row), row))
    return Domain(f"products {'+'.join(splits)}", [folder / r["image"] for r in rows], questions)


def _labelled(
    name: str,
    folder: Path,
    rows: list[dict[str, Any]],
    label: Sequence[str],
    texts: Sequence[str],
    groups: Sequence[str],
    seed: int,
) -> Domain:
    """Pictures with one short label each: same content words answer, the same group or any shared mention might."""
    rng = np.random.default_rng(seed)
    wanted = [frozenset(content(text)) for text in label]
    said = [frozenset(content(text)) for text in texts]
    questions = []
    order = [i for i in range(len(rows)) if 1 <= len(wanted[i]) <= 4]
    asked: set[frozenset[str]] = set()
    for row in _choose(order, 500, rng):
        if wanted[row] in asked or len(asked) >= 220:
            continue
        asked.add(wanted[row])
        same = np.array([all(mentions(s, w) for w in wanted[row]) for s in wanted])
        close = np.array(
            [groups[i] == groups[row] or any(mentions(said[i], w) for w in wanted[row]) for i in range(len(rows))]
        )
        text = label[row].rstrip(".")
        kind = "word" if len(wanted[row]) == 1 else "phrase"
        questions.append(_ask(kind, text, np.where(same, 2, np.where(close, 1, 0))))
        if same.sum() >= 2:
            questions.append(_ask("image", "", np.where(same, 2, np.where(close, 1, 0)), row))
    return Domain(name, [folder / r["image"] for r in rows], questions)


def stamp_rows(data: Path) -> list[dict[str, Any]]:
    """Tux Paint stamps without letters and symbols, with an English sentence."""
    return [
        r
        for r in _rows(data / "tuxpaint")
        if r["texts"].get("en") and r["image"].endswith(".png") and not r["category"].startswith("symbols")
    ]


def stamps(data: Path, *, seed: int = 0) -> Domain:
    """Tux Paint stamps without letters and symbols, asked by their English sentence; the same folder might answer."""
    folder = data / "tuxpaint"
    rows = stamp_rows(data)
    sentences = [r["texts"]["en"].split(".")[0].split("(")[0].strip() for r in rows]
    return _labelled(
        "stamps",
        folder,
        rows,
        sentences,
        [r["texts"]["en"] for r in rows],
        [r["category"].removesuffix("/cartoon") for r in rows],
        seed,
    )
