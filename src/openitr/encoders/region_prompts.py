"""A point, a box or a mask in a picture as part of the question: a vector of that thing, in its scene.

VIRTUE (Wang et al. 2025, arXiv:2510.00523) has SAM make a mask of the prompt and gives the masked part to the embedder
as tokens beside those of the whole picture. Without a prompt, a 3 x 3 grid of points names nine entities. Here the
segmenter and the model behind are given; a segmenter of flat colours (ours) is there for drawings and tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from openitr.embeddings import DenseEmbeddings, Floats
from openitr.errors import InputError, ShapeError
from openitr.media.prepare import Preparation
from openitr.types import ImageArray

Mask: TypeAlias = npt.NDArray[np.bool_]
Point: TypeAlias = tuple[float, float]
Segmenter: TypeAlias = Callable[[ImageArray, Point], Mask]
"""A picture and a point (x, y) in pixels to the (h, w) mask of what lies there."""


@dataclass(frozen=True, eq=False)
class RegionPrompt:
    """Where to look: one of a point, a box and a mask.

    Args:
        point: (x, y) in pixels, from 0 up to the width and height.
        box: (left, top, right, bottom) in pixels.
        mask: (h, w) bool.

    Raises:
        InputError: None or several of them; or, for a picture, coordinates outside it, a box without area, a mask of
            another size or without a pixel.

    >>> RegionPrompt(box=(1, 0, 3, 1)).masks(np.zeros((2, 4, 3), np.uint8), by_colour)[0].astype(int).tolist()
    [[0, 1, 1, 0], [0, 0, 0, 0]]
    """

    point: Point | None = None
    box: tuple[float, float, float, float] | None = None
    mask: Mask | None = None

    def __post_init__(self) -> None:
        given = sum(one is not None for one in (self.point, self.box, self.mask))
        if given != 1:
            raise InputError(f"{given} of point, box and mask are given", "give exactly one")

    def masks(self, image: ImageArray, segment: Segmenter) -> Mask:
        """(1, h, w) bool, the part of the picture that is meant; a box is filled, a point is what lies there."""
        height, width = image.shape[:2]
        if self.mask is not None:
            found = np.asarray(self.mask, bool)
            if found.shape != (height, width) or not found.any():
                raise InputError(
                    f"a mask of shape {found.shape} for a picture of {height} x {width}", "mark a pixel at least"
                )
        elif self.box is not None:
            x0, y0, x1, y1 = self.box
            if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
                raise InputError(
                    f"box {self.box} in a picture of {width} x {height} pixels", "give left, top, right, bottom in it"
                )
            found = np.zeros((height, width), bool)
            found[int(y0) : max(int(y0) + 1, round(y1)), int(x0) : max(int(x0) + 1, round(x1))] = True
        else:
            assert self.point is not None
            x, y = self.point
            if not (0 <= x < width and 0 <= y < height):
                raise InputError(f"point {self.point} in a picture of {width} x {height} pixels", "give one inside it")
            found = np.asarray(segment(image, (x, y)), bool)
            if found.shape != (height, width):
                raise ShapeError(f"the segmenter gave a mask of shape {found.shape}", f"it must be {(height, width)}")
        return found[None]


def point_grid(image: ImageArray, side: int = 3) -> list[RegionPrompt]:
    """Points in the middles of ``side`` x ``side`` cells, row by row: what an encoder looks at when nothing is said.

    >>> [prompt.point for prompt in point_grid(np.zeros((60, 30, 3), np.uint8))][:3]
    [(5.0, 10.0), (15.0, 10.0), (25.0, 10.0)]
    """
    height, width = image.shape[:2]
    steps = [(i + 0.5) / side for i in range(side)]
    return [RegionPrompt(point=(x * width, y * height)) for y in steps for x in steps]


def by_colour(image: ImageArray, point: Point, tolerance: float = 40.0) -> Mask:
    """The connected pixels whose colour is within ``tolerance`` of that at the point (Euclidean, 0 to 441).

    A flood fill: good for drawings and flat colours, no segmenter of photographs; give SAM or its like for those.

    >>> picture = np.zeros((4, 6, 3), np.uint8)
    >>> picture[:, 2:4] = 255
    >>> by_colour(picture, (0, 0)).sum(), by_colour(picture, (2.5, 1)).sum()
    (np.int64(8), np.int64(8))
    """
    column, row = int(point[0]), int(point[1])
    near = np.linalg.norm(image.astype(np.float32) - image[row, column].astype(np.float32), axis=2) <= tolerance
    found: Mask = np.zeros(near.shape, bool)
    found[row, column] = True
    # The front alone moves, so the work grows with the filled area and not with the number of rounds times it.
    front = [(row, column)]
    height, width = near.shape
    while front:
        reached = []
        for y, x in front:
            for down, right in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= down < height and 0 <= right < width and near[down, right] and not found[down, right]:
                    found[down, right] = True
                    reached.append((down, right))
        front = reached
    return found


class RegionModel(Protocol):
    """What embeds prepared pictures with marked parts.

    Attributes:
        dim: Width of the vectors.
    """

    dim: int

    def embed(self, pictures: Sequence[ImageArray], masks: npt.NDArray[np.float32], texts: Sequence[str]) -> Floats:
        """Prepared squares, (n, parts, side, side) masks from 0 to 1 and a text each ("" for none), to (n, dim)."""
        ...


class RegionEncoder:
    """Pictures with a prompt to vectors.

    Args:
        backbone: The model.
        preparation: How pictures become its squares; fit "squash", so that masks follow the picture.
        segmenter: Makes a mask of a point.
        grid: Side of the grid of points where there is no prompt.

    Raises:
        InputError: A preparation that cuts or pads.

    >>> encoder = RegionEncoder(model, Preparation(32), sam)                           # doctest: +SKIP
    >>> encoder.encode(picture, box=(10, 20, 60, 80), text="next to what?").dim        # doctest: +SKIP
    128
    """

    def __init__(
        self, backbone: RegionModel, preparation: Preparation, segmenter: Segmenter = by_colour, *, grid: int = 3
    ) -> None:
        if preparation.fit != "squash":
            raise InputError(f"preparation that {preparation.fit}s", 'use fit="squash", or masks would not fit')
        self.backbone, self.preparation, self.segmenter, self.grid = backbone, preparation, segmenter, grid
        self.dim = backbone.dim

    def encode(
        self,
        image: ImageArray,
        *,
        point: Point | None = None,
        box: tuple[float, float, float, float] | None = None,
        mask: Mask | None = None,
        text: str = "",
    ) -> DenseEmbeddings:
        """Embed one picture, with a prompt or as a whole: (1, dim).

        Raises:
            InputError: Several prompts, or one that is outside the picture.
        """
        if point is None and box is None and mask is None:
            return self.encode_prompts(image, point_grid(image, self.grid), text)
        return self.encode_prompts(image, [RegionPrompt(point, box, mask)], text)

    def encode_prompts(self, image: ImageArray, prompts: Sequence[RegionPrompt], text: str = "") -> DenseEmbeddings:
        """Embed one picture with several parts marked at once: (1, dim)."""
        if not prompts:
            raise InputError("no part is marked", "give a prompt, or call encode without one")
        marked = np.concatenate([prompt.masks(image, self.segmenter) for prompt in prompts])
        small = np.stack([shrunk(one, self.preparation.size) for one in marked])
        return DenseEmbeddings.normalise(self.backbone.embed([self.preparation(image)], small[None], [text]))


def shrunk(mask: Mask, side: int) -> npt.NDArray[np.float32]:
    """A mask as the (side, side) square of the share of each pixel that it covers."""
    from PIL import Image

    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    found: npt.NDArray[np.float32] = np.asarray(
        picture.resize((side, side), Image.Resampling.BOX), np.float32
    ) / np.float32(255)
    return found
