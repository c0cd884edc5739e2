"""The metrics in plain loops over one ranked list, and rankings to try them on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hypothesis import strategies as st


def in_order(scores: Mapping[str, float], grades: Mapping[str, float], ties: str) -> list[str]:
    """Documents as a rule for ties ranks them; ``given`` relies on sorted() being stable."""
    keys = {
        "against": lambda d: (-scores[d], max(0, grades.get(d, 0))),
        "for": lambda d: (-scores[d], -max(0, grades.get(d, 0))),
        "given": lambda d: (-scores[d],),
    }
    if ties == "trec":
        return sorted(scores, key=lambda d: (scores[d], d), reverse=True)
    return sorted(scores, key=keys[ties])


def measure(name: str, ranked: Sequence[str], grades: Mapping[str, float]) -> float:
    """One metric of one query, 0 to 1, or a rank."""
    relevant = {d: g for d, g in grades.items() if g > 0}
    family, _, cutoff = name.partition("@")
    if family == "nDCG_exp":
        return dcg(ranked, relevant, int(cutoff), True) / dcg(best(relevant), relevant, int(cutoff), True)
    if family == "nDCG":
        k = int(cutoff) if cutoff else 10**9
        return dcg(ranked, relevant, k, False) / dcg(best(relevant), relevant, k, False)
    if name == "mAP@R":
        return precisions(ranked, relevant, len(relevant)) / len(relevant)
    if name == "R-Precision":
        return hits(ranked, relevant, len(relevant)) / len(relevant)
    if name == "mAP":
        return precisions(ranked, relevant, len(ranked)) / len(relevant)
    if name in ("MedR", "MeanR", "MRR") or family == "MRR":
        for place, document in enumerate(ranked, 1):
            if document in relevant:
                if family != "MRR":
                    return float(place)
                return 1 / place if not cutoff or place <= int(cutoff) else 0.0
        return 0.0 if family == "MRR" else math.inf
    k = int(cutoff)
    return {
        "R": lambda: float(hits(ranked, relevant, k) > 0),
        "Recall": lambda: hits(ranked, relevant, k) / len(relevant),
        "CappedRecall": lambda: hits(ranked, relevant, k) / min(len(relevant), k),
        "P": lambda: hits(ranked, relevant, k) / k,
        "mAP": lambda: precisions(ranked, relevant, k) / min(len(relevant), k),
        "mAP_all": lambda: precisions(ranked, relevant, k) / len(relevant),
    }[family]()


def hits(ranked: Sequence[str], relevant: Mapping[str, float], k: int) -> int:
    found = 0
    for document in ranked[:k]:
        if document in relevant:
            found += 1
    return found


def precisions(ranked: Sequence[str], relevant: Mapping[str, float], k: int) -> float:
    total, found = 0.0, 0
    for place, document in enumerate(ranked[:k], 1):
        if document in relevant:
            found += 1
            total += found / place
    return total


def best(relevant: Mapping[str, float]) -> list[str]:
    return sorted(relevant, key=lambda d: -relevant[d])


def dcg(ranked: Sequence[str], relevant: Mapping[str, float], k: int, exponential: bool) -> float:
    total = 0.0
    for place, document in enumerate(ranked[:k], 1):
        grade = relevant.get(document, 0)
        gain = 2**grade - 1 if exponential else grade
        total += gain / math.log2(place + 1)
    return total


def queries(top: int) -> st.SearchStrategy[tuple[dict[str, float], dict[str, float]]]:
    """A ranking of up to 12 documents with scores 0 to ``top`` and grades of up to 12, at least one above 0.

    Ranked and judged documents overlap but neither contains the other.
    """
    documents = [f"d{i}" for i in range(15)]
    scores = st.dictionaries(st.sampled_from(documents), st.integers(0, top).map(float), max_size=12)
    grades = st.dictionaries(st.sampled_from(documents), st.integers(-1, 3).map(float), min_size=1, max_size=12)
    return st.tuples(scores, grades.filter(lambda found: max(found.values()) > 0))
