"""Linear probes: what is there is read, what is not is not, and memorising shows."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.diagnose.probe import concept_direction, linear_probe
from openitr.diagnose.taxonomy import TAXONOMY, Leaf
from openitr.errors import InputError, ShapeError


def test_a_label_that_is_there_is_read_and_one_that_is_not_is_not() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    vectors = np.eye(3)[labels] @ rng.normal(size=(3, 10)) * 3 + rng.normal(size=(300, 10))
    found = linear_probe(vectors.astype(np.float32), labels)
    assert found.accuracy > 0.9 and found.selectivity > 0.4
    blind = linear_probe(rng.normal(size=(300, 10)).astype(np.float32), labels)
    assert abs(blind.accuracy - 1 / 3) < 0.15
    assert abs(blind.selectivity) < 0.2


def test_a_probe_that_memorises_shows_in_the_control() -> None:
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(60, 400)).astype(np.float32)
    found = linear_probe(wide, rng.integers(0, 2, 60), ridge=1e-6)
    assert found.fit == found.control_fit == 1, "more dimensions than items: any labels can be fitted"


def test_a_concept_that_was_planted_is_found() -> None:
    rng = np.random.default_rng(0)
    has, way = rng.integers(0, 2, 200), np.eye(16)[3]
    vectors = (rng.normal(size=(200, 16)) + 3 * has[:, None] * way).astype(np.float32)
    line, auc = concept_direction(vectors, has)
    assert abs(line[3]) > 0.9 and auc > 0.95
    assert np.linalg.norm(line) == pytest.approx(1, abs=1e-5)


def test_refusals() -> None:
    x = np.zeros((4, 2), np.float32)
    with pytest.raises(ShapeError, match="one label"):
        linear_probe(x, np.zeros(3, np.int64))
    with pytest.raises(InputError, match="two labels"):
        linear_probe(x, np.zeros(4, np.int64))
    with pytest.raises(InputError, match="or none"):
        concept_direction(x, np.ones(4, np.int64))


@pytest.mark.parametrize("leaf", TAXONOMY, ids=lambda leaf: leaf.name)
def test_every_leaf_resolves_or_says_why_not(leaf: Leaf) -> None:
    assert bool(leaf.code) != bool(leaf.why_not)
    assert (leaf.resolve() is not None) == bool(leaf.code)


def test_a_leaf_that_names_nothing_is_found_out() -> None:
    with pytest.raises(ImportError, match="not there"):
        Leaf("data", "x", "openitr.diagnose.gap.nothing").resolve()
    with pytest.raises(ImportError, match="not there"):
        Leaf("data", "x", "nowhere.at_all").resolve()
