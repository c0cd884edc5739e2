"""SORCE: small things are found by the best of several vectors per picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from openitr.embeddings import TokenEmbeddings
from openitr.systems.card import Budget, Card, Check, Outcome
from openitr.types import ImageArray

if TYPE_CHECKING:
    from PIL import Image

    from openitr.datasets import PairDataset

AREAS = (0.02, 0.08, 0.32)
STAMPS, SCENES, SIDE, GREY = 240, 48, 780, (238, 238, 236)


def experiment(budget: Budget) -> Outcome:
    """Stamps the model knows by name, pasted small and large into photographs; found by one vector and by ten."""
    from openitr import datasets, encoders
    from openitr.encoders.regions import Regions
    from openitr.evaluate.small_objects import SmallObjectEvaluator
    from openitr.index import ManyIndex, MemoryIndex

    encoder = Regions(encoders.load("default"), "grid")
    parts = len(encoder.boxes)
    rng = np.random.default_rng(budget.seed)
    stamps, names = cutouts(datasets.read(budget.data("tuxpaint")), STAMPS, rng)
    alone = Regions(encoder.base, "whole").encode_images([pasted(None, stamp, 0.6, rng, 260) for stamp in stamps])
    words = encoder.encode_texts(names)
    scores = words.score(alone)
    known = np.flatnonzero((scores >= scores.diagonal()[:, None]).sum(axis=1) == 1)[:SCENES]
    words = words[known]
    photos = datasets.read(budget.data("flickr8k")).split("val")
    found = {area: scenes(photos, [stamps[i] for i in known], area, rng) for area in AREAS}
    bags = {area: encoder.encode_images(pictures) for area, pictures in found.items()}
    evaluate = SmallObjectEvaluator(())
    owner = np.arange(len(known))
    one, many = {}, {}
    for area, bag in bags.items():
        whole, best = words.values @ bag.values[::parts].T, words.score(bag)
        one[area] = evaluate(whole, owner, np.full(len(known), area))[0]
        many[area] = evaluate(best, owner, np.full(len(known), area))[0]
    gain = {area: many[area].t2i["R@1"] - one[area].t2i["R@1"] for area in AREAS}
    small = bags[AREAS[0]]
    lowered = float((words.score(small) - words.values @ small.values[::parts].T).min())
    index = ManyIndex(MemoryIndex("dense", encoder.dim), slots=parts)
    index.add(owner, small)
    ranked = index.search(words, 10)
    by_hand = brute_force(words, small, 10)
    agree = float(np.mean([r.ids.tolist() == hand for r, hand in zip(ranked, by_hand, strict=True)]))
    return Outcome(
        [
            Check(
                "things that cover 2% of a photo: R@1 of the whole and a 3 x 3 grid of parts is > 15 points above that "
                "of the whole alone",
                {
                    "R@1, 2%, one vector": round(one[0.02].t2i["R@1"], 1),
                    "R@1, 2%, ten vectors": round(many[0.02].t2i["R@1"], 1),
                    "I2T R@1, 2%, one vector": round(one[0.02].i2t["R@1"], 1),
                    "I2T R@1, 2%, ten vectors": round(many[0.02].i2t["R@1"], 1),
                    "gain at 2%": round(gain[0.02], 1),
                },
                gain[0.02] > 15,
            ),
            Check(
                "the gain shrinks as the thing grows: from 2% over 8% to 32% of the photo",
                {
                    "R@1, 8%, one vector": round(one[0.08].t2i["R@1"], 1),
                    "R@1, 8%, ten vectors": round(many[0.08].t2i["R@1"], 1),
                    "R@1, 32%, one vector": round(one[0.32].t2i["R@1"], 1),
                    "R@1, 32%, ten vectors": round(many[0.32].t2i["R@1"], 1),
                    "gain at 8%": round(gain[0.08], 1),
                    "gain at 32%": round(gain[0.32], 1),
                },
                gain[0.02] > gain[0.08] > gain[0.32],
            ),
            Check(
                "no pair's score falls, the index finds what all scores say, and ten vectors take ten times the room",
                {
                    "lowest change of a score": lowered,
                    "queries answered as by all scores": agree,
                    "bytes, ten vectors to one": small.values.nbytes / small.values[::parts].nbytes,
                },
                lowered >= -1e-6 and agree == 1 and small.values.nbytes == parts * small.values[::parts].nbytes,
            ),
        ],
        f"{len(known)} Tux Paint stamps of {len(stamps)} that the default model names rightly when they fill the "
        "picture, each pasted into a photo of Flickr8k val at a random place; the gallery are the pictures of one size",
        [
            "The paper's embeddings come from a multimodal LLM told where to look; here the parts are cut out.",
        ],
    )


def cutouts(data: PairDataset, many: int, rng: np.random.Generator) -> tuple[list[Image.Image], list[str]]:
    """Stamps with a transparent border, cut to what is opaque, as RGBA pictures, and their English names, all unlike.

    Args:
        data: Tux Paint.
        many: At most so many, drawn at random.
        rng: Of the draw.
    """
    from PIL import Image

    found: dict[str, Image.Image] = {}
    for row in rng.permutation(len(data)):
        pair = data[int(row)]
        name = (pair.texts.get("en") or ("",))[0].strip()
        symbol = str(pair.metadata.get("category", "")).startswith("symbols")
        if symbol or not pair.id.endswith(".png") or not name or name in found or len(found) == many:
            continue
        picture = Image.open(io.BytesIO(pair.read())).convert("RGBA")
        opaque = picture.getchannel("A")
        box = opaque.getbbox()
        if box is not None and opaque.getextrema()[0] == 0:
            found[name] = picture.crop(box)
    return list(found.values()), list(found)


def pasted(
    photo: ImageArray | None, stamp: Image.Image, area: float, rng: np.random.Generator, side: int = SIDE
) -> ImageArray:
    """A photo, or plain grey, stretched to a square, with a stamp whose frame covers a share ``area`` of it."""
    from PIL import Image

    ground = Image.new("RGB", (side, side), GREY)
    if photo is not None:
        ground = Image.fromarray(photo).resize((side, side), Image.Resampling.BICUBIC)
    scale = (area * side * side / (stamp.width * stamp.height)) ** 0.5
    width, height = (min(side, max(1, round(length * scale))) for length in stamp.size)
    left, top = int(rng.random() * (side - width + 1)), int(rng.random() * (side - height + 1))
    small = stamp.resize((width, height), Image.Resampling.LANCZOS)
    ground.paste(small, (left, top), small)
    return np.asarray(ground)


def scenes(
    photos: PairDataset, stamps: Sequence[Image.Image], area: float, rng: np.random.Generator
) -> list[ImageArray]:
    """Every stamp in a photo of its own, the same photo at every size."""
    from openitr.media.images import decode

    return [pasted(decode(photos[row].read()).array, stamp, area, rng) for row, stamp in enumerate(stamps)]


def brute_force(queries: TokenEmbeddings, pictures: TokenEmbeddings, k: int) -> list[list[int]]:
    """Rows of the k best pictures per one-vector query, by the maximum over each picture's vectors."""
    best = np.stack([(queries.values @ pictures[[row]].values.T).max(axis=1) for row in range(len(pictures))], axis=1)
    return [np.lexsort((np.arange(len(row)), -row))[:k].tolist() for row in best]


CARD = Card(
    slug="sorce",
    title="SORCE: Small Object Retrieval in Complex Environments",
    year=2025,
    family="encoders",
    claim="Several embeddings per picture, told where to look, find small things that a single one misses.",
    parts=(
        "openitr.encoders.regions.Regions",
        "openitr.index.ManyIndex",
        "openitr.evaluate.small_objects.SmallObjectEvaluator",
    ),
    experiment=experiment,
)
