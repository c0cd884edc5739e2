"""How many of the things in a picture were named, and how early: mAP@k over lists of names, plurals forgiven."""

from __future__ import annotations

from collections.abc import Sequence

from openitr.errors import InputError


def mean_average_precision(pred: Sequence[Sequence[str]], gt: Sequence[Sequence[str]], k: int) -> float:
    """Mean over pictures of AP@k in percent, AP = sum of the precisions at hits / number of true names.

    Args:
        pred: For each picture the names that were found, best first.
        gt: The true names; a name found twice counts once.
        k: How many found names are looked at.

    Raises:
        InputError: Lists of different length, none at all, a picture without a true name, or k below 1.

    References:
        F4-ITS (2025), its ingredient metric; the plural rule is a final s, es, or y for ies.

    >>> mean_average_precision([["egg", "milk", "tomatoes"]], [["eggs", "tomato"]], 3)
    83.33333333333333
    """
    if len(pred) != len(gt) or not len(gt) or k < 1 or not all(gt):
        raise InputError(
            f"{len(pred)} lists found, {len(gt)} true ones, k {k}", "give as many, each with a true name, and k of 1"
        )
    total = 0.0
    for found, true in zip(pred, gt, strict=True):
        wanted = {singular(name) for name in true}
        left, hits, summed = set(wanted), 0, 0.0
        for place, name in enumerate(found[:k], 1):
            if singular(name) in left:
                left.discard(singular(name))
                hits += 1
                summed += hits / place
        total += summed / len(wanted)
    return 100 * total / len(gt)


def singular(name: str) -> str:
    """A name in lower case, its last word without the s of a plural.

    >>> singular("Cherry Tomatoes"), singular("berries"), singular("glass")
    ('cherry tomato', 'berry', 'glass')
    """
    name = " ".join(name.lower().split())
    if name.endswith("ies") and len(name) > 4:
        return name[:-3] + "y"
    if name.endswith(("oes", "ches", "shes", "xes")):
        return name[:-2]
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name
