"""A double for a language model that knows the truth about scenes, and errs as often as it is told to.

It stands in experiments where a published system had a large model, so that the system's own part is what is measured.
It is no model, and nothing outside this room uses it.
"""

from __future__ import annotations

import numpy as np

from openitr.datasets.scenes import Scene, edit
from openitr.search.compose.captions import MARKER
from openitr.systems.edited_scenes import ACTIONS, WORLD, Asked, caption, part_of
from openitr.types import ImageArray


class SceneOracle:
    """Captions pictures of scenes and rewrites captions by the truth.

    Args:
        asked: The queries whose pictures and answers it knows.
        error: Share of pictures it takes for another scene, one edit away.
        seed: Of which, and for which.

    Attributes:
        captioned, rewritten: How often it was asked.

    >>> from openitr.systems.card import Budget
    >>> from openitr.systems.edited_scenes import edited_scenes
    >>> test = edited_scenes(Budget()).test                                             # doctest: +SKIP
    >>> SceneOracle(test).captioner(test.pictures[0])                                   # doctest: +SKIP
    'A large red striped circle. The background is the sea.'
    """

    def __init__(self, asked: Asked, *, error: float = 0.0, seed: int = 0) -> None:
        rng = np.random.default_rng([seed, 77])
        self._seen = {
            picture.tobytes(): edit(scene, rng, WORLD, ACTIONS).after if rng.random() < error else scene
            for picture, scene in zip(asked.pictures, asked.scenes, strict=True)
        }
        self._edited = {
            (caption(asked.scenes[before]), triplet.text): caption(asked.scenes[after])
            for triplet, before, after in zip(asked.triplets, asked.references, asked.targets, strict=True)
        }
        self._wrong = {
            (caption(self.scene(asked.pictures[before])), triplet.text): _after(
                self.scene(asked.pictures[before]), asked.scenes[before], asked.scenes[after]
            )
            for triplet, before, after in zip(asked.triplets, asked.references, asked.targets, strict=True)
        }
        self.captioned = self.rewritten = 0

    def scene(self, picture: ImageArray) -> Scene:
        """What it takes a picture for."""
        return self._seen[picture.tobytes()]

    def captioner(self, picture: ImageArray) -> str:
        """All that can be said of a picture."""
        self.captioned += 1
        return caption(self.scene(picture))

    def part(self, picture: ImageArray) -> str:
        """Less than all: one thing, or the background."""
        self.captioned += 1
        return part_of(self.scene(picture), np.random.default_rng(len(caption(self.scene(picture)))))

    def rewriter(self, said: str, text: str) -> str:
        """The caption after the edit, in the form a model is asked for; what it never heard of is joined."""
        self.rewritten += 1
        known = self._edited.get((said, text)) or self._wrong.get((said, text)) or f"{said} {text}"
        return f"{MARKER} {known}"


def _after(taken: Scene, before: Scene, after: Scene) -> str:
    """A wrong reading of the reference carries over to what is not edited: here, to everything but the new things."""
    new = tuple(thing for thing in after.things if thing not in before.things)
    kept = tuple(thing for thing in taken.things if thing in after.things or thing not in before.things)
    background = after.background if after.background != before.background else taken.background
    return caption(Scene((*kept, *new)[:8] or after.things, background))
