"""Reading the result on data that was not fitted: how often "nothing is likely" is right, and whether 70% means 70%."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from openitr.encoders.base import Encoder
from openitr.search.calibrate import Calibration
from recipes.calibration.reading import reading
from recipes.calibration.trials import Trial, embed, trials

# People mostly ask for what they have: so many questions with an answer there are to one without. Calibration is fitted
# and its error measured with this; the other figures are of each side by itself.
ANSWERED = 4


def expected_error(p: np.ndarray, y: np.ndarray, w: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017, arXiv:1706.04599, equation 3), bins of equal weight."""
    order = np.argsort(p, kind="stable")
    p, y, w = p[order], y[order], w[order] / w.sum()
    part = np.minimum((np.cumsum(w) * bins).astype(int), bins - 1)
    return float(sum(abs((w * (p - y))[part == b].sum()) for b in range(bins)))


def summary(asked: Sequence[Trial], calibration: Calibration) -> dict[str, Any]:
    """The figures of one group of trials."""
    scored = [(t, calibration.curve(t.words).probabilities(t.evidence)) for t in asked]
    likely = [(t, p >= calibration.likely) for t, p in scored]
    best = np.array([p.max() for _, p in scored])
    there, sure = np.array([t.answerable for t in asked]), np.array([certain(t) for t in asked])
    answerable = [hit.any() for t, hit in likely if t.answerable]
    right = [(t.labels[hit] != 0).any() for t, hit in likely if t.answerable]
    removed = [hit.any() for t, hit in likely if not t.answerable]
    found = [t.labels[hit] for t, hit in likely if t.answerable and hit.any()]
    clear = [(p[t.labels >= 0], t.labels[t.labels >= 0], 1 / len(p)) for t, p in scored]
    p, y = np.concatenate([c[0] for c in clear]), np.concatenate([c[1] for c in clear])
    share = {True: max(1, len(answerable)) / ANSWERED, False: max(1, len(removed))}
    w = np.concatenate(
        [np.full(len(c[0]), c[2] / share[t.answerable]) for c, (t, _) in zip(clear, scored, strict=True)]
    )
    out: dict[str, Any] = {
        "answerable": len(answerable),
        "removed": len(removed),
        "ece": round(expected_error(p, y, w), 3),
    }
    if answerable:
        out["answerable_without_likely"] = round(1 - float(np.mean(answerable)), 3)
        out["answerable_with_a_right_likely"] = round(float(np.mean(right)), 3)
    if found:
        labels = np.concatenate(found)
        out["likely_hits_relevant"] = round(float((labels == 1).sum() / max(1, (labels >= 0).sum())), 3)
    if removed:
        out["removed_without_likely"] = round(1 - float(np.mean(removed)), 3)
    gone = best[sure & ~there]
    if len(gone):
        out["certainly_removed"] = len(gone)
        out["certainly_removed_without_likely"] = round(float((gone < calibration.likely).mean()), 3)
    if len(gone) and there.any():
        out |= {name: round(value, 3) for name, value in ends(best[there], gone).items()}
    return out


def certain(trial: Trial) -> bool:
    """Whether a collection without the answers can be trusted to hold none: fewer than one picture is expected to
    show the thing unnamed (:func:`recipes.calibration.questions.unnamed`).
    """
    return trial.answerable or trial.hidden < 1


def ends(there: np.ndarray, gone: np.ndarray) -> dict[str, float]:
    """How well the best probability of an answer tells collections that hold one from those that do not.

    Args:
        there: (a,) of questions with an answer.
        gone: (r,) of questions without.

    Returns:
        ``area`` under the receiver operating characteristic, ties counted half; ``caught_at_10_missed``, the share
        of ``gone`` below the line that 10 % of ``there`` stay below; ``missed_at_80_caught``, the other way round.

    >>> ends(np.array([0.4, 0.6, 0.8, 0.9]), np.array([0.1, 0.2, 0.3, 0.6]))["area"]
    0.90625
    """
    ranked = np.sort(gone)
    below = (np.searchsorted(ranked, there, "left") + np.searchsorted(ranked, there, "right")) / 2
    return {
        "area": float(below.mean() / len(gone)),
        "caught_at_10_missed": float((gone < np.quantile(there, 0.1)).mean()),
        "missed_at_80_caught": float((there <= np.quantile(gone, 0.8)).mean()),
    }


def evaluate(data: Path, encoder: Encoder, calibration: Calibration, cache: Path) -> list[dict[str, Any]]:
    """One row per domain and kind of question, and totals; over the 20 best hits of each trial."""
    asked: list[Trial] = []
    for domain in reading(data):
        asked += trials(embed(domain, encoder, cache), calibration.background)
    rows = []
    for domain in dict.fromkeys(t.domain for t in asked):
        for kind in ("word", "phrase", "caption", "image"):
            chosen = [t for t in asked if t.domain == domain and t.kind == kind]
            if chosen:
                rows.append({"domain": domain, "kind": kind, **summary(chosen, calibration)})
    plain = [t for t in asked if t.domain == "plain"]
    everyday = [t for t in plain if t.known and t.everyday and t.answers not in (1, 2)]
    rows.append({"domain": "plain", "kind": "everyday words, 3 answers or more", **summary(everyday, calibration)})
    rows.append({"domain": "plain", "kind": "asked and known", **summary([t for t in plain if t.known], calibration)})
    rows.append({"domain": "plain", "kind": "foreign", **summary([t for t in plain if not t.known], calibration)})
    asked = [t for t in asked if t.domain != "plain"]
    for kind in ("word", "phrase", "caption", "image"):
        rows.append({"domain": "all", "kind": kind, **summary([t for t in asked if t.kind == kind], calibration)})
    common = [t for t in asked if t.many and t.kind != "image"]
    rows.append({"domain": "all", "kind": "text, 2% or more answer", **summary(common, calibration)})
    nowhere = {t.text for t in asked if t.answerable}
    foreign = [t for t in asked if t.kind in ("word", "phrase") and (t.text not in nowhere)]
    rows.append({"domain": "all", "kind": "text, foreign to all", **summary(foreign, calibration)})
    rows.append({"domain": "all", "kind": "all", **summary(asked, calibration)})
    return rows


_COLUMNS = {
    "domain": "domain",
    "kind": "query",
    "answerable": "n",
    "answerable_without_likely": "none likely",
    "answerable_with_a_right_likely": "a right one likely",
    "likely_hits_relevant": "likely hits relevant",
    "removed": "n removed",
    "removed_without_likely": "none likely, removed",
    "certainly_removed_without_likely": "none likely, certainly removed",
    "area": "area",
    "caught_at_10_missed": "removed, at 10% missed",
    "missed_at_80_caught": "missed, at 80% removed",
    "ece": "ECE",
}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown."""

    def cell(row: dict[str, Any], name: str) -> str:
        value = row.get(name, "")
        return f"{value:.0%}" if isinstance(value, float) and name not in ("ece", "area") else str(value)

    lines = ["| " + " | ".join(_COLUMNS.values()) + " |", "|" + "---|" * len(_COLUMNS)]
    lines += ["| " + " | ".join(cell(row, name) for name in _COLUMNS) + " |" for row in rows]
    return "\n".join(lines)
