"""What the recipe reads: pictures with their English texts, the held-out photos, the breadth list, the data hash."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

HELD_OUT, HELD_OUT_SEED = 500, 20261121
EVERY = 6  # of clip art and emoji, one in six is set aside too: a stand-in for breadth
NOT_PICTURES = ("symbols",)  # Tux Paint folders of letters, digits, notes, coins and signs


@dataclass(frozen=True)
class Pair:
    """One picture and its English texts; `split` is train, held, val or breadth."""

    source: str
    image: str
    texts: tuple[str, ...]
    split: str = "train"


def rows(data: Path, source: str) -> list[dict]:
    with (data / source / "captions.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def data_hash(data: Path, sources: list[str]) -> str:
    """SHA-256 over the caption files, in the order given."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update((data / source / "captions.jsonl").read_bytes())
    return digest.hexdigest()


def flickr8k(data: Path) -> list[Pair]:
    """Photos with five captions each; 500 of the training photos are set aside to choose settings on."""
    found = rows(data, "flickr8k")
    train = sorted(r["image"] for r in found if r["split"] == "train")
    held = set(random.Random(HELD_OUT_SEED).sample(train, HELD_OUT))
    names = {"train": "train", "extra": "train", "val": "val"}
    return [
        Pair(
            "flickr8k",
            r["image"],
            tuple(r["texts"]["en"]),
            "held" if r["image"] in held else names[r["split"]],
        )
        for r in found
        if r["texts"].get("en")
    ]


def fashion(data: Path) -> list[Pair]:
    """The catalogue title, and a phrase made of the attributes, such as "blue skirts for women"."""
    out = []
    for r in rows(data, "fashion"):
        a = r["attributes"]
        what = f"{a['baseColour']} {a['articleType']}".lower()
        texts = (r["texts"][0], what, f"{what} for {a['gender']}".lower(), f"{a['usage']} {what}".lower())
        out.append(Pair("fashion", r["image"], texts))
    return out


def openclipart(data: Path) -> list[Pair]:
    """The title, and up to four of its keywords."""
    out = []
    for r in rows(data, "openclipart"):
        words = [w.strip() for w in r["texts"][-1].split(",") if 1 < len(w.strip()) < 30]
        texts = [r["texts"][0].replace("_", " ")[:120]]
        if words:
            texts.append(", ".join(words[:4]))
        if len(r["texts"]) > 2 and 8 < len(r["texts"][1]) < 160:
            texts.append(r["texts"][1])
        out.append(Pair("openclipart", r["image"], tuple(texts), "train" if len(out) % EVERY else "held"))
    return out


def emoji(data: Path) -> list[Pair]:
    """The English name, alone and inside a short sentence."""
    out = []
    for r in rows(data, "emoji"):
        name = r["texts"].get("en")
        if name and r["category"] not in ("Symbols", "Flags"):
            out.append(
                Pair(
                    "emoji",
                    r["image"],
                    (name, f"a picture of {name}"),
                    "train" if len(out) % EVERY else "held",
                )
            )
    return out


def breadth(data: Path) -> list[Pair]:
    """Tux Paint PNGs whose English sentence is unique: photos and cut-outs. Never trained on."""
    found = rows(data, "tuxpaint")
    count = Counter(r["texts"].get("en") for r in found)
    return [
        Pair("tuxpaint", r["image"], (r["texts"]["en"],), "breadth")
        for r in found
        if r["image"].endswith(".png")
        and count[r["texts"].get("en")] == 1
        and r["texts"].get("en")
        and r["category"].split("/")[0] not in NOT_PICTURES
    ]


READERS = {
    "flickr8k": flickr8k,
    "fashion": fashion,
    "openclipart": openclipart,
    "emoji": emoji,
    "tuxpaint": breadth,
}


def load(data: Path, source: str) -> list[Pair]:
    return READERS[source](data)
