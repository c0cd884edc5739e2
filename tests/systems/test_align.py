"""ALIGN's composed query, in plain loops, and the card on real photos."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.systems import Budget, align

COLOURS = np.array(["red", "red", "blue", "blue", "red", "green", ""])
KINDS = np.array(["shirt", "shirt", "shirt", "shirt", "shoe", "shoe", "shirt"])
NAMES = ["blue", "green", "red"]


def test_only_photos_with_a_plain_neighbour_and_another_colour_of_their_kind_are_asked_for() -> None:
    sources, wanted = align.other_colours(COLOURS, KINDS, NAMES, 0)
    # The shoes have no second one of their colour; a photo without a colour is none's neighbour.
    assert sources.tolist() == [0, 1, 2, 3]
    assert [NAMES[place] for place in wanted] == ["blue", "blue", "red", "red"]


def test_the_asked_colour_counts_where_it_is_above_the_own_one_and_the_source_is_no_answer() -> None:
    scores = np.array(
        [
            [9.0, 0.5, 0.6, 0.1, 0.9, 0.9, 0.9],  # photo 2 is blue and above photo 1; photo 0 is the source
            [0.7, 9.0, 0.6, 0.1, 0.9, 0.9, 0.9],  # photo 0 is red and above both blue ones
        ]
    )
    found = align.first_in_colour(scores, np.array([0, 1]), np.array(["blue", "blue"]), COLOURS, KINDS)
    assert found == 50.0


def test_a_query_that_ignores_the_word_rarely_finds_the_other_colour() -> None:
    """Vectors that are colour and kind: the sum finds the asked colour, the picture alone never does."""
    rng = np.random.default_rng(0)
    colours, kinds = rng.choice(["red", "blue"], 60), rng.choice(["shirt", "shoe"], 60)
    axes = {name: np.eye(4)[row] for row, name in enumerate(("red", "blue", "shirt", "shoe"))}
    vectors = np.stack([axes[c] + axes[k] for c, k in zip(colours, kinds, strict=True)])
    vectors += 0.01 * rng.standard_normal(vectors.shape)
    sources, wanted = align.other_colours(colours, kinds, ["blue", "red"], 0)
    asked = np.array(["blue", "red"])[wanted]
    both = vectors[sources] + 1.5 * np.stack([axes[name] for name in asked])
    scores = [query @ vectors.T for query in (both, vectors[sources])]
    found, alone = (align.first_in_colour(one, sources, asked, colours, kinds) for one in scores)
    assert found == 100.0 and alone == 0.0


@pytest.mark.real_data
@pytest.mark.slow
def test_the_card_runs_and_noise_hurts(real_data: object) -> None:
    assert align.experiment(Budget(300)).checks[0].passed
