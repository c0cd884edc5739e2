"""What written words are worth: how much likelier it is that a picture answers, in log-odds (ours).

BM25 is a sum of log-odds already, under the assumption that words come alone (Robertson and Zaragoza 2009, section 3).
They do not, so a unit of it is worth less than one: 0.3, fitted like the other figures here on 500 photos of Flickr8k's
training split that no model was trained on, each asked for by one caption with another one beside it, or beside every
second, fourth or tenth photo.

A picture that nobody described is judged by its looks alone. To hold its missing words against it is what reciprocal
ranks do: where one photo in two had a caption, they brought the right one to the front for 28 questions of a hundred,
fewer than the looks alone (34), and this for 44. So it counts as if half as much were written of it as of the best: a
described picture with less is less likely than its looks say, one with more is more likely.

Where more than half of the question is written, and all of it more than anything, the words are hardly there by chance:
a name that no model knows outweighs all looks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

UNIT = 0.3
# Of a look: what a standard deviation above unrelated pictures is worth.
SPREAD = 1.5
NEUTRAL = 0.5
WHOLE = 0.9


def worth(
    bm25: npt.NDArray[Any], shares: npt.NDArray[Any], described: npt.NDArray[np.bool_], best: float
) -> npt.NDArray[np.float64]:
    """Log-odds of pictures by what is written of them.

    Args:
        bm25: (m,) 0 where none of the words is written.
        shares: (m,) of the question that is written, 0 to 1; see :meth:`openitr.collection.wording.WordIndex.told`.
        described: (m,) whether somebody described the picture.
        best: The highest BM25 of all pictures that were asked.

    >>> some = worth(np.array([6.0, 0.0, 0.0]), np.array([0.5, 0, 0]), np.array([True, True, False]), 6.0)
    >>> some.round(2).tolist()
    [0.9, -0.9, 0.0]
    """
    scores = np.asarray(bm25, np.float64)
    beyond = scores - NEUTRAL * best
    # The name of a picture that nobody described may speak for it, and never against it.
    told = np.where(described, beyond, np.maximum(beyond, 0.0))
    whole = np.clip((np.asarray(shares, np.float64) - 0.5) / 0.5, 0.0, 1.0)
    return np.asarray(UNIT * told + WHOLE * whole * scores, np.float64)
