"""Small pictures of two coloured shapes, with captions that differ in who has which colour.

Shapes lie near the middle of their quarter, so that a patch of half the side holds one of them: towers from scratch
learn shapes and colours in seconds, and what is left to learn is which colour belongs to which shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from openitr.datasets.scenes import Scene, Thing, render
from openitr.embeddings import Floats, Ints
from openitr.search.pipeline import Candidates
from openitr.search.rerank import Rerank
from openitr.types import Part, Query

if TYPE_CHECKING:
    from torch import Tensor

    from openitr.models import WordTokenizer
    from openitr.search.rerank import Scorer
    from openitr.train import Examples

KINDS = "circle", "square", "triangle", "star", "heart", "moon"
COLOURS = "red", "green", "blue", "yellow", "black", "pink"


@dataclass(frozen=True, eq=False)
class TwoShapes:
    """Scenes of two shapes, one in the left half and one in the right.

    Args:
        scenes: Of two things each.
        texts: "red circle blue square", from left to right.
    """

    scenes: Sequence[Scene]
    texts: Sequence[str]

    def __len__(self) -> int:
        return len(self.scenes)

    def pixels(self, size: int = 32) -> Tensor:
        """(n, 3, size, size) uint8."""
        import torch

        return torch.from_numpy(np.stack([render(scene, size) for scene in self.scenes])).permute(0, 3, 1, 2).clone()

    def swapped(self) -> TwoShapes:
        """The same pictures with captions in which the two colours changed places: none is true."""
        return replace(self, texts=[_caption(_recoloured(scene)) for scene in self.scenes])

    def examples(self, tokenizer: WordTokenizer, size: int = 32) -> Examples:
        """Pictures and ids for a trainer."""
        from openitr.train import Examples

        return Examples(self.pixels(size), tokenizer.encode(self.texts), np.arange(len(self)), None, "two shapes")

    def regions(self, size: int = 32, patch: int = 6) -> Floats:
        """What a detector would give: (n, 2, 3 patch² + 7), the pixels of each box as a small square, and its place."""
        import torch

        from openitr.models import places

        found: list[Any] = []
        for scene, pixels in zip(self.scenes, self.pixels(size).float() / 127.5 - 1, strict=True):
            crops = []
            for thing in scene.things:
                x0, y0, x1, y1 = (v * size for v in thing.box)
                part = pixels[:, max(0, int(y0)) : int(y1) + 1, max(0, int(x0)) : int(x1) + 1]
                crops.append(torch.nn.functional.adaptive_avg_pool2d(part, patch).flatten())
            boxes = torch.tensor([thing.box for thing in scene.things])
            found.append(torch.cat([torch.stack(crops), places(boxes)], 1))
        return np.asarray(torch.stack(found).numpy(), np.float32)


def two_shapes(n: int, seed: int, *, different: bool = False, without: Sequence[str] = ()) -> TwoShapes:
    """Draw some.

    Args:
        n: How many.
        seed: Of the draw.
        different: No caption twice.
        without: Captions to leave out.

    >>> some = two_shapes(2, seed=0)
    >>> some.texts[0], some.swapped().texts[0]
    ('black circle pink star', 'pink circle black star')
    """
    scenes: list[Scene] = []
    texts: list[str] = []
    rng, out = np.random.default_rng(seed), set(without)
    while len(scenes) < n:
        first, second = (_shape(rng, side) for side in (0.25, 0.75))
        scene = Scene((first, second), "plain")
        text = _caption(scene)
        # With equal colours a swap changes nothing.
        if first.colour == second.colour or text in out:
            continue
        if different:
            out.add(text)
        scenes.append(scene)
        texts.append(text)
    return TwoShapes(scenes, texts)


def _shape(rng: np.random.Generator, side: float) -> Thing:
    """A shape near the middle of a quarter of the picture on one side."""
    x, y = side + rng.uniform(-0.04, 0.04), (0.25, 0.75)[int(rng.random() * 2)] + rng.uniform(-0.04, 0.04)
    kind, colour = (words[int(rng.random() * len(words))] for words in (KINDS, COLOURS))
    return Thing(kind, colour, "large", "plain", round(float(x), 4), round(float(y), 4))


def _recoloured(scene: Scene) -> Scene:
    first, second = scene.things
    return replace(scene, things=(replace(first, colour=second.colour), replace(second, colour=first.colour)))


def _caption(scene: Scene) -> str:
    first, second = scene.things
    return f"{first.colour} {first.kind} {second.colour} {second.kind}"


def first_rank(scores: Any, own: Ints) -> float:
    """R@1 in percent of (queries, candidates) scores, ties against the model; ``own`` is each query's right column."""
    scores = np.asarray(scores)
    best = scores[np.arange(len(own)), own]
    return float(((scores >= best[:, None]).sum(1) == 1).mean() * 100)


def reranked(scores: Any, texts: Sequence[str], scorer: Scorer, top: int) -> Any:
    """Scores after the product's own :class:`~openitr.search.Rerank`, without a deadline.

    Args:
        scores: (q, n) of the first stage; a candidate's id is its column.
        texts: The q queries.
        scorer: Of the stage, such as :class:`~openitr.search.rerank.CrossEncoder`.
        top: How many candidates of each query are judged anew.

    >>> again = reranked(np.array([[3.0, 2.0, 1.0]]), ["a"], lambda query, ids, some: ids, 2)
    >>> (-again[0]).argsort(kind="stable").tolist()
    [1, 0, 2]
    """
    stage = Rerank(scorer, top=top, deadline_ms=None, batch=top)
    found = np.array(scores, np.float64)
    for query, text in enumerate(texts):
        order = np.argsort(-found[query], kind="stable")
        made = stage(Query([Part(text)]), Candidates(order, found[query, order]))
        found[query, made.ids] = made.scores
    return found
