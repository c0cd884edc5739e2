"""The benchmark protocol: from a dataset and an encoder to a report that says what it counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.datasets.pair import UNDETERMINED
from openitr.datasets.pairs import PairDataset
from openitr.embeddings import Embeddings, Ints
from openitr.encoders.base import Encoder
from openitr.errors import DatasetError, ShapeError
from openitr.evaluate.bootstrap import Resampling, interval, metric_draws
from openitr.evaluate.both import rank_both
from openitr.evaluate.cured import Cured
from openitr.evaluate.encode import encode_dataset_images, encode_dataset_texts
from openitr.evaluate.metrics import all_metrics
from openitr.evaluate.ranks import TIE
from openitr.evaluate.report import RSUM, Report
from openitr.search.hubness import Unhub

RULES = {
    "hit": "t2i: the picture the text belongs to; i2t: any text of the picture; R@k: at least one within the first k",
    "ties": f"against the model: a wrong answer within {TIE:g} of a right one stands in front of it",
    "mAP": "mean over every right answer of (right answers up to it) / (its rank); in percent",
    "MedR": "median rank of the best right answer, 1 is best",
    "intervals": "95% percentile bootstrap over pictures with their texts, gallery fixed",
}


@dataclass(frozen=True)
class Choice:
    """A split or language that was settled on, and why when it is not what was asked for."""

    name: str
    note: str = ""


def choose_split(dataset: PairDataset, asked: str | None) -> Choice:
    """The split asked for; else test, else val, else all pairs.

    Raises:
        DatasetError: There is no such split; the message names those that there are.
    """
    if asked is not None and asked != "all":
        dataset.split(asked)
        return Choice(asked)
    if asked is None:
        for name in ("test", "val"):
            if name in dataset.splits:
                return Choice(name)
    return Choice("all", "" if asked else "there is no test or val split: all pairs were used")


def choose_language(dataset: PairDataset, asked: str) -> Choice:
    """The language asked for; where it is missing and there is no other choice, the only one there is.

    Raises:
        DatasetError: The language is missing and there are several; the message names them.
    """
    there = list(dataset.languages)
    if asked in there:
        return Choice(asked)
    if there == [UNDETERMINED]:
        return Choice(UNDETERMINED, f"the texts do not say their language; they were taken for {asked!r}")
    if len(there) == 1 and asked == "en":
        return Choice(there[0], f"there are no texts in 'en'; {there[0]!r} is the only language")
    dataset.language(asked)
    raise AssertionError("language() raises for a language that is not there")


def evaluate(
    dataset: PairDataset,
    encoder: Encoder,
    *,
    split: str | None = None,
    lang: str = "en",
    progress: Callable[[str], None] | None = None,
    samples: int = 1000,
    seed: int = 0,
    unhub: Unhub | None = None,
    bank: Sequence[str] = (),
) -> Report:
    """Measure retrieval both ways.

    The gallery of pictures is every picture of the split that has a text in the language and can be decoded; the
    gallery of texts is all their texts in it.

    Args:
        dataset: The pairs.
        encoder: Embeds pictures and texts into one space.
        split: Which split; by default test, else val, else all. "all" takes every pair.
        lang: Which language of the texts.
        progress: Called now and then with a line for people.
        samples: Bootstrap draws, 0 for no intervals.
        seed: Of the bootstrap.
        unhub: A cure for pictures and texts that come up for everything; the report says by what it was measured.
        bank: Texts for that cure which have nothing to do with the data; the model's own if none.

    Raises:
        DatasetError: No such split or language (the message names those there are), or no picture can be decoded.
        InputError: A cure without anything to measure by.
    """
    found = encode_pairs(dataset, encoder, split=split, lang=lang, progress=progress)
    (progress or (lambda line: None))("ranking")
    cured = None if unhub is None else Cured.of(unhub, encoder, bank)
    return evaluate_embeddings(
        found.images, found.texts, found.owner, protocol=found.protocol, samples=samples, seed=seed, cured=cured
    )


@dataclass(frozen=True, eq=False)
class EncodedPairs:
    """What a model made of a dataset's pictures and texts.

    Args:
        images: n pictures, embedded.
        texts: m texts, embedded.
        owner: (m,) row of the picture each text belongs to.
        picture_ids: The n pictures' ids.
        protocol: Which pairs these are, and what was left out.
    """

    images: Embeddings
    texts: Embeddings
    owner: Ints
    picture_ids: list[str]
    protocol: dict[str, Any]


def encode_pairs(
    dataset: PairDataset,
    encoder: Encoder,
    *,
    split: str | None = None,
    lang: str = "en",
    progress: Callable[[str], None] | None = None,
) -> EncodedPairs:
    """Embed a dataset's split in one language; arguments and errors as of :func:`evaluate`."""
    chosen = choose_split(dataset, split)
    part = dataset if chosen.name == "all" else dataset.split(chosen.name)
    language = choose_language(part, lang)
    view = part.language(language.name)
    say = progress or (lambda line: None)
    images = encode_dataset_images(view, encoder, say)
    if images.embeddings is None:
        name, reason = images.dropped[0]
        raise DatasetError(f"none of {len(view):,} pictures can be decoded, first {name}: {reason}", "check the files")
    texts, owners = view.texts(language.name)
    row_of = np.full(len(view), -1, np.int64)
    row_of[images.rows] = np.arange(len(images.rows))
    kept = np.flatnonzero(row_of[owners] >= 0)
    said = [texts[i] for i in kept]
    owner = row_of[owners[kept]]
    vectors = encode_dataset_texts(said, encoder, say)
    notes = [note for note in (chosen.note, language.note) if note]
    if images.dropped:
        notes.append(f"{len(images.dropped)} pictures could not be decoded and were left out with their texts")
    counts = np.bincount(owner)
    protocol: dict[str, Any] = {
        "dataset": dataset.name,
        "split": chosen.name,
        "lang": language.name,
        "images": len(images.rows),
        "texts": len(said),
        "texts_per_image": [int(counts.min()), int(counts.max())],
        "texts_shared_by_images": _shared(said, owner),
        "gallery": "pictures of the split with a text in the language; all texts of those pictures in it",
        "dropped": [{"id": name, "reason": reason} for name, reason in images.dropped[:20]],
        "data_hash": images.content_hash,
        "model": encoder.spec,
        "model_fingerprint": encoder.fingerprint,
        "notes": notes,
    }
    ids = [view[row].id for row in images.rows.tolist()]
    return EncodedPairs(images.embeddings, vectors, owner, ids, protocol)


def evaluate_embeddings(
    images: Embeddings,
    texts: Embeddings,
    owner: npt.ArrayLike,
    *,
    protocol: dict[str, Any] | None = None,
    samples: int = 1000,
    seed: int = 0,
    cured: Cured | None = None,
) -> Report:
    """Measure retrieval both ways between embeddings of any one kind.

    Args:
        images: n pictures; those without a text are in the gallery and ask nothing.
        texts: m texts.
        owner: (m,) row of the picture each text belongs to.
        protocol: What is known of where they come from; goes into the report.
        samples: Bootstrap draws, 0 for no intervals.
        seed: Of the bootstrap.
        cured: Rank by scores that a cure for hubs has levelled.

    Raises:
        ShapeError: Kinds or counts that do not fit together.

    >>> from openitr.embeddings import DenseEmbeddings
    >>> e = DenseEmbeddings(np.eye(4, dtype=np.float32))
    >>> evaluate_embeddings(e, e, [0, 1, 2, 3]).rsum
    600.0
    """
    from openitr import __version__

    rows = np.asarray(owner, np.int64)
    if images.kind != texts.kind:
        raise ShapeError(f"pictures are {images.kind}, texts {texts.kind}", "both must come from one model")
    if rows.shape != (len(texts),):
        raise ShapeError(f"{len(texts)} texts, owners of shape {rows.shape}", "one owner per text")
    if not len(texts):
        raise ShapeError("no texts", "there is nothing to measure")
    if not 0 <= rows.min() <= rows.max() < len(images):
        raise ShapeError(f"an owner is not among the {len(images)} pictures", "owners are rows of the pictures")
    t2i, i2t = rank_both(images, texts, rows) if cured is None else cured.both(images, texts, rows)
    intervals = _intervals({"t2i": (t2i, rows), "i2t": (i2t, i2t.queries)}, len(images), samples, seed)
    settings = {"openitr": __version__, "seed": seed, "bootstrap_samples": samples, **RULES}
    if cured is not None:
        settings["unhub"] = cured.facts()
    return Report(all_metrics(t2i), all_metrics(i2t), intervals, {**(protocol or {}), **settings})


def _intervals(directions: dict[str, Any], images: int, samples: int, seed: int) -> dict[str, Any]:
    if not samples:
        return {}
    draws = Resampling(images, samples, seed)
    found: dict[str, Any] = {}
    total = np.zeros(samples)
    for name, (ranked, groups) in directions.items():
        drawn = metric_draws(ranked, groups, draws)
        found[name] = {metric: interval(values) for metric, values in drawn.items()}
        total = total + sum(drawn[metric] for metric in RSUM)
    return {**found, "sum": {"RSUM": interval(total)}}


def _shared(texts: list[str], owner: Ints) -> int:
    """How many texts stand word for word at another picture too; each still belongs to its own pictures alone."""
    owners: dict[str, set[int]] = defaultdict(set)
    for text, row in zip(texts, owner.tolist(), strict=True):
        owners[text].add(row)
    return sum(len(owners[text]) > 1 for text in texts)
