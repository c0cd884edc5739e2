"""Fitting: a background, what to expect of a query, a logistic curve with rising coefficients, two thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from openitr.embeddings import TokenEmbeddings
from openitr.encoders.base import Encoder
from openitr.search.background import Background
from openitr.search.calibrate import Calibration, Curve
from openitr.search.evidence import EVIDENCE, FREE, WORDS
from recipes.calibration.evaluate import ANSWERED, certain
from recipes.calibration.expect import expectation
from recipes.calibration.questions import _rows
from recipes.calibration.reading import fitting
from recipes.calibration.seam import seam
from recipes.calibration.trials import Trial, cached, embed, pictures, stored, trials
from recipes.calibration.vocabulary import usual_words
from recipes.default_model.corpus import flickr8k

MISSED, FALSE = 0.10, 0.20  # what the product promises: answerable without a likely hit, removed with one
# What nobody would call likely, whatever the two rates gain by it.
LEAST = 0.3
# Mixed folders asked for plain things weigh as much as everything else.
_PLAIN = 1.0
_RIDGE = 1e-3


def background(
    data: Path, encoder: Encoder, cache: Path, *, images: int = 200, texts: int = 512, sentences: int = 128
) -> Background:
    """Unrelated pictures of many kinds, none of which is searched when fitting or evaluating, and usual words."""
    rng = np.random.default_rng(20261121)
    held = {p.image for p in flickr8k(data) if p.split != "train"}
    photos = [r for r in _rows(data / "flickr8k") if r["split"] == "train" and r["image"] not in held]
    photos = [photos[i] for i in rng.permutation(len(photos))]
    clips = _rows(data / "openclipart")
    clips = [clips[i] for i in rng.permutation(len(clips))]
    shop = [r for r in _rows(data / "fashion") if r["split"] == "train"]
    shop = [shop[i] for i in rng.permutation(len(shop))]
    half, quarter = images // 2, images // 4
    files = [data / "flickr8k" / r["image"] for r in photos[:half]]
    files += [data / "openclipart" / r["image"] for r in clips[:quarter]]
    files += [data / "fashion" / r["image"] for r in shop[:quarter]]
    long = [r["texts"]["en"][int(rng.integers(5))] for r in photos[half : half + 3 * sentences // 4]]
    long += [r["texts"][0] for r in clips[quarter : quarter + sentences // 8]]
    long += [r["texts"][0] for r in shop[quarter : quarter + sentences // 8]]
    words = usual_words(data, texts)
    vectors = cached(cache, encoder, "background-images", [str(f) for f in files], lambda: pictures(files, encoder))
    rows = cached(cache, encoder, "background-texts", words, lambda: encoder.encode_texts(words))
    beside = cached(cache, encoder, "background-sentences", long, lambda: encoder.encode_texts(long))
    if isinstance(rows, TokenEmbeddings):
        # Every word is compared with every place: a third of the words serve as well, and cost a third.
        rows, beside = rows[::3], beside[::3]
    source = "reference pictures of the training data, and usual words"
    return Background(stored(vectors), rows, source, sentences=beside, alone=seam(vectors))


def curve(asked: Sequence[Trial]) -> Curve:
    """Domains, kinds of question, rare and common answers count the same; answered questions as :data:`ANSWERED`."""
    groups = Counter((t.domain, t.kind, t.answerable, t.many, t.known) for t in asked)
    weight = np.array([1 / groups[t.domain, t.kind, t.answerable, t.many, t.known] for t in asked])
    weight *= [ANSWERED if t.answerable else 1 for t in asked]
    plain = np.array([t.domain == "plain" for t in asked])
    if plain.any() and not plain.all():
        weight[plain] *= _PLAIN * weight[~plain].sum() / weight[plain].sum()
    rows, labels, weights = [], [], []
    for t, w in zip(asked, weight, strict=True):
        clear = t.labels >= 0
        rows.append(t.evidence.values[clear])
        labels.append(t.labels[clear])
        # The first are looked at more than the last.
        rank = np.arange(1, len(t.labels) + 1) ** -0.5
        weights.append((w * rank / rank.sum())[clear])
    return _logistic(np.concatenate(rows), np.concatenate(labels), np.concatenate(weights), EVIDENCE)


def _logistic(x: np.ndarray, y: np.ndarray, w: np.ndarray, names: Sequence[str]) -> Curve:
    """Weighted logistic regression whose coefficients may not fall below zero, but for those of FREE."""
    y, w = y.astype(float), w / w.sum()
    middle, unit = np.average(x, axis=0, weights=w), x.std(axis=0) + 1e-9
    z = (x - middle) / unit

    def loss(p: np.ndarray) -> tuple[float, np.ndarray]:
        logits = p[0] + z @ p[1:]
        error = w * (1 / (1 + np.exp(-logits)) - y)
        value = float((w * (np.logaddexp(0, logits) - y * logits)).sum() + _RIDGE * (p[1:] ** 2).sum())
        return value, np.concatenate([[error.sum()], z.T @ error + 2 * _RIDGE * p[1:]])

    bounds = [(None, None)] + [(None, None) if name in FREE else (0, None) for name in names]
    found = minimize(loss, np.zeros(len(names) + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    slopes = found[1:] / unit
    return Curve(float(found[0] - slopes @ middle), {n: float(v) for n, v in zip(names, slopes, strict=True)})


def threshold(best: np.ndarray, answerable: np.ndarray, group: Sequence[str]) -> float:
    """The least probability called likely: the two promised error rates are missed by the same factor, or
    kept by it.

    Args:
        best: Highest probability of each trial.
        answerable: Whether it had an answer.
        group: Of each trial; groups count the same.
    """
    names = np.array(group)

    def rate(chosen: np.ndarray, wrong: np.ndarray) -> float:
        return float(
            np.mean([wrong[chosen & (names == g)].mean() for g in set(group) if (chosen & (names == g)).any()])
        )

    grid = np.unique(np.round(best, 3))
    worst = [max(rate(answerable, best < t) / MISSED, rate(~answerable, best >= t) / FALSE) for t in grid]
    return float(grid[int(np.argmin(worst))])


def fit(data: Path, encoder: Encoder, cache: Path) -> Calibration:
    """Fit the calibration of a model on training-side data."""
    unrelated = expectation(data, encoder, cache, background(data, encoder, cache))
    asked: list[Trial] = []
    for domain in fitting(data):
        asked += (t for t in trials(embed(domain, encoder, cache), unrelated) if trusted(t))
    kinds = [(1, WORDS), (WORDS + 1, 10_000), (0, 0)]
    made = [curve([t for t in asked if low <= t.words <= high]) for low, high in kinds]
    fitted = Calibration(*made, LEAST, LEAST / 3, encoder.fingerprint, unrelated)
    best = np.array([fitted.curve(t.words).probabilities(t.evidence).max() for t in asked])
    # The second threshold is a third of the first: "maybe" is worth a look when nothing better is there.
    found = threshold(
        best, np.array([t.answerable for t in asked]), [f"{t.domain} {t.kind} {t.many} {t.known}" for t in asked]
    )
    likely = max(LEAST, found)
    return replace(fitted, likely=likely, maybe=likely / 3)


def trusted(trial: Trial) -> bool:
    """Whether labels of a trial are sure enough to learn from: of what is there, at most a third goes unnamed."""
    return certain(trial) and (not trial.answerable or trial.hidden < max(1, trial.answers / 2))
