"""Counts to vectors: by hand where it can be, and what a name must come near where it cannot."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from openitr.encoders.joint_words import JointEmbedding, factored, ppmi, procrustes
from openitr.errors import InputError, ShapeError


@given(hnp.arrays(np.int64, (4, 3), elements=st.integers(0, 9)), st.floats(0.3, 1.0))
def test_ppmi_by_hand(counts: np.ndarray, alpha: float) -> None:
    total = int(counts.sum())
    if not total:
        with pytest.raises(ShapeError):
            ppmi(counts, alpha)
        return
    smooth = [float(counts[:, j].sum()) ** alpha for j in range(3)]
    for i in range(4):
        for j in range(3):
            wanted = 0.0
            if counts[i, j]:
                context = smooth[j] / sum(smooth)
                wanted = max(0.0, math.log(counts[i, j] / total / (counts[i].sum() / total * context)))
            assert ppmi(counts, alpha)[i, j] == pytest.approx(wanted, abs=1e-12)


@given(hnp.arrays(np.float64, (5, 4), elements=st.floats(-3, 3, width=32)), st.integers(1, 6))
def test_factors_are_the_best_of_their_rank(matrix: np.ndarray, dim: int) -> None:
    rows, columns = factored(matrix, dim)
    assert rows.shape[1] == columns.shape[1] <= min(dim, 4)
    sizes = np.linalg.svd(matrix, compute_uv=False)
    # Eckart and Young: what is left is the norm of the singular values left out.
    left = float(np.linalg.norm(matrix - rows @ columns.T))
    assert left == pytest.approx(float(np.linalg.norm(sizes[dim:])), abs=1e-6)


@given(st.integers(0, 999), st.integers(2, 6), st.booleans())
def test_procrustes_finds_a_planted_rotation(seed: int, width: int, mirrored: bool) -> None:
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.standard_normal((width, width)))
    rotation[:, 0] *= -1 if mirrored else 1
    points = rng.standard_normal((20, width))
    np.testing.assert_allclose(procrustes(points, points @ rotation), rotation, atol=1e-6)


def records() -> list[tuple[list[str], list[str], np.ndarray | None]]:
    """Crowns go with kings and tiaras with queens; kings are tall and queens wide."""
    looks = {"king": [1, 0], "queen": [0, 1], "crown": [1, 0.2], "tiara": [0.2, 1]}
    made: list[tuple[list[str], list[str], np.ndarray | None]] = []
    for one, other in (("king", "crown"), ("queen", "tiara")) * 5:
        made.append(([one, other], ["the", one, "ruler"], np.array([looks[one], looks[other]], float)))
    return made


def test_company_decides_what_is_near() -> None:
    joint = JointEmbedding.fit(records(), dim=8)
    assert joint.nearest("king", 1) == ["crown"] and joint.nearest("tiara", 1) == ["queen"]
    assert joint.vector("king") @ joint.vector("crown") > joint.vector("king") @ joint.vector("tiara") + 0.2
    assert set(joint.views) == {"together", "words", "looks"}
    pictures = joint.embed([["king", "crown"], ["queen", "tiara"]])
    assert joint.search(["queen"], pictures, 1) == [1]
    assert joint.alone("words").names == joint.names


def test_without_crops_and_without_words() -> None:
    bare = [(objects, [], None) for objects, _, _ in records()]
    joint = JointEmbedding.fit(bare, dim=4)
    assert joint.nearest("king", 1) == ["crown"]
    assert not np.any(joint.views["looks"]) and not np.any(joint.views["words"])


def test_a_thing_that_is_alone_everywhere_is_no_fault() -> None:
    joint = JointEmbedding.fit([(["cat"], ["a", "cat"], None), (["dog"], ["a", "dog"], None)], dim=4)
    assert joint.knows("cat") and not joint.knows("zebra")
    assert np.isfinite(joint.vectors).all()


def test_what_cannot_be() -> None:
    joint = JointEmbedding.fit(records(), dim=4)
    for call in (
        lambda: JointEmbedding.fit([], dim=4),
        lambda: JointEmbedding.fit([(["a", "b"], ["x"], np.zeros((1, 2)))], dim=4),
        lambda: JointEmbedding.fit([(["a"], ["x"], np.zeros((1, 2))), (["a"], ["x"], np.zeros((1, 3)))], dim=4),
        lambda: joint.vector("zebra"),
        lambda: joint.embed([["king"], ["zebra"]]),
        lambda: joint.alone("smell"),
    ):
        with pytest.raises(InputError):
            call()
    with pytest.raises(ShapeError):
        ppmi([[-1, 2]])
    with pytest.raises(ShapeError):
        procrustes(np.zeros((2, 2)), np.zeros((3, 2)))
