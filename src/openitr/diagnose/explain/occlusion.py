"""What the score loses when a part of the picture is covered: an explanation that every encoder can give.

Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2. Covering with the
picture's own mean colour instead of grey is ours: grey is itself a thing to see on a snow field.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Embeddings, Floats
from openitr.encoders.base import Encoder
from openitr.errors import InputError
from openitr.media.prepare import Preparation
from openitr.types import ImageArray

MOST_CELLS = 32


def occlusion_map(encoder: Encoder, image: ImageArray, text: str, grid: int = 6, batch: int = 8) -> Floats:
    """How much of the score each cell of a grid carries: the score lost when the cell takes the picture's mean colour.

    Args:
        encoder: Any.
        image: (h, w, 3) uint8 RGB, any size.
        text: What the picture is matched with.
        grid: Cells a side, 1 to 32; the picture is scored ``grid * grid + 1`` times.
        batch: How many covered pictures are made and embedded at a time.

    Returns:
        (grid, grid) float32 in the unit of the score (cosine for dense encoders), row 0 at the top. Above zero the
        cell speaks for the text, below zero against it. Cells are shares of the picture as given, whatever the
        encoder crops.

    Raises:
        InputError: A grid or batch out of range, an array that is no picture, a blank text.

    >>> from openitr import encoders, datasets
    >>> from openitr.datasets.scenes import Scene, Thing, render
    >>> picture = render(Scene((Thing("star", "red", "small", "plain", 0.2, 0.2),)), 96)
    >>> occlusion_map(encoders.load("conse"), picture, "a red star", grid=3).shape
    (3, 3)
    """
    if not 1 <= grid <= MOST_CELLS:
        raise InputError(f"a grid of {grid} cells a side", f"use 1 to {MOST_CELLS}")
    if batch < 1:
        raise InputError(f"batch is {batch}", "use 1 or more")
    picture = fitted(image, encoder.preparation)
    asked = encoder.encode_texts([text])
    whole = score(asked, encoder.encode_images([picture]))[0]
    left: list[float] = []
    held: list[ImageArray] = []
    for covered in _covered(picture, grid):
        held.append(covered)
        if len(held) == batch:
            left.extend(score(asked, encoder.encode_images(held)))
            held = []
    if held:
        left.extend(score(asked, encoder.encode_images(held)))
    lost: Floats = (whole - np.array(left, np.float32)).reshape(grid, grid)
    return lost


def fitted(image: ImageArray, preparation: Preparation) -> ImageArray:
    """The picture no larger than the encoder needs, in its own proportions, so that covering it costs little.

    Raises:
        InputError: An array that is no picture.
    """
    from PIL import Image

    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise InputError(
            f"an array of shape {image.shape} and type {image.dtype} is no picture", "give (h, w, 3) uint8"
        )
    if preparation.fit == "squash":
        return preparation(image)
    height, width = image.shape[:2]
    # The short side even where the encoder pads, or a long picture would have fewer pixels across than the grid cells.
    scale = preparation.size / min(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def score(asked: Embeddings, pictures: Embeddings) -> npt.NDArray[np.float32]:
    """(n,) scores of one text with n pictures."""
    return cast("npt.NDArray[np.float32]", np.asarray(asked.score(pictures)[0], np.float32))  # type: ignore[arg-type]


def edges(side: int, grid: int) -> npt.NDArray[np.int64]:
    """(grid + 1,) pixel borders of the cells along one side; a side shorter than the grid has empty cells.

    >>> edges(10, 3).tolist()
    [0, 3, 7, 10]
    """
    return np.round(np.linspace(0, side, grid + 1)).astype(np.int64)


def _covered(picture: ImageArray, grid: int) -> Iterator[ImageArray]:
    """The picture with one cell covered, row by row."""
    mean = picture.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    down, across = edges(picture.shape[0], grid), edges(picture.shape[1], grid)
    for row in range(grid):
        for column in range(grid):
            covered = picture.copy()
            covered[down[row] : down[row + 1], across[column] : across[column + 1]] = mean
            yield covered
