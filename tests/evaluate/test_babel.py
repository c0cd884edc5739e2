"""Prompt means and class subsets against plain loops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from openitr.embeddings import DenseEmbeddings
from openitr.errors import InputError, ShapeError
from openitr.evaluate.babel import BabelBench, build_label_set
from openitr.evaluate.languages import LabelSet


class Hashed:
    """A random direction for every text, always the same."""

    def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
        rows = [np.random.default_rng(list(text.encode())).normal(size=5) for text in texts]
        return DenseEmbeddings.normalise(np.stack(rows))


def test_accuracy_is_that_of_plain_loops() -> None:
    rng = np.random.default_rng(0)
    images, classes = DenseEmbeddings.normalise(rng.normal(size=(60, 5))), rng.integers(0, 6, 60)
    labels = {"aa": LabelSet((0, 1, 2, 3, 4, 5), tuple("uvwxyz")), "bb": LabelSet((1, 4, 5), ("p", "q", "r"))}
    prompts = {"bb": ["a {}", "the {}", "{}"]}
    report = BabelBench(labels, prompts).evaluate(Hashed(), images, classes, {"both": ["aa", "bb"], "none": ["zz"]})
    for lang, own in labels.items():
        right = asked = 0
        for vector, number in zip(images.values, classes, strict=True):
            if number not in own.indices:
                continue
            asked += 1
            best, best_score = -1, -np.inf
            for index, label in zip(own.indices, own.labels, strict=True):
                texts = [template.replace("{}", label) for template in prompts.get(lang, ["{}"])]
                mean = np.mean(Hashed().encode_texts(texts).values, axis=0)
                score = float(vector @ mean / np.linalg.norm(mean))
                if score > best_score:
                    best, best_score = index, score
            right += best == number
        assert report.accuracy[lang] == pytest.approx(100 * right / asked)
        assert (report.pictures[lang], report.classes[lang]) == (asked, len(own.indices))
    assert report.groups == {"both": pytest.approx(report.mean)}


def test_ties_count_against_the_model() -> None:
    class Same:
        def encode_texts(self, texts: Sequence[str]) -> DenseEmbeddings:
            return DenseEmbeddings(np.tile(np.eye(1, 3, dtype=np.float32), (len(texts), 1)))

    bench = BabelBench({"xx": LabelSet((0, 1), ("one", "two"))})
    assert bench.evaluate(Same(), DenseEmbeddings(np.eye(3, dtype=np.float32)[:1]), [0]).accuracy == {"xx": 0.0}


def test_what_makes_no_sense_is_refused() -> None:
    labels = {"xx": LabelSet((0,), ("one",))}
    with pytest.raises(InputError, match="no language"):
        BabelBench({})
    with pytest.raises(InputError, match="names no class"):
        BabelBench({"xx": LabelSet((), ())})
    with pytest.raises(InputError, match="has no"):
        BabelBench(labels, {"xx": ["a photo"]})
    bench, images = BabelBench(labels), DenseEmbeddings(np.eye(5, dtype=np.float32)[:2])
    with pytest.raises(InputError, match="there is no language 'yy'"):
        bench.class_vectors(Hashed(), "yy")
    with pytest.raises(ShapeError):
        bench.evaluate(Hashed(), images, [0])
    with pytest.raises(InputError, match="no language names"):
        bench.evaluate(Hashed(), images, [8, 9])


def test_label_sets_drop_what_no_picture_could_tell_apart() -> None:
    links = {3: "s3", 1: "s1", 2: "s2", 9: "absent", 5: "empty"}
    lexicon = {"s1": ["Kran", "Hebezeug"], "s2": ["kran"], "s3": ["Eule"], "empty": []}
    assert build_label_set(links, lexicon) == LabelSet((3,), ("Eule",))
