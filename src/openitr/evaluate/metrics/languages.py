"""How unlike the rankings of one thing are when it is asked for in several languages."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from openitr.errors import InputError, ShapeError


def mean_rank_variance(ranks: npt.ArrayLike | Mapping[str, npt.ArrayLike]) -> float:
    """Mean rank variance: 0 where every language finds each thing at the same rank.

    For instance j at rank r_jk in language k of K:  mean over j of  (1/K) sum_k (r_jk - mean_k r_jk)^2.

    Args:
        ranks: (n, K) ranks of the right answer, 1 is best; or language to its (n,) ranks, instances in one order.

    Raises:
        ShapeError: Not two-dimensional, or languages of different length.
        InputError: No instance, or a rank that is not finite.

    References:
        Nie et al. 2024, "Improving the Consistency in Cross-Lingual Cross-Modal Retrieval with 1-to-K Contrastive
        Learning" (CCRK), section 3.3; reported for both directions.

    >>> mean_rank_variance([[1, 3], [5, 5]])                         # ((1-2)^2 + (3-2)^2) / 2 = 1, and 0
    0.5
    >>> mean_rank_variance({"en": [1, 5], "de": [3, 5]})
    0.5
    """
    if isinstance(ranks, Mapping):
        columns = [np.asarray(one, np.float64) for one in ranks.values()]
        if len({column.shape for column in columns}) > 1:
            raise ShapeError("languages have different numbers of ranks", "rank the same instances in each language")
        table = np.stack(columns, axis=1) if columns else np.empty((0, 0))
    else:
        table = np.asarray(ranks, np.float64)
    if table.ndim != 2:
        raise ShapeError(f"ranks have shape {table.shape}", "expected (instances, languages)")
    if not table.size:
        raise InputError("no ranks", "there is nothing to measure")
    if not np.isfinite(table).all():
        raise InputError("a rank is not finite", "rank the whole gallery")
    return float(np.mean(np.var(table, axis=1)))
