"""Occlusion maps, against an encoder whose score is known in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openitr.datasets.scenes import Scene, Thing, render
from openitr.diagnose.explain.occlusion import edges, fitted, occlusion_map
from openitr.embeddings import TokenEmbeddings
from openitr.errors import InputError
from openitr.media.prepare import Preparation
from openitr.types import ImageArray
from tests.diagnose.fakes import Reddish, half_red


def test_each_cell_loses_its_own_share() -> None:
    # 6 of 12 columns are red; a 4 x 4 grid has 8 cells of 9 red pixels out of 144 each.
    found = occlusion_map(Reddish(), half_red(), "red", grid=4)
    expected = np.zeros((4, 4))
    expected[:, :2] = 9 / 144
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == np.float32


@given(grid=st.integers(1, 12), batch=st.integers(1, 9))
def test_losses_add_up_and_batches_change_nothing(grid: int, batch: int) -> None:
    # The cells part the picture and the score is linear in the covered pixels, so the losses sum to the whole score.
    encoder = Reddish()
    found = occlusion_map(encoder, half_red(), "red", grid=grid, batch=batch)
    assert found.sum() == pytest.approx(0.5, abs=1e-5)
    assert max(encoder.batches) <= batch
    assert sum(encoder.batches) == grid * grid + 1


def test_a_cover_of_the_mean_colour_leaves_a_plain_picture_as_it_is() -> None:
    plain = np.full((12, 12, 3), (255, 0, 0), np.uint8)
    assert not occlusion_map(Reddish(), plain, "red", grid=3).any()


@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
def test_cells_are_shares_of_the_picture_as_given(fit: str) -> None:
    tall = np.zeros((60, 12, 3), np.uint8)
    tall[24:36] = (255, 0, 0)
    found = occlusion_map(Reddish(12, fit), tall, "red", grid=5)
    assert set(found.argmax(axis=0)) == {2}
    assert (found[[0, 4]] == 0).all()


def test_maps_of_token_embeddings() -> None:
    class Late(Reddish):
        kind = "late"

        def encode_images(self, images: Sequence[ImageArray]) -> TokenEmbeddings:  # type: ignore[override]
            dense = super().encode_images(images).values
            return TokenEmbeddings(dense, np.arange(len(images) + 1))

        def encode_texts(self, texts: Sequence[str]) -> TokenEmbeddings:  # type: ignore[override]
            return TokenEmbeddings(super().encode_texts(texts).values, np.arange(len(texts) + 1))

    np.testing.assert_array_equal(
        occlusion_map(Late(), half_red(), "red", grid=4),  # type: ignore[arg-type]
        occlusion_map(Reddish(), half_red(), "red", grid=4),
    )


def test_a_picture_smaller_than_the_grid() -> None:
    assert occlusion_map(Reddish(fit="crop"), half_red(2), "red", grid=5).shape == (5, 5)
    assert edges(2, 5).tolist() == [0, 0, 1, 1, 2, 2]


def test_fitted_never_enlarges_and_keeps_proportions() -> None:
    assert fitted(np.zeros((40, 400, 3), np.uint8), Preparation(20, "crop")).shape == (20, 200, 3)
    assert fitted(np.zeros((40, 400, 3), np.uint8), Preparation(20, "pad")).shape == (20, 200, 3)
    assert fitted(np.zeros((4, 9, 3), np.uint8), Preparation(20, "crop")).shape == (4, 9, 3)
    assert fitted(np.zeros((4, 9, 3), np.uint8), Preparation(20, "squash")).shape == (20, 20, 3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"grid": 0}, "grid of 0"),
        ({"grid": 33}, "grid of 33"),
        ({"batch": 0}, "batch is 0"),
        ({"image": np.zeros((3, 3), np.uint8)}, "no picture"),
        ({"image": np.zeros((3, 3, 3), np.float32)}, "no picture"),
        ({"text": " "}, "blank"),
    ],
)
def test_refusals(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        occlusion_map(**{"encoder": Reddish(), "image": half_red(), "text": "red", **arguments})  # type: ignore[arg-type]


def test_the_shipped_model_looks_at_the_thing_that_is_named() -> None:
    from openitr import encoders

    # Whichever of the two things is named must matter more than the other one.
    cat = Thing("cat", "black", "large", "plain", 0.25, 0.5)
    car = Thing("car", "red", "large", "plain", 0.75, 0.5)
    picture = render(Scene((cat, car), "plain"), 256)
    encoder = encoders.load("default")
    named = {word: occlusion_map(encoder, picture, f"a {word}", grid=4) for word in ("cat", "car")}
    left = {word: float(found[:, :2].sum() - found[:, 2:].sum()) for word, found in named.items()}
    assert left["cat"] > left["car"]
