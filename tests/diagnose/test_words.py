"""Word order: the edits themselves, and two models of which one reads order and one does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.datasets.scenes import World
from openitr.diagnose.words import choice, content_words, replaced, scene_changes, shuffled, swapped, word_order
from openitr.embeddings import DenseEmbeddings
from openitr.errors import InputError
from openitr.media.prepare import Preparation
from openitr.types import ImageArray

CAPTIONS = [
    "a black dog chases a white cat",
    "two children throw a ball over the fence",
    "an old man reads a newspaper on a bench",
    "the woman paints a boat near the harbour",
]


class Bag:
    """Texts as counts of words (or of pairs of neighbours); pictures are numbers of captions, as colour."""

    spec, kind, dim, fingerprint = "bag", "dense", 512, "bag-0123456789abcdef"
    preparation = Preparation(4)

    def __init__(self, pairs: bool) -> None:
        self.pairs = pairs

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            words = text.split()
            for piece in [" ".join(pair) for pair in pairwise(words)] if self.pairs else words:
                row[sum(ord(c) * 31**i for i, c in enumerate(piece)) % self.dim] += 1
        return DenseEmbeddings.normalise(rows + 1e-3)

    def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
        return self.encode_texts([CAPTIONS[int(image[0, 0, 0])] for image in images])


PICTURES = [np.full((4, 4, 3), number, np.uint8) for number in range(4)]


@given(
    st.lists(st.sampled_from(["dog", "Dog", "a", "the", "red", "x-ray", "été"]), min_size=0, max_size=8),
    st.integers(0, 9),
)
def test_edits_keep_or_change_exactly_what_they_say(words: list[str], seed: int) -> None:
    text, rng = " ".join(words), np.random.default_rng(seed)
    if (other := shuffled(text, rng)) is not None:
        assert other != text and Counter(other.split()) == Counter(words)
    else:
        assert len(set(words)) < 2
    if (other := swapped(text, rng)) is not None:
        apart = [i for i, (a, b) in enumerate(zip(words, other.split(), strict=True)) if a != b]
        assert len(apart) == 2 and Counter(other.split()) == Counter(words)
        assert not {words[i].lower() for i in apart} & {"a", "the"}
    else:
        assert len(set(content_words(text))) < 2
    if (other := replaced(text, ["zebra"], rng)) is not None:
        apart = [i for i, (a, b) in enumerate(zip(words, other.split(), strict=True)) if a != b]
        assert len(apart) == 1 and other.split()[apart[0]] == "zebra"
    else:
        assert not content_words(text)


def test_a_bag_of_words_cannot_tell_and_a_reader_of_pairs_can() -> None:
    found = {}
    for pairs in (False, True):
        model = Bag(pairs)
        found[pairs] = word_order(model, model.encode_images(PICTURES), CAPTIONS, np.arange(4))
    assert found[False].swapped.right == found[False].shuffled.right == 0.5, "ties count half"
    assert found[False].likeness == pytest.approx(1, abs=1e-5)
    assert found[True].swapped.right == found[True].shuffled.right == 1
    assert found[False].replaced.right == found[True].replaced.right == 1
    assert found[True].likeness < 0.9
    true, false = found[True].examples[0]
    assert Counter(true.split()) == Counter(false.split()) and true != false


def test_choice_counts_ties_half_and_says_how_sure() -> None:
    found = choice(np.array([1.0, 1, 0, 0.5]), np.array([0.0, 0, 0, 1]))
    assert (found.right, found.pairs) == ((1 + 1 + 0.5 + 0) / 4, 4)
    assert found.error == pytest.approx((0.625 * 0.375 / 4) ** 0.5)


def test_scene_changes_of_a_model_that_reads_nothing_is_a_coin() -> None:
    class Deaf(Bag):
        def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
            return DenseEmbeddings(np.tile(np.eye(1, self.dim, dtype=np.float32), (len(texts), 1)))

        def encode_images(self, images: Sequence[ImageArray]) -> DenseEmbeddings:
            return self.encode_texts([""] * len(images))

    found = scene_changes(Deaf(False), 6, size=32, world=World(things=(2, 2), patterns=("plain",)))
    assert {"object", "swap attributes", "swap roles", "relation"} <= set(found)
    assert all(c.right == 0.5 for c in found.values())


def test_texts_without_two_words_are_refused() -> None:
    model = Bag(False)
    with pytest.raises(InputError, match="two words"):
        word_order(model, model.encode_images(PICTURES[:1]), ["dog"], np.zeros(1, np.int64))
