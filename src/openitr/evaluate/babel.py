"""Zero-shot classification in many languages: Babel-ImageNet's arithmetic over any classes (Geigle et al. 2023).

For a language, the pictures of the classes it has a name for are asked among those classes alone; a class is the mean
of the unit vectors of its prompts, normalised; the score is the share of pictures whose class is strictly the best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Embeddings, Ints
from openitr.errors import InputError, ShapeError
from openitr.evaluate.languages import LabelSet
from openitr.evaluate.ranks import TIE


class TextEncoder(Protocol):
    """Anything that embeds texts densely; every dense encoder does."""

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """One vector per text."""
        ...


@dataclass(frozen=True)
class BabelReport:
    """Accuracy by language.

    Args:
        accuracy: Percent.
        classes: How many classes the language names.
        pictures: How many pictures were asked about.
        groups: Mean accuracy over each group of languages, in percent.
    """

    accuracy: Mapping[str, float]
    classes: Mapping[str, int]
    pictures: Mapping[str, int]
    groups: Mapping[str, float] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Over languages, each counting the same."""
        return float(np.mean(list(self.accuracy.values())))


class BabelBench:
    """Classes named in many languages.

    Args:
        labels: Language to the classes it names.
        prompts: Language to its templates, each with ``{}`` where the label goes; a language without any uses the label
            alone.

    Raises:
        InputError: No language, a language without a class, or a template without ``{}``.

    >>> class Letters:
    ...     def encode_texts(self, texts):
    ...         return DenseEmbeddings.normalise([[t.count("a"), t.count("b"), 0.1] for t in texts])
    >>> bench = BabelBench({"xx": LabelSet((0, 4), ("a", "b"))}, {"xx": ["{}", "my {}"]})
    >>> pictures = DenseEmbeddings.normalise([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> bench.evaluate(Letters(), pictures, [0, 0, 2]).accuracy
    {'xx': 50.0}
    """

    def __init__(self, labels: Mapping[str, LabelSet], prompts: Mapping[str, Sequence[str]] | None = None) -> None:
        self.labels, self.prompts = dict(labels), {lang: list(some) for lang, some in (prompts or {}).items()}
        if not self.labels:
            raise InputError("there is no language", "give labels for one or more")
        for lang, one in self.labels.items():
            if not one.indices:
                raise InputError(f"language {lang!r} names no class", "leave it out")
        for lang, templates in self.prompts.items():
            if not templates or not all("{}" in template for template in templates):
                raise InputError(f"a prompt of {lang!r} has no {{}}", "the label goes where {} stands")

    def class_vectors(self, encoder: TextEncoder, lang: str) -> DenseEmbeddings:
        """(classes, d) vectors of a language, in the order of its label set.

        Raises:
            InputError: There is no such language, or the encoder is not a dense one.
        """
        if lang not in self.labels:
            raise InputError(f"there is no language {lang!r}", f"there is: {', '.join(self.labels)}")
        templates = self.prompts.get(lang, ["{}"])
        labels = self.labels[lang].labels
        found = encoder.encode_texts([template.replace("{}", label) for label in labels for template in templates])
        if not isinstance(found, DenseEmbeddings):
            raise InputError(f"the model makes {found.kind} embeddings", "prompts are averaged: use a dense model")
        return DenseEmbeddings.normalise(found.values.reshape(len(labels), len(templates), -1).mean(axis=1))

    def evaluate(
        self,
        encoder: TextEncoder,
        images: DenseEmbeddings,
        classes: npt.ArrayLike,
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> BabelReport:
        """Accuracy in every language that has pictures of its classes.

        Args:
            encoder: Embeds the labels into the space of the pictures.
            images: (n, d) pictures.
            classes: (n,) class number of each.
            groups: Name to languages, for mean accuracies ("low resource").

        Raises:
            ShapeError: Not one class per picture.
            InputError: No language has a picture.
        """
        owner = np.asarray(classes, np.int64)
        if owner.shape != (len(images),):
            raise ShapeError(f"{len(images)} pictures, classes of shape {owner.shape}", "one class per picture")
        accuracy, count, asked = {}, {}, {}
        for lang, labels in self.labels.items():
            place = {index: row for row, index in enumerate(labels.indices)}
            rows = np.flatnonzero(np.isin(owner, labels.indices))
            if len(rows):
                right = np.array([place[int(owner[row])] for row in rows], np.int64)
                scores = images[rows].score(self.class_vectors(encoder, lang))
                accuracy[lang] = 100.0 * float(np.mean(_best_alone(scores, right)))
                count[lang], asked[lang] = len(labels.indices), len(rows)
        if not accuracy:
            raise InputError("no language names the class of any picture", "check the class numbers")
        means = {
            name: float(np.mean([accuracy[lang] for lang in langs if lang in accuracy]))
            for name, langs in (groups or {}).items()
            if any(lang in accuracy for lang in langs)
        }
        return BabelReport(accuracy, count, asked, means)


def _best_alone(scores: npt.NDArray[np.float32], right: Ints) -> npt.NDArray[np.bool_]:
    """Whether the right column is above all others; ties count against it."""
    at = np.arange(len(scores))
    own = scores[at, right].copy()
    others = scores.copy()
    others[at, right] = -np.inf
    return np.asarray(own > others.max(axis=1) + TIE * np.maximum(1.0, np.abs(own)), np.bool_)


def build_label_set(links: Mapping[int, str], lexicon: Mapping[str, Sequence[str]]) -> LabelSet:
    """The classes of one language, by way of a sense inventory (WordNet to BabelNet in the paper).

    The first name of a sense counts. A class without a sense in the lexicon has no label; classes that would share a
    label lose it, all of them, since no picture could tell them apart.

    Args:
        links: Class number to sense id.
        lexicon: Sense id to its names in the language, best first.

    >>> names = {"n1": ["crane"], "n2": ["crane"], "n3": ["owl", "howler"]}
    >>> build_label_set({0: "n1", 1: "n2", 2: "n3", 3: "n4"}, names)
    LabelSet(indices=(2,), labels=('owl',))
    """
    named = {index: lexicon[sense][0].strip() for index, sense in sorted(links.items()) if lexicon.get(sense)}
    count: dict[str, int] = {}
    for label in named.values():
        count[label.casefold()] = count.get(label.casefold(), 0) + 1
    kept = {index: label for index, label in named.items() if label and count[label.casefold()] == 1}
    return LabelSet(tuple(kept), tuple(kept.values()))
