"""Several languages on the same pictures: an oracle in plain loops, the photos that take part, the command."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from openitr.datasets import Pair, PairDataset
from openitr.embeddings import DenseEmbeddings
from openitr.errors import DatasetError, InputError, ShapeError
from openitr.evaluate.by_language import between_languages, compare_languages
from openitr.media.prepare import Preparation
from openitr.types import ImageArray


class Shades:
    """Pictures of one grey, and texts that name it: right in "en", off by what the word says elsewhere."""

    spec, kind, dim, fingerprint = "shades", "dense", 64, "f00d"
    preparation = Preparation(8)

    def _vector(self, number: int) -> np.ndarray:
        return np.random.default_rng(number).normal(size=self.dim)

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        return DenseEmbeddings.normalise(np.stack([self._vector(int(image[0, 0, 0])) for image in images]))

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        return DenseEmbeddings.normalise(np.stack([self._vector(int(text.split()[-1])) for text in texts]))


def grey(number: int) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 8), (number,) * 3).save(data, "PNG")
    return data.getvalue()


def shades(many: int = 30) -> PairDataset:
    """Every third picture has no German; what there is is wrong for every fourth; French is that of a stranger."""
    pairs = []
    for i in range(many):
        texts = {"en": [f"grey {i}", f"a grey of {i}"], "fr": [f"gris {200 + i}"]}
        if i % 3:
            texts["de"] = [f"grau {i if i % 4 else 100 + i}"]
        pairs.append(Pair(str(i), grey(i), texts, "val" if i < 24 else "train"))
    return PairDataset(pairs, "shades")


def test_only_pictures_that_all_languages_describe_take_part() -> None:
    found = compare_languages(shades(), Shades(), ["en", "de"], samples=20)
    wanted = [i for i in range(24) if i % 3]
    assert found.protocol["images"] == len(wanted) and found.protocol["split"] == "val"
    en, de = found.rows
    assert (en.t2i["R@1"], en.behind, en.behind_interval) == (100.0, 0.0, (0.0, 0.0))
    right = [i for i in wanted if i % 4]
    assert de.t2i["R@1"] >= 100 * len(right) / len(wanted) > de.t2i["R@1"] - 15
    assert de.behind == pytest.approx(en.t2i["R@10"] - de.t2i["R@10"])
    assert de.behind_interval[0] <= de.behind <= de.behind_interval[1]


def test_the_lot_that_draws_texts_is_seeded() -> None:
    one, same = (compare_languages(shades(), Shades(), ["en", "fr"], samples=10, seed=4).to_json() for _ in range(2))
    assert json.dumps(one) == json.dumps(same)


@pytest.mark.parametrize("languages", [[], ["en"], ["en", "en"]])
def test_two_languages_or_more(languages: list[str]) -> None:
    with pytest.raises(InputError, match="two or more"):
        compare_languages(shades(), Shades(), languages)


def test_a_language_that_is_not_there_is_named() -> None:
    with pytest.raises(DatasetError, match="'xx'"):
        compare_languages(shades(), Shades(), ["en", "xx"])


def test_no_picture_in_common() -> None:
    pairs = PairDataset([Pair("a", grey(1), {"en": "one 1"}), Pair("b", grey(2), {"de": "zwei 2"})], "two")
    with pytest.raises(DatasetError, match="no picture has a text in each"):
        compare_languages(pairs, Shades(), ["en", "de"])


def test_table_has_a_row_a_language() -> None:
    columns, rows = compare_languages(shades(), Shades(), ["en", "de", "fr"], samples=20).table()
    assert [row[0] for row in rows] == ["en", "de", "fr"]
    assert all(len(row) == len(columns) for row in rows) and rows[0][-2:] == ["", ""]


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 30), st.integers(0, 1000))
def test_against_plain_loops(many: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    images, en, de = (DenseEmbeddings.normalise(rng.normal(size=(many, 4))) for _ in range(3))
    first, second = between_languages(images, {"en": en, "de": de}, samples=5)
    for row, texts in ((first, en), (second, de)):
        within = 0
        for i in range(many):
            scores = [float(texts.values[i] @ images.values[j]) for j in range(many)]
            within += sum(s >= scores[i] for j, s in enumerate(scores) if j != i) < 10
        assert row.t2i["R@10"] == pytest.approx(100 * within / many)
    assert second.behind == pytest.approx(first.t2i["R@10"] - second.t2i["R@10"])


def test_one_text_a_picture() -> None:
    e = DenseEmbeddings(np.eye(4, dtype=np.float32))
    with pytest.raises(ShapeError, match="one text a picture"):
        between_languages(e, {"en": e, "de": e[:3]})
    with pytest.raises(InputError, match="no language"):
        between_languages(e, {})
