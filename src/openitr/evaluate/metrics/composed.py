"""Composed image retrieval: a picture and a change in words; three benchmarks, three ways to count.

CIRR       R@k over the gallery without the reference picture; R_s@k the same over the query's own subset of similar
           pictures; their mean (R@5 + R_s@1) / 2 ranks entries           (Liu et al. 2021, section 5.2)
FashionIQ  R@10 and R@50 in each category's own gallery, then the mean of the categories       (Wu et al. 2021)
CIRCO      mAP@k over several right pictures, divided by min(R, k); R@k of the single target the sentence was written
           for                                                           (Baldrati et al. 2023, section 4.2)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from openitr.errors import InputError
from openitr.evaluate.judging import Ties
from openitr.evaluate.qrels import Qrels
from openitr.evaluate.run import Run
from openitr.evaluate.scores import evaluate_run


def cirr(
    run: Run,
    targets: Mapping[str, str],
    references: Mapping[str, str],
    subsets: Mapping[str, Collection[str]],
    *,
    ks: Sequence[int] = (1, 5, 10, 50),
    subset_ks: Sequence[int] = (1, 2, 3),
    ties: Ties = "against",
) -> dict[str, float]:
    """Recall over the gallery ("R@k"), inside the subset ("R_s@k"), and "mean" of R@5 and R_s@1 where both are there.

    Args:
        run: Rankings of the gallery; a reference picture in them is passed over.
        targets: Query id to the right picture.
        references: Query id to the picture that the query changes.
        subsets: Query id to the similar pictures that its subset recall ranks; whether the reference is listed does
            not matter.
        ks: Cutoffs over the gallery.
        subset_ks: Cutoffs inside the subset.
        ties: As in :func:`openitr.evaluate.evaluate_run`.

    Raises:
        InputError: A target outside its subset.

    >>> run = Run({"q": {"ref": 9, "x": 8, "goal": 7, "y": 6}})
    >>> cirr(run, {"q": "goal"}, {"q": "ref"}, {"q": ["ref", "goal", "y"]}, ks=(1, 2), subset_ks=(1,))
    {'R@1': 0.0, 'R@2': 100.0, 'R_s@1': 100.0}
    """
    for query, target in targets.items():
        if target not in subsets.get(query, ()):
            raise InputError(f"query {query!r}: the target {target!r} is not in its subset", "check the subsets")
    qrels = Qrels.of_owners(list(targets), list(targets.values()))
    asked = run.without({query: [reference] for query, reference in references.items()})
    whole = evaluate_run(asked, qrels, [f"R@{k}" for k in ks], ties=ties)
    inside = evaluate_run(asked.within(subsets), qrels, [f"R@{k}" for k in subset_ks], ties=ties)
    found = {**whole, **{name.replace("R@", "R_s@"): inside[name] for name in inside}}
    if "R@5" in found and "R_s@1" in found:
        found["mean"] = (found["R@5"] + found["R_s@1"]) / 2
    return found


def fashion_iq(
    runs: Mapping[str, Run],
    targets: Mapping[str, Mapping[str, str]],
    *,
    ks: Sequence[int] = (10, 50),
    ties: Ties = "against",
) -> dict[str, dict[str, float]]:
    """Recall per category, each with a gallery of its own, and under "mean" the mean of the categories.

    Args:
        runs: Category ("dress", "shirt", "toptee") to rankings of its gallery.
        targets: Category to {query id: right picture}.
        ks: Cutoffs.
        ties: As in :func:`openitr.evaluate.evaluate_run`.

    Raises:
        InputError: Categories without a run.

    >>> runs = {"dress": Run({"1": {"a": 2, "b": 1}}), "shirt": Run({"1": {"c": 1}})}
    >>> fashion_iq(runs, {"dress": {"1": "b"}, "shirt": {"1": "c"}}, ks=(1,))["mean"]
    {'R@1': 50.0, 'average': 50.0}
    """
    lacking = sorted(set(targets) - set(runs))
    if lacking or not targets:
        raise InputError(f"no run for {', '.join(lacking) or 'any category'}", "each category is ranked by itself")
    found: dict[str, dict[str, float]] = {}
    for category, right in targets.items():
        qrels = Qrels.of_owners(list(right), list(right.values()))
        found[category] = dict(evaluate_run(runs[category], qrels, [f"R@{k}" for k in ks], ties=ties))
    mean = {f"R@{k}": float(np.mean([numbers[f"R@{k}"] for numbers in found.values()])) for k in ks}
    return {**found, "mean": {**mean, "average": float(np.mean(list(mean.values())))}}


def circo(
    run: Run,
    qrels: Qrels,
    targets: Mapping[str, str],
    *,
    ks: Sequence[int] = (5, 10, 25, 50),
    ties: Ties = "against",
) -> dict[str, float]:
    """mAP@k over all right pictures, and R@k of the one that each sentence was written for.

    Numbers per semantic aspect come from ``evaluate_run(run, qrels, ["mAP@10"], groups=aspects)``.

    Args:
        run: Rankings of the gallery.
        qrels: All right pictures of every query.
        targets: Query id to the picture the sentence was written for, one of the right ones.
        ks: Cutoffs.
        ties: As in :func:`openitr.evaluate.evaluate_run`.

    Raises:
        InputError: A target that is not among the right pictures.

    >>> run = Run({"q": {"a": 3, "b": 2, "c": 1}})
    >>> circo(run, Qrels.of_sets({"q": ["a", "c"]}), {"q": "c"}, ks=(2,))        # one of two found, at rank 1
    {'mAP@2': 50.0, 'R@2': 0.0}
    """
    for query, target in targets.items():
        if target not in qrels.get(query, {}):
            raise InputError(f"query {query!r}: {target!r} is not among its right pictures", "check the files")
    precision = evaluate_run(run, qrels, [f"mAP@{k}" for k in ks], ties=ties)
    single = Qrels.of_owners(list(targets), list(targets.values()))
    return {**precision, **evaluate_run(run, single, [f"R@{k}" for k in ks], ties=ties)}
