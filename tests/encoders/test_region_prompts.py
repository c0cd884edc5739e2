"""Points, boxes and masks: what they mark, and what is refused."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.encoders.region_prompts import RegionEncoder, RegionPrompt, by_colour, point_grid, shrunk
from openitr.errors import InputError, ShapeError
from openitr.media.prepare import Preparation


class Marked:
    """Mean colour under each mask, beside that of the whole: what an embedder of prompts sees, and no more."""

    dim = 7

    def embed(self, pictures: Sequence[np.ndarray], masks: np.ndarray, texts: Sequence[str]) -> np.ndarray:
        rows = []
        for picture, marked, text in zip(pictures, masks, texts, strict=True):
            under = [(picture * one[..., None]).sum((0, 1)) / max(one.sum(), 1e-6) for one in marked]
            rows.append([*np.mean(under, axis=0), *picture.mean((0, 1)), len(text) + 1])
        return np.array(rows, np.float32)


def picture(seed: int = 0, height: int = 30, width: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def encoder() -> RegionEncoder:
    return RegionEncoder(Marked(), Preparation(8))


def test_a_full_mask_is_a_full_box_and_no_prompt_is_the_grid() -> None:
    image = picture()
    full = encoder().encode(image, mask=np.ones((30, 40), bool)).values
    np.testing.assert_allclose(encoder().encode(image, box=(0, 0, 40, 30)).values, full, atol=1e-6)
    unsaid = encoder().encode(image).values
    np.testing.assert_array_equal(encoder().encode(image).values, unsaid)
    np.testing.assert_array_equal(encoder().encode_prompts(image, point_grid(image)).values, unsaid)
    assert len(point_grid(image)) == 9


def test_another_box_or_text_is_another_vector() -> None:
    image = picture()
    one = encoder().encode(image, box=(0, 0, 10, 10)).values
    assert np.abs(one - encoder().encode(image, box=(20, 10, 40, 30)).values).max() > 1e-3
    assert np.abs(one - encoder().encode(image, box=(0, 0, 10, 10), text="beside what?").values).max() > 1e-3


@pytest.mark.parametrize(
    "asked",
    [
        {"point": (40, 3)},
        {"point": (3, 30)},
        {"point": (-0.1, 3)},
        {"box": (0, 0, 41, 10)},
        {"box": (-1, 0, 4, 10)},
        {"box": (5, 5, 5, 9)},
        {"box": (9, 5, 5, 9)},
        {"mask": np.ones((40, 30), bool)},
        {"mask": np.zeros((30, 40), bool)},
        {"point": (1, 1), "box": (0, 0, 4, 4)},
    ],
)
def test_what_is_outside_is_refused(asked: dict[str, object]) -> None:
    with pytest.raises(InputError):
        encoder().encode(picture(), **asked)  # type: ignore[arg-type]


def test_other_refusals() -> None:
    with pytest.raises(InputError, match="squash"):
        RegionEncoder(Marked(), Preparation(8, "pad"))
    with pytest.raises(InputError):
        RegionPrompt()
    with pytest.raises(InputError):
        encoder().encode_prompts(picture(), [])
    broken = RegionEncoder(Marked(), Preparation(8), lambda image, point: np.ones((2, 2), bool))
    with pytest.raises(ShapeError):
        broken.encode(picture(), point=(1, 1))


@given(st.integers(0, 9999), st.integers(1, 9), st.integers(1, 9), st.integers(0, 200))
def test_a_point_is_the_connected_pixels_of_its_colour(seed: int, height: int, width: int, tolerance: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.choice([0, 60, 250], (height, width, 1)).repeat(3, 2).astype(np.uint8)
    at = int(rng.integers(width)), int(rng.integers(height))
    colour = image[at[1], at[0]].astype(float)
    reached, queue = {(at[1], at[0])}, deque([(at[1], at[0])])
    while queue:
        y, x = queue.popleft()
        for one in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            inside = 0 <= one[0] < height and 0 <= one[1] < width
            if inside and one not in reached and np.linalg.norm(image[one].astype(float) - colour) <= tolerance:
                reached.add(one)
                queue.append(one)
    found = by_colour(image, (at[0] + 0.5, at[1] + 0.5), tolerance)
    assert {(int(y), int(x)) for y, x in np.argwhere(found)} == reached


def test_a_shrunk_mask_keeps_its_share() -> None:
    mask = np.zeros((30, 40), bool)
    mask[:15, :20] = True
    assert shrunk(mask, 8).mean() == pytest.approx(0.25, abs=0.01)  # bytes between
