"""Ten near-identical pictures and a text of three clauses: which one is it? With exact answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from openitr.embeddings import Ints
from openitr.systems.two_shapes import COLOURS, KINDS

if TYPE_CHECKING:
    from openitr.datasets.scenes import Scene

MANY, SIDES = 10, ("left", "right")


@dataclass(frozen=True, eq=False)
class Sets:
    """Candidate sets over scenes of two shapes.

    Args:
        texts: One per set: three clauses.
        scenes: (n, 10, 4) int64: kind and colour on the left, kind and colour on the right, of every candidate.
        right: (n,) place of the candidate that the text is true of; no other makes all three clauses true.
        negated: (n,) whether one clause is a negation.
    """

    texts: list[str]
    scenes: Ints
    right: Ints
    negated: Any

    def __len__(self) -> int:
        return len(self.texts)


def candidate_sets(n: int, seed: int) -> Sets:
    """Draw some; in half of them one clause denies.

    Every wrong candidate makes exactly one clause false, three of them each clause, and what no clause speaks of varies
    freely, in the right one too.

    >>> some = candidate_sets(2, seed=0)
    >>> some.texts[0], some.scenes.shape
    ('red on the left, triangle on the left, black on the right', (2, 10, 4))
    """
    rng = np.random.default_rng([seed, 79])
    texts, scenes, right = [], np.empty((n, MANY, 4), np.int64), rng.integers(MANY, size=n)
    negated = rng.random(n) < 0.5
    for row in range(n):
        facts = rng.permutation(4)[:3]
        base = rng.integers(6, size=4)
        # What the denied fact is not: another value than the true one.
        denied = int(facts[2]) if negated[row] else -1
        shunned = int((base[denied] + rng.integers(1, 6)) % 6)
        order = rng.permutation(3)
        texts.append(", ".join(_clause(int(facts[at]), base, denied, shunned) for at in order))
        wrong = np.repeat(facts, 3)
        found = []
        for broken in (-1, *wrong.tolist()):
            made = base.copy()
            for fact in range(4):
                if fact not in facts:
                    made[fact] = rng.integers(6)
                elif fact == denied:
                    # Anything but what is shunned makes the clause true.
                    made[fact] = shunned if broken == denied else (shunned + rng.integers(1, 6)) % 6
                elif fact == broken:
                    made[fact] = (base[fact] + rng.integers(1, 6)) % 6
            found.append(made)
        places = rng.permutation(MANY - 1)
        others = [found[1 + int(at)] for at in places]
        others.insert(int(right[row]), found[0])
        scenes[row] = np.stack(others)
    return Sets(texts, scenes, right, negated)


def scene_of(row: Any, seed: int) -> Scene:
    """The picture's scene of a candidate (4,), moved a little at random."""
    from openitr.datasets.scenes import Scene, Thing

    rng = np.random.default_rng([seed, *(int(value) for value in row)])
    things = []
    for side in range(2):
        x, y = (0.25 + 0.5 * side + rng.uniform(-0.04, 0.04), rng.choice([0.25, 0.75]) + rng.uniform(-0.04, 0.04))
        kind, colour = KINDS[int(row[2 * side])], COLOURS[int(row[2 * side + 1])]
        things.append(Thing(kind, colour, "large", "plain", round(float(x), 4), round(float(y), 4)))
    return Scene(tuple(things), "plain")


def _clause(fact: int, base: Any, denied: int, shunned: int) -> str:
    value = shunned if fact == denied else int(base[fact])
    word = (KINDS, COLOURS)[fact % 2][value]
    return f"{'no ' if fact == denied else ''}{word} on the {SIDES[fact // 2]}"
