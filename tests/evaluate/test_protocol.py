from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from openitr import datasets
from openitr.datasets import Pair, PairDataset
from openitr.embeddings import DenseEmbeddings, TokenEmbeddings
from openitr.encoders.base import Encoder
from openitr.errors import DatasetError, ShapeError
from openitr.evaluate import evaluate, evaluate_embeddings
from openitr.media.prepare import Preparation
from openitr.types import ImageArray


class Colours:
    """Knows pictures of one colour, and texts that name their number."""

    spec, kind, dim, fingerprint = "colours", "dense", 64, "f00d"
    preparation = Preparation(8)

    def __init__(self) -> None:
        self.shapes: set[tuple[int, ...]] = set()

    def _vector(self, number: int) -> np.ndarray:
        return np.random.default_rng(number).normal(size=self.dim)

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        self.shapes |= {image.shape for image in images}
        return DenseEmbeddings.normalise(np.stack([self._vector(int(image[0, 0, 0])) for image in images]))

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        return DenseEmbeddings.normalise(np.stack([self._vector(int(text.split()[-1])) for text in texts]))


def png(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 10), (number, 0, 0)).save(file, "PNG")
    return file.getvalue()


def made(n: int = 40, split: str = "test") -> PairDataset:
    texts = [{"en": [f"a picture {i}", f"number {i}"], "de": [f"Nummer {i}"]} for i in range(n)]
    return PairDataset([Pair(f"p{i}", png(i), texts[i], split) for i in range(n)], "colours")


def test_a_perfect_model() -> None:
    encoder = Colours()
    assert isinstance(encoder, Encoder)
    lines: list[str] = []
    data = made()
    report = evaluate(data, encoder, progress=lines.append)
    found = report.to_json()
    best = {"R@1": 100.0, "R@5": 100.0, "R@10": 100.0, "MedR": 1.0, "MeanR": 1.0, "mAP": 100.0}
    assert found["t2i"] == best and found["i2t"] == best and found["RSUM"] == 600.0
    assert set(found) == {"t2i", "i2t", "RSUM", "intervals", "protocol"}
    assert found["intervals"]["sum"]["RSUM"] == [600.0, 600.0]
    protocol = found["protocol"]
    assert (protocol["dataset"], protocol["split"], protocol["lang"]) == ("colours", "test", "en")
    assert (protocol["images"], protocol["texts"], protocol["texts_per_image"]) == (40, 80, [2, 2])
    assert (protocol["model"], protocol["model_fingerprint"], protocol["seed"]) == ("colours", "f00d", 0)
    assert protocol["data_hash"] == data.split("test").language("en").content_hash()
    assert protocol["dropped"] == [] and protocol["notes"] == [] and protocol["texts_shared_by_images"] == 0
    assert json.loads(json.dumps(found)) == found
    assert encoder.shapes == {(8, 8, 3)}
    assert lines[-1] == "ranking" and any("pictures 32 of 40" in line for line in lines)
    heads, rows = report.table()
    assert heads == ["", "text to image", "image to text"] and rows[0] == ["R@1", *["100.0 [100.0, 100.0]"] * 2]


def test_pictures_that_cannot_be_decoded_go_with_their_texts() -> None:
    rows = list(made(10))
    rows[3] = Pair("broken", b"not a picture", rows[3].texts, "test")
    rows[5] = Pair("gone", Path("/nowhere/x.jpg"), rows[5].texts, "test")
    report = evaluate(PairDataset(rows, "colours"), Colours(), samples=0)
    protocol = report.protocol
    assert (protocol["images"], protocol["texts"]) == (8, 16)
    assert [row["id"] for row in protocol["dropped"]] == ["broken", "gone"]
    assert all(row["reason"] for row in protocol["dropped"])
    assert protocol["notes"] == ["2 pictures could not be decoded and were left out with their texts"]
    assert report.rsum == 600 and report.intervals == {}
    assert protocol["data_hash"] == PairDataset(rows).language("en").content_hash()
    with pytest.raises(DatasetError, match="none of 1 pictures can be decoded, first broken"):
        evaluate(PairDataset([rows[3]]), Colours())


def test_a_text_belongs_to_its_own_pictures_alone() -> None:
    rows = [Pair(f"p{i}", png(i), {"en": "the same 0"}, "test") for i in range(4)]
    report = evaluate(PairDataset(rows), Colours(), samples=0)
    assert report.protocol["texts_shared_by_images"] == 4
    # All texts are alike, so for each of the four pictures three wrong texts tie with the right one.
    assert report.i2t["MedR"] == 4
    # Picture 0 is what the texts say, so its text finds it first and the other three texts find it before theirs.
    assert report.t2i["R@1"] == 25.0


def test_the_split_is_test_else_val_else_all() -> None:
    small = {name: list(made(6, name)) for name in ("test", "val", "train")}

    def having(*names: str) -> PairDataset:
        rows = [Pair(f"{n}/{p.id}", p.image, p.texts, n) for n in names for p in small[n]]
        return PairDataset(rows, "few")

    def used(data: PairDataset, split: str | None = None) -> tuple[str, int]:
        protocol = evaluate(data, Colours(), split=split, samples=0).protocol
        return protocol["split"], protocol["images"]

    assert used(having("train", "val", "test")) == ("test", 6)
    assert used(having("train", "val")) == ("val", 6)
    assert used(having("train")) == ("all", 6)
    assert used(having("train", "val"), "train") == ("train", 6)
    assert used(having("train", "val"), "all") == ("all", 12)
    assert "all pairs were used" in evaluate(having("train"), Colours(), samples=0).protocol["notes"][0]
    with pytest.raises(DatasetError, match=r"no split 'test' \(there is: train \(6\), val \(6\)\)"):
        used(having("train", "val"), "test")


def test_the_language_is_en_or_the_only_one() -> None:
    def having(*langs: str) -> PairDataset:
        return PairDataset([Pair(f"p{i}", png(i), {c: f"{c} {i}" for c in langs}, "test") for i in range(3)], "few")

    def used(data: PairDataset, lang: str = "en") -> tuple[str, int]:
        protocol = evaluate(data, Colours(), lang=lang, samples=0).protocol
        return protocol["lang"], len(protocol["notes"])

    assert used(having("de", "en")) == ("en", 0)
    assert used(having("de", "en"), "de") == ("de", 0)
    assert used(having("und")) == ("und", 1)
    assert used(having("und"), "fr") == ("und", 1)
    assert used(having("de")) == ("de", 1)
    for data, lang in ((having("de", "fr"), "en"), (having("de"), "fr")):
        with pytest.raises(DatasetError, match=rf"no text in '{lang}' \(there is: de \(3\)"):
            used(data, lang)


def test_pictures_without_texts_are_in_the_gallery_and_ask_nothing() -> None:
    images = DenseEmbeddings(np.eye(4, dtype=np.float32))
    texts = DenseEmbeddings.normalise(np.array([[1.0, 0, 0, 2], [0, 1, 0, 0]]))
    report = evaluate_embeddings(images, texts, [0, 1])
    assert report.t2i["MeanR"] == 1.5, "the first text prefers picture 3, which has no text"
    assert report.i2t["R@1"] == 100


def test_late_embeddings_and_intervals_around_the_number() -> None:
    rng = np.random.default_rng(0)
    values = DenseEmbeddings.normalise(rng.normal(size=(60, 6))).values
    images = TokenEmbeddings(values, np.arange(0, 61, 3))
    texts = TokenEmbeddings(
        DenseEmbeddings.normalise(values + 0.4 * rng.normal(size=(60, 6))).values, np.arange(0, 61, 3)
    )
    report = evaluate_embeddings(images, texts, np.arange(20), samples=200, seed=1)
    for direction, numbers in (("t2i", report.t2i), ("i2t", report.i2t)):
        for name, (low, high) in report.intervals[direction].items():
            assert low <= numbers[name] <= high
    again = evaluate_embeddings(images, texts, np.arange(20), samples=200, seed=1)
    assert again.to_json() == report.to_json()
    low, high = report.intervals["sum"]["RSUM"]
    assert low <= report.rsum <= high


@pytest.mark.parametrize(
    ("owner", "says"), [([0], "2 texts, owners of shape"), ([0, 2], "not among the 2"), ([0, -1], "not among the 2")]
)
def test_owners_that_do_not_fit(owner: list[int], says: str) -> None:
    two = DenseEmbeddings(np.eye(2, dtype=np.float32))
    with pytest.raises(ShapeError, match=says):
        evaluate_embeddings(two, two, owner)
    with pytest.raises(ShapeError, match="pictures are dense, texts late"):
        evaluate_embeddings(two, TokenEmbeddings(two.values, np.array([0, 1, 2])), [0, 1])
    with pytest.raises(ShapeError, match="no texts"):
        evaluate_embeddings(two, two[:0], [])


class Chance(Colours):
    """Gives every input a vector that depends on nothing in it but its checksum."""

    spec = "chance"

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        return DenseEmbeddings.normalise(np.stack([self._vector(crc32(i.tobytes())) for i in images]))

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        return DenseEmbeddings.normalise(np.stack([self._vector(crc32(t.encode())) for t in texts]))


@pytest.mark.real_data
def test_a_model_that_guesses_scores_like_one(real_data: Path) -> None:
    report = evaluate(datasets.read(real_data / "flickr8k"), Chance(), samples=100)
    protocol = report.protocol
    assert (protocol["split"], protocol["images"], protocol["texts"]) == ("val", 1000, 5000)
    assert protocol["texts_per_image"] == [5, 5]
    # Text to image: ten of 1,000 places, 1% of 5,000 texts; independent texts would spread by 0.14, five captions of
    # one photo a little more, 0.6 is four deviations. Image to text: 1 - (1 - 5/5000)^10, 1% of 1,000 photos with a
    # spread of 0.31; 1.3 is four deviations.
    assert report.t2i["R@10"] == pytest.approx(1.0, abs=0.6)
    assert report.i2t["R@10"] == pytest.approx(1.0, abs=1.3)
    # Uniform ranks have their median at 500 with a spread of about 1.25 * 289 / sqrt(5000); six deviations.
    assert report.t2i["MedR"] == pytest.approx(500, abs=30)
    # The best of five among 5,000 stands at about 5000 * (1 - 0.5^(1/5)) = 647 in the middle.
    assert report.i2t["MedR"] == pytest.approx(647, abs=120)
    assert report.t2i["mAP"] < 2
