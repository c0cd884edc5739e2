"""What every composer must do, ours or a user's."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.errors import QueryError
from openitr.search.compose import Composer


def check_composer(composer: Composer, reference, *, text="red", other="blue") -> None:
    """One row of length 1, the same each time; strength 0 ignores the text, strength 1 does not."""
    assert isinstance(composer, Composer) and composer.name
    first = composer.compose(reference, text)
    assert first.values.shape == (1, first.dim) and np.isclose(np.linalg.norm(first.values), 1, atol=1e-4)
    assert np.array_equal(first.values, composer.compose(reference, f"  {text} ").values)
    still = [composer.compose(reference, said, 0.0).values for said in (text, other)]
    assert np.allclose(*still, atol=1e-6)
    moved = [composer.compose(reference, said, 1.0).values for said in (text, other)]
    if composer.name != "image only":
        assert not np.allclose(*moved, atol=1e-3)
    for blank in ("", " \n"):
        with pytest.raises(QueryError, match="nothing should be different"):
            composer.compose(reference, blank)
    for strength in (-0.1, 4.1, float("nan")):
        with pytest.raises(QueryError, match="out of range"):
            composer.compose(reference, text, strength)
