"""What is counted, by hand; and the estimate of wrong pairs on scores whose truth is known."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openitr import encoders
from openitr.datasets import PairDataset, read
from openitr.datasets.pair import Pair
from openitr.embeddings import DenseEmbeddings
from openitr.errors import DatasetError
from openitr.media.prepare import Preparation
from openitr.train.advise import advise
from openitr.train.survey import estimate, labels, survey
from openitr.types import ImageArray


def png(colour: tuple[int, int, int], size: tuple[int, int] = (20, 10)) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, colour).save(made, "PNG")
    return made.getvalue()


class Redness:
    """A judge that reads a picture's red and green and a text's two numbers."""

    spec, kind, dim, fingerprint, preparation = "redness", "dense", 2, "", Preparation(8)

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        return DenseEmbeddings.normalise(np.array([image[0, 0, :2] for image in images], np.float32) + 1)

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        return DenseEmbeddings.normalise(np.array([[int(w) for w in t.split()] for t in texts], np.float32) + 1)


def plain(n: int, wrong: int = 0) -> PairDataset:
    """Pictures of one colour each and their red and green as text; the first ``wrong`` have their neighbour's."""
    colours = [(int(250 * np.cos(a)), int(250 * np.sin(a)), 7) for a in np.linspace(0.02, 1.5, n)]
    order = np.random.default_rng(0).permutation(n)
    told = np.arange(n)
    told[order[:wrong]] = np.roll(order[:wrong], 1)
    rows = [
        Pair(f"{i}.png", png(colours[i]), {"en": f"{colours[t][0]} {colours[t][1]}"})
        for i, t in enumerate(told.tolist())
    ]
    return PairDataset(rows, "colours")


def test_counts_by_hand() -> None:
    rows = [Pair(str(i), png((i, 0, 0)), {"en": [f"word {i}"], "de": "Wort"}) for i in range(18)]
    rows += [
        Pair("a", png((99, 0, 0)), {"en": ["A  dog", "x y z"]}),
        Pair("b", png((99, 0, 0), (30, 10)), {"en": "a dog"}),
    ]
    rows += [Pair("c", png((5, 0, 0)), {"en": "other"}), Pair("d", b"no picture", {"en": "more"})]
    seen = survey(PairDataset(rows, "pets"), "en", sample=100)
    assert (seen.pictures, seen.texts, seen.most_texts) == (22, 23, 2)
    assert seen.shared_texts == 2 / 22, "case and blanks do not make texts differ"
    assert seen.same_pictures == 2 / 22, "5.png and c"
    assert seen.unreadable == pytest.approx(1 / 22)
    assert seen.side == 20
    assert dict(seen.languages) == {"en": 22, "de": 18}
    assert seen.words[0] == 2
    assert seen.noise is None and seen.judge == ""
    assert seen.to_json()["shared_texts"] == 0.091


def test_too_few_are_refused() -> None:
    with pytest.raises(DatasetError, match="too few"):
        survey(plain(19), "en")
    with pytest.raises(DatasetError, match="no text in 'de'"):
        survey(plain(20), "de")


def test_the_estimate_by_hand() -> None:
    """Six pairs, p = 0, 0, 1, 1/5, 3/5, 2/5 by counting; twice two of six above one half; two at or below 1/20."""
    scores = np.zeros((6, 6), np.float32)
    better = [0, 0, 5, 1, 3, 2]
    for row, many in enumerate(better):
        scores[row] = -1.0
        scores[row, row] = 0.0
        scores[row, [c for c in range(6) if c != row][:many]] = 1.0
    assert estimate(scores) == (pytest.approx(2 * 2 / 6), pytest.approx(2 / 6))


def test_ties_are_shared() -> None:
    assert estimate(np.ones((9, 9), np.float32))[0] == 0.0, "all alike: every p is one half, none above"


@pytest.mark.parametrize("wrong", [0, 60, 120])
def test_planted_wrong_pairs_are_found(wrong: int) -> None:
    """p of a wrong pair is even over 0 to 1; with 300 pairs three standard errors are below 0.16."""
    seen = survey(plain(300, wrong), "en", encoder=Redness(), sample=300)
    assert seen.noise == pytest.approx(wrong / 300, abs=0.16)
    assert seen.known is not None and seen.known > 0.9 * (1 - wrong / 300)
    assert seen.judge == "redness"


@pytest.mark.slow
@pytest.mark.real_data
def test_swapped_captions_of_photos_are_counted(real_data: Path) -> None:
    """120 photos that the shipped model has not seen, 36 with another's captions: three standard errors are 0.3."""
    data = read(real_data / "flickr8k").language("en").split("val").take(120)
    rows = list(data)
    told = [rows[(at + 1) % 36] if at < 36 else pair for at, pair in enumerate(rows)]
    swapped = PairDataset([Pair(p.id, p.image, t.texts) for p, t in zip(rows, told, strict=True)], "swapped")
    seen = survey(swapped, "en", encoder=encoders.load("default"), sample=120)
    assert seen.noise == pytest.approx(0.3, abs=0.3) and seen.noise > 0.05
    assert seen.known == pytest.approx(0.7, abs=0.1)
    assert advise(seen)["objective"].startswith("small-loss")


def test_a_small_sample_estimates_nothing() -> None:
    assert survey(plain(99), "en", encoder=Redness()).noise is None


def test_labels_group_every_picture_and_may_be_nested() -> None:
    def row(i: int) -> Pair:
        nested = {"season": "abc"[i % 3], "code": str(i)}
        return Pair(
            str(i),
            b"",
            {"en": "x"},
            "",
            {"kind": i % 2, "of": nested, "list": ["a"], "only": "z"} | ({"some": 1} if i else {}),
        )

    found = labels(PairDataset([row(i) for i in range(12)]))
    assert [(one.field, one.values, one.per_value) for one in found] == [("of.season", 3, 4.0), ("kind", 2, 6.0)]
