"""Whatever is done to a file, it is decoded or refused; nothing else leaves ``decode``."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from openitr.errors import UnreadableImage
from openitr.media import Limits, decode
from tests.media.mutants import MUTATIONS, mutants
from tests.media.samples import encoded, family, quadrants

FAMILY = family() | {
    "jpeg-progressive": encoded(quadrants(200, 150), "JPEG", progressive=True),
    "tiff-lzw": encoded(quadrants(), "TIFF", compression="tiff_lzw"),
    "tiff-jpeg": encoded(quadrants(), "TIFF", compression="jpeg"),
    "webp-lossy": encoded(quadrants(), "WEBP"),
    "gif-animated": encoded(
        Image.fromarray(quadrants()),
        "GIF",
        save_all=True,
        append_images=[Image.new("RGB", (48, 32))],
    ),
}
LIMITS = Limits(max_pixels=2_000_000)
REASONS = {
    "corrupt", "truncated", "empty file", "not a picture", "too many pixels", "no pixels", "endless to decode",
    "needs too much memory", "too complex", "unsafe", "JPEG XL is not supported", "Photoshop is not supported",
    "camera raw is not supported",
}  # fmt: skip


def survives(data: bytes) -> bool:
    """Whether it decoded; anything but a picture of sane shape or a known reason fails the test."""
    try:
        picture = decode(data, shrink_to=16, limits=LIMITS)
    except UnreadableImage as error:
        assert error.reason in REASONS, error
        return False
    assert picture.array.ndim == 3 and picture.array.shape[2] == 3 and picture.array.size
    assert picture.width * picture.height <= LIMITS.max_pixels or picture.format == "svg"
    return True


@pytest.mark.parametrize("name", sorted(FAMILY))
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), how=st.sampled_from(MUTATIONS))
def test_a_mutant_of_any_format_is_decoded_or_refused(name: str, seed: int, how: object) -> None:
    rng = random.Random(seed)
    survives(how(FAMILY[name], rng))  # type: ignore[operator]


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=2000), name=st.sampled_from(sorted(FAMILY)), keep=st.integers(0, 64))
def test_noise_behind_a_good_beginning(data: bytes, name: str, keep: int) -> None:
    survives(FAMILY[name][:keep] + data)


@pytest.mark.parametrize("name", sorted(FAMILY))
def test_the_sources_are_good(name: str) -> None:
    assert survives(FAMILY[name])


def test_mutants_are_the_same_for_the_same_seed_and_of_every_kind() -> None:
    made = mutants(FAMILY, 400, seed=7)
    assert made == mutants(FAMILY, 400, seed=7)
    assert made != mutants(FAMILY, 400, seed=8)
    assert len({name for name, _ in made}) == 400
    for mutation in MUTATIONS:
        assert sum(mutation.__name__ in name for name, _ in made) >= 16
    good = set(FAMILY.values())
    changed = [name for name, data in made if "untouched" not in name and data in good]
    # A mutation may hit nothing (two equal blocks swapped); most must hit.
    assert len(changed) < 40
