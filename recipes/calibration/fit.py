"""Fitting: a background, two logistic curves with rising coefficients, two thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from openitr.encoders.base import Encoder
from openitr.media import decode
from openitr.search.background import Background
from openitr.search.calibrate import Calibration, Curve
from openitr.search.evidence import NAMES, RISING
from recipes.calibration.concepts import NAMES as CONCEPTS
from recipes.calibration.questions import _rows, fitting
from recipes.calibration.trials import Embedded, Trial, _cached, embed, trials
from recipes.default_model.corpus import flickr8k

MISSED, FALSE = 0.10, 0.20  # what the product promises: answerable without a likely hit, removed with one
_RIDGE = 1e-3


def background(data: Path, encoder: Encoder, cache: Path, *, images: int = 400, texts: int = 400) -> Background:
    """Unrelated pictures and texts of many kinds, none of which is asked or searched when fitting or evaluating."""
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
    captions = [r["texts"]["en"][int(rng.integers(5))] for r in photos[half : half + texts // 2]]
    titles = [r["texts"][0] for r in clips[quarter : quarter + texts // 4]] + [
        r["texts"][0] for r in shop[quarter : quarter + texts // 8]
    ]
    single = sorted(CONCEPTS)[:: max(1, len(CONCEPTS) // (texts // 8))]
    words = sorted(set(captions + titles + single))
    vectors = _cached(cache, encoder, "background-images", [str(f) for f in files], lambda: _encode(files, encoder))
    rows = _cached(cache, encoder, "background-texts", words, lambda: encoder.encode_texts(words).values)
    return Background(vectors, rows, "reference pictures and texts of the training data")


def _encode(files: Sequence[Path], encoder: Encoder) -> np.ndarray:
    pictures = [decode(file, shrink_to=encoder.preparation.size).array for file in files]
    return np.concatenate([encoder.encode_images(pictures[i : i + 64]).values for i in range(0, len(pictures), 64)])


def curve(asked: Sequence[Trial]) -> Curve:
    """Weighted logistic regression; every domain and kind of question counts the same, and half of it has no answer."""
    groups = Counter((t.domain, t.kind, t.answerable) for t in asked)
    rows, labels, weights = [], [], []
    for t in asked:
        clear = t.labels >= 0
        rows.append(t.evidence[clear])
        labels.append(t.labels[clear])
        weights.append(np.full(int(clear.sum()), 1 / groups[t.domain, t.kind, t.answerable] / len(t.labels)))
    x, y, w = np.concatenate(rows), np.concatenate(labels).astype(float), np.concatenate(weights)
    w /= w.sum()
    middle, unit = np.average(x, axis=0, weights=w), np.sqrt(np.average((x - x.mean(0)) ** 2, axis=0, weights=w)) + 1e-9
    z = (x - middle) / unit

    def loss(p: np.ndarray) -> tuple[float, np.ndarray]:
        logits = p[0] + z @ p[1:]
        error = w * (1 / (1 + np.exp(-logits)) - y)
        value = float((w * (np.logaddexp(0, logits) - y * logits)).sum() + _RIDGE * (p[1:] ** 2).sum())
        return value, np.concatenate([[error.sum()], z.T @ error + 2 * _RIDGE * p[1:]])

    bounds = [(None, None)] + [(0, None) if name in RISING else (None, None) for name in NAMES]
    found = minimize(loss, np.zeros(len(NAMES) + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    slopes = found[1:] / unit
    return Curve(float(found[0] - slopes @ middle), {n: float(v) for n, v in zip(NAMES, slopes, strict=True)})


def probabilities(c: Curve, t: Trial) -> np.ndarray:
    """Of the hits of one trial."""
    return 1 / (1 + np.exp(-(c.bias + t.evidence @ np.array([c.weights[n] for n in NAMES]))))


def threshold(best: np.ndarray, answerable: np.ndarray, group: Sequence[str]) -> float:
    """The least probability called likely: the two promised error rates are missed by the same factor, or kept by it.

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
    unrelated = background(data, encoder, cache)
    asked: list[Trial] = []
    for domain in fitting(data):
        embedded: Embedded = embed(domain, encoder, cache)
        asked += trials(embedded, unrelated)
    curves = {}
    for kind in ("text", "image"):
        curves[kind] = curve([t for t in asked if (t.kind == "image") == (kind == "image")])
    best = np.array([probabilities(curves["image" if t.kind == "image" else "text"], t).max() for t in asked])
    # The second threshold is a third of the first: "maybe" is worth a look when nothing better is there.
    likely = threshold(best, np.array([t.answerable for t in asked]), [f"{t.domain} {t.kind}" for t in asked])
    return Calibration(curves["text"], curves["image"], likely, likely / 3, encoder.fingerprint, unrelated)
