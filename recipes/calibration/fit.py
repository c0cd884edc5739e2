"""Fitting: a background, two logistic curves with rising coefficients, two thresholds."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.linalg import lsqr

from openitr.embeddings import Embeddings, TokenEmbeddings
from openitr.encoders.base import Encoder
from openitr.search.background import Background, direction, leveled
from openitr.search.calibrate import Calibration, Curve, Curves
from openitr.search.evidence import ANSWER, FREE, HIT, usual
from recipes.calibration.concepts import NAMES as CONCEPTS
from recipes.calibration.concepts import content, names_of, stem
from recipes.calibration.evaluate import certain
from recipes.calibration.questions import _counted, _rows, fitting
from recipes.calibration.trials import Embedded, Trial, cached, embed, pictures, stored, trials
from recipes.default_model.corpus import flickr8k

MISSED, FALSE = 0.10, 0.20  # what the product promises: answerable without a likely hit, removed with one
_RIDGE = 1e-3
POOL = 1500
_ROWS = 256


def background(data: Path, encoder: Encoder, cache: Path, *, images: int = 200, texts: int = 200) -> Background:
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
    vectors = cached(cache, encoder, "background-images", [str(f) for f in files], lambda: pictures(files, encoder))
    rows = cached(cache, encoder, "background-texts", words, lambda: encoder.encode_texts(words))
    if isinstance(rows, TokenEmbeddings):
        # Every word is compared with every place: a third of the texts serve as well, and cost a third.
        rows = rows[::3]
    return Background(stored(vectors), rows, "reference pictures and texts of the training data")


def expectation(data: Path, encoder: Encoder, cache: Path, unrelated: Background) -> Background:
    """The background with its two maps: ridge regression on what wrong pictures of training photos reach.

    Whether a photo is wrong is told by its captions: it lacks a content word of a word or phrase, or half
    of a caption's; as the answer to another photo, they share at most a third of what they say.
    """
    held = {p.image for p in flickr8k(data) if p.split != "train"}
    rows = [r for r in _rows(data / "flickr8k") if r["split"] == "train" and r["image"] not in held]
    pool = rows[:: max(1, len(rows) // POOL)]
    files = [data / "flickr8k" / r["image"] for r in pool]
    images = stored(cached(cache, encoder, "pool-images", [str(f) for f in files], lambda: pictures(files, encoder)))
    asked = _asked(rows)
    texts = [text for text, _ in asked]
    vectors = cached(cache, encoder, "pool-texts", texts, lambda: encoder.encode_texts(texts))
    if isinstance(images, TokenEmbeddings):
        # Every word is compared with every place; a map from 64 numbers needs fewer examples.
        pool, images, asked, vectors = pool[::3], images[::3], asked[::3], vectors[::3]
    counts, column = _counted([r["texts"]["en"] for r in pool])
    said = counts > 0
    named = {s: said[:, [column[w] for w in names_of(s) if w in column]].any(axis=1) for _, ss in asked for s in ss}
    wrong = []
    for _, stems in asked:
        share = np.mean([named[s] for s in stems], axis=0)
        wrong.append(share < 1 if len(stems) <= 2 else share <= 0.5)
    telling = said[:, [bool(content(w)) for w in column]].astype(np.float32)
    both = telling @ telling.T / np.maximum(1, telling.sum(axis=1, keepdims=True))
    return replace(
        unrelated,
        expect_text=_ridge(vectors, images, unrelated, np.array(wrong)),
        expect_image=_ridge(images, images, unrelated, np.minimum(both, both.T) <= 0.34),
    )


def _asked(rows: Sequence[dict]) -> list[tuple[str, list[str]]]:
    """Words, two-word phrases and captions that the captions hold, with their content stems."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    pairs: Counter[str] = Counter()
    for r in rows:
        for text in r["texts"]["en"]:
            plain = re.findall("[a-z]+", text.lower())
            for word in plain:
                forms[stem(word)][word] += 1
            pairs.update(sorted({f"{a} {b}" for a, b in pairwise(plain) if len(content(f"{a} {b}")) == 2}))
    single = [(c.most_common(1)[0][0], [s]) for s, c in forms.items() if c.total() >= 12 and content(s)]
    phrases = [(p, content(p)) for p, _ in pairs.most_common(700)]
    captions = [(r["texts"]["en"][0], sorted(set(content(r["texts"]["en"][0])))) for r in rows[::10]]
    return [(text, stems) for text, stems in [*single, *phrases, *captions] if stems]


def _ridge(queries: Embeddings, images: Embeddings, unrelated: Background, wrong: np.ndarray) -> np.ndarray:
    others = usual(leveled(unrelated.texts, images).T)
    reached = []
    for start in range(0, len(queries), _ROWS):
        rows = queries[start : start + _ROWS]
        scores = leveled(rows, images)
        middle, unit = usual(leveled(rows, unrelated.images))
        z = (scores - middle[:, None]) / unit[:, None]
        fits = (scores - others[0]) / others[1]
        for row, ok in enumerate(wrong[start : start + _ROWS]):
            best = np.argsort(-np.where(ok, scores[row], -np.inf))[: max(5, int(ok.sum()) // 100)]
            reached.append((z[row, best].mean(), fits[row, best].mean()))
    target, read = np.array(reached), direction(queries).astype(np.float64)
    middle = target.mean(axis=0)
    # From 0.03 to 1 the strength makes no difference that matters (tried with concepts left out of the
    # regression).
    found = [lsqr(read, column, damp=0.1**0.5, iter_lim=300)[0] for column in (target - middle).T]
    return np.column_stack([np.stack(found), middle]).astype(np.float32)


def curves(asked: Sequence[Trial]) -> Curves:
    """Both factors; domains, kinds of question, rare and common answers, and both outcomes count the same."""
    # Questions without any answer would teach that rare words have none; they are for the threshold and
    # the evaluation.
    asked = [t for t in asked if t.known]
    groups = Counter((t.domain, t.kind, t.answerable, t.many) for t in asked)
    weight = [1 / groups[t.domain, t.kind, t.answerable, t.many] for t in asked]
    answer = _logistic(
        np.array([t.evidence.answer for t in asked]), np.array([t.answerable for t in asked]), np.array(weight), ANSWER
    )
    rows, labels, weights = [], [], []
    for t, w in zip(asked, weight, strict=True):
        if t.answerable:
            clear = t.labels >= 0
            rows.append(t.evidence.hit[clear])
            labels.append(t.labels[clear])
            weights.append(np.full(int(clear.sum()), w / len(t.labels)))
    hit = _logistic(np.concatenate(rows), np.concatenate(labels), np.concatenate(weights), HIT)
    return Curves(answer, hit)


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
        embedded: Embedded = embed(domain, encoder, cache)
        asked += (t for t in trials(embedded, unrelated) if certain(t))
    made = {kind: curves([t for t in asked if (t.kind == "image") == (kind == "image")]) for kind in ("text", "image")}
    best = np.array([made["image" if t.kind == "image" else "text"].probabilities(t.evidence).max() for t in asked])
    # The second threshold is a third of the first: "maybe" is worth a look when nothing better is there.
    likely = threshold(
        best, np.array([t.answerable for t in asked]), [f"{t.domain} {t.kind} {t.many} {t.known}" for t in asked]
    )
    return Calibration(made["text"], made["image"], likely, likely / 3, encoder.fingerprint, unrelated)
