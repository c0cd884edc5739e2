"""The calibrated answer: how probable it is that a hit is relevant, and the honest "nothing here is likely".

The probability is a logistic regression (Platt 1999) on the evidence of :mod:`openitr.search.evidence`, one for words,
one for sentences and one for pictures. They are fitted for each shipped model on questions with known answers, asked of
collections that hold them and again with every answer removed (``recipes/calibration``); four of five questions count
as answered, as people mostly ask for what they have. Parameters and what was measured with them lie in the model folder
as ``calibration.json``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Kind
from openitr.encoders.base import Encoder
from openitr.errors import ModelError
from openitr.index.base import Index
from openitr.search.background import Background, level, leveled
from openitr.search.evidence import EVIDENCE, WORDS, Evidence, Outdone, Scores, measure
from openitr.search.forms import length
from openitr.search.pipeline import Asked, Candidates, Column, Stage
from openitr.search.retrieve import dense, exact
from openitr.search.rivals import KeptRivals
from openitr.types import Query

FORMAT = 4
# So many candidates decide together, whatever page is asked for, so that pages agree with each other.
POOL = 200
_KINDS = ("words", "sentence", "image")
_SAMPLE = 1000
# Cosine from which a picture counts as a copy. 1,000 different photos reach 0.96 with the default model; look-alike
# products go above, and are alike.
_SAME = 0.985
UNFITTED = "the model has no calibration: probabilities are guesses from how far a hit stands out of this collection"


@dataclass(frozen=True)
class Curve:
    """Log-odds of being relevant, linear in the evidence.

    Args:
        bias: Log-odds at evidence 0.
        weights: A coefficient per piece of evidence.
    """

    bias: float
    weights: Mapping[str, float]

    def logits(self, evidence: Evidence) -> npt.NDArray[np.float64]:
        """(m,) log-odds that each picture is relevant."""
        return np.asarray(self.bias + evidence.values @ np.array([self.weights[n] for n in EVIDENCE]), np.float64)

    def probabilities(self, evidence: Evidence) -> npt.NDArray[np.float64]:
        """(m,) that each picture is relevant."""
        return _sigmoid(self.logits(evidence))


@dataclass(frozen=True)
class Calibration:
    """How scores of one model become probabilities.

    Args:
        words, sentence, image: Curves of the kinds of query parts: up to ``WORDS`` of :mod:`openitr.search.evidence`,
            more words, and pictures.
        likely, maybe: Least probability of the two buckets.
        fingerprint: Of the model.
        background: What the scores are compared with.
        measured: What evaluation gave, as the recipe wrote it.
    """

    words: Curve
    sentence: Curve
    image: Curve
    likely: float
    maybe: float
    fingerprint: str
    background: Background
    measured: Mapping[str, Any] = field(default_factory=dict)

    def curve(self, words: int) -> Curve:
        """The one for a part of so many words; 0 for a picture."""
        return self.image if not words else self.words if words <= WORDS else self.sentence

    def save(self, path: Path) -> None:
        """Write ``calibration.json`` and, beside it, ``background.npz``."""
        curves = {
            kind: {"bias": c.bias, "weights": dict(c.weights)}
            for kind, c in zip(_KINDS, (self.words, self.sentence, self.image), strict=True)
        }
        document = {
            "format": FORMAT, "fingerprint": self.fingerprint, "background": "background.npz",
            "likely": self.likely, "maybe": self.maybe, **curves, "measured": dict(self.measured),
        }  # fmt: skip
        self.background.save(path.parent / "background.npz")
        path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path, dim: int, kind: Kind = "dense") -> Calibration:
        """Read what :meth:`save` wrote.

        Raises:
            ModelError: The file is damaged, of another format or for another kind or width.
        """
        document = _document(path)
        if document["format"] != FORMAT:
            raise ModelError(f"{path} has format {document['format']}", "fit the calibration again")
        try:
            words, sentence, image = (_curve(document[kind]) for kind in _KINDS)
            name = str(document["background"])
            if Path(name).name != name:
                raise ModelError(f"{path} names a background outside its folder", "keep both files together")
            return cls(
                words, sentence, image, float(document["likely"]), float(document["maybe"]),
                str(document["fingerprint"]), Background.load(path.parent / name, dim, kind),
                document.get("measured", {}),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path} cannot be read", "fit the calibration again, or remove it") from error


def _curve(document: Mapping[str, Any]) -> Curve:
    return Curve(float(document["bias"]), {name: float(document["weights"][name]) for name in EVIDENCE})


def calibration_of(encoder: Encoder) -> Calibration | None:
    """The calibration in the folder of a model; None where there is none, or one of other weights or an old format."""
    path = getattr(getattr(encoder, "manifest", None), "calibration", None)
    if path is None or not Path(path).is_file():
        return None
    # Asked first: what was fitted for other weights may lie there without its background. One of an earlier format
    # rests on other evidence; without it answers are estimated, and say so.
    document = _document(Path(path))
    if document.get("fingerprint") != encoder.fingerprint or document["format"] in range(1, FORMAT):
        return None
    return Calibration.load(Path(path), encoder.dim, encoder.kind)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        document["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} cannot be read", "fit the calibration again, or remove it") from error
    return cast(dict[str, Any], document)


class Calibrate(Stage):
    """Give every candidate its probability of being relevant.

    A query of several parts gets the weighted mean of the parts' log-odds. Without a calibration the
    probability is a guess from how far a hit stands out of its own collection (see :func:`unsupervised`),
    and the reason says so. Where several runs were searched together, the probability is what the first of them says
    of its own score: the others decide the order inside likely, maybe and rest, and not how sure the answer is. What is
    written of the pictures is added behind it (:class:`openitr.search.words.Credit`).

    Args:
        index: The one that was searched.
        calibration: Of the model, or None.
        rivals: Kept from earlier queries of this index and calibration; begun anew if None.
    """

    gives: ClassVar[frozenset[str]] = frozenset({"probabilities"})

    def __init__(self, index: Index, calibration: Calibration | None, rivals: KeptRivals | None = None) -> None:
        self.index, self.calibration = index, calibration
        self.rivals = rivals

    def __repr__(self) -> str:
        return f"Calibrate({'fitted for this model' if self.calibration else 'unsupervised'})"

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        if not len(candidates):
            return replace(candidates, probabilities=np.zeros(0))
        asked = candidates.asked
        wanted = [] if asked is None else [p for p in asked.parts[: asked.positives] if p.weight > 0]
        if self.calibration is None or asked is None or not wanted:
            return self._guess(candidates)
        background = self.calibration.background
        top = min(POOL, len(candidates))
        size = max(candidates.total, len(candidates))
        kept = self.rivals or KeptRivals(self.index, background)
        of_parts = _scores(candidates, asked, self.index)
        total = sum(part.weight for part in wanted)
        logits = np.zeros(len(candidates))
        beaten, outdone = np.ones(len(candidates)), list[Outdone]()
        for part, row, scores in zip(asked.parts[: asked.positives], asked.rows, of_parts, strict=False):
            if part.weight <= 0:
                continue
            by_image = part.image is not None
            words = 0 if by_image else max(1, length(part.text))
            expected = background.expected(row, by_image=by_image)
            others = kept.of(candidates.ids, words)
            # Nothing is said of what lies beyond the pool, so nothing is fetched for it.
            alone = np.zeros(len(candidates))
            alone[:top] = kept.alone(row, candidates.ids[:top], words)
            evidence = measure(scores, others, background.reference(row), expected, words, size, alone)
            of_part = self.calibration.curve(words).logits(evidence)
            if by_image:
                # A picture asked for by itself, or by a copy, is what was asked for, however few are like it.
                same = scores >= _SAME * float(leveled(row, row)[0, 0])
                of_part = np.where(same, np.maximum(of_part, _logit(np.array(0.99))), of_part)
            logits += part.weight / total * of_part
            beaten = np.minimum(beaten, evidence.beaten)
            outdone.append(Outdone(partial(kept.shown, words=words), candidates.ids, scores))
        logits += _penalty(candidates)
        # Beyond the pool the order is that of the scores, so no item there may be called likelier than the
        # pool's last.
        logits[top:] = np.minimum(logits[top:], logits[:top].min())
        column = Column("calibrate", logits, _say, (beaten, *outdone))
        return replace(candidates, probabilities=_sigmoid(logits), columns=[*candidates.columns, column])

    def _guess(self, candidates: Candidates) -> Candidates:
        asked = candidates.asked
        scores = _own(candidates, self.index) if candidates.fused else candidates.scores
        # Sparse and token queries of several parts are scored against each other: there the candidates must do.
        if asked is not None and (asked.vector is not None or (asked.positives == 1 and asked.parts[0].weight > 0)):
            reference = self._of_sample(asked)
        else:
            reference = scores
        logits = unsupervised(scores, reference, len(self.index))
        if candidates.fused:
            logits += _penalty(candidates)
        column = Column("calibrate", logits, _guessed)
        return replace(
            candidates,
            probabilities=_sigmoid(logits),
            columns=[*candidates.columns, column],
            notes=(*candidates.notes, UNFITTED),
        )

    def _of_sample(self, asked: Asked) -> npt.NDArray[Any]:
        """Scores of some pictures of the collection, the same ones at every call."""
        ids = self.index.ids()
        if len(ids) > _SAMPLE:
            ids = np.sort(np.random.default_rng(0).permutation(ids)[:_SAMPLE])
        stored = self.index.vectors(ids)
        return dense(stored) @ asked.vector[0] if asked.vector is not None else exact(asked.rows[0], stored)


def _scores(candidates: Candidates, asked: Asked, index: Index) -> Sequence[Scores]:
    """(m,) leveled scores of the candidates with each wanted part."""
    rows = asked.rows[: asked.positives]
    known = [column.scores for column in candidates.columns if column.stage in ("match", index.kind)]
    if known and len(rows) == 1 and (asked.vector is None or np.array_equal(asked.vector, dense(rows[0]))):
        return [known[0] / level(rows[0])[0]]
    pictures = index.vectors(candidates.ids)
    return [leveled(row, pictures)[0] for row in rows]


def _own(candidates: Candidates, index: Index) -> npt.NDArray[Any]:
    """(m,) what the index itself says of candidates whose scores were put together from several."""
    for column in candidates.columns:
        if column.stage in ("match", index.kind):
            return column.scores
    return candidates.scores


def unsupervised(scores: npt.NDArray[Any], reference: npt.NDArray[Any], size: int) -> npt.NDArray[np.float64]:
    """Log-odds for a model without calibration: does a score exceed what the best of ``size`` unrelated
    ones would reach (ours).

    The middle and spread come from the collection itself, robustly (median and interquartile range); the
    best of n normal scores lies near sqrt(2 ln n) standard deviations. Small collections and equal scores
    give no reason for "likely".

    Args:
        scores: (m,) to judge.
        reference: (r,) scores of a sample of the collection.
        size: Of the collection.

    >>> bool((unsupervised(np.ones(3), np.ones(100), 100) < 0).all())
    True
    """
    low, middle, high = np.percentile(np.asarray(reference, np.float64), [25, 50, 75])
    spread = (high - low) / 1.349
    if spread < 1e-9:
        return np.full(len(scores), -2.0)
    z = (np.asarray(scores, np.float64) - middle) / spread
    expected = np.sqrt(2 * np.log(max(size, 20)))
    return np.asarray(np.clip(1.5 * (z - expected), -6.0, 6.0) - 20.0 / max(size, 20), np.float64)


def _penalty(candidates: Candidates) -> npt.NDArray[np.float64]:
    """Log-odds that negatives cost: how much :class:`~openitr.search.avoid.Avoid` sees of them, standard deviations."""
    taken = [column.facts[0] for column in candidates.columns if column.stage == "avoid"]
    return -np.sum(taken, axis=0) if taken else np.zeros(len(candidates))


def _say(score: float, beaten: float, *outdone: float) -> str:
    return (
        f"relevant with a chance of {_share_of_one(score):.0%}: scores above {_share(beaten)} unrelated pictures "
        f"and fits better than {_share(min(outdone))} unrelated texts"
    )


def _guessed(score: float) -> str:
    return (
        f"relevant with a chance of about {_share_of_one(score):.0%}, by how far it stands out of this collection "
        "(the model has no calibration)"
    )


def _share(value: float) -> str:
    return "all" if value >= 1 else f"{value:.1%} of" if value > 0.99 else f"{value:.0%} of"


def _logit(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(p / (1 - p)), np.float64)


def _share_of_one(logit: float) -> float:
    return 0.5 * (1 + math.tanh(logit / 2))


def _sigmoid(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(0.5 * (1 + np.tanh(values / 2)), np.float64)


UNCALIBRATED = (0.5, 0.2)


def thresholds(calibration: Calibration | None) -> tuple[float, float]:
    """Least probability of "likely" and of "maybe"."""
    return UNCALIBRATED if calibration is None else (calibration.likely, calibration.maybe)
