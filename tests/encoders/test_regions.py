"""Pictures in parts: the contract of all encoders, and what the parts are."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from openitr.embeddings import TokenEmbeddings
from openitr.encoders import OnnxEncoder, load
from openitr.encoders.checks import check_encoder
from openitr.encoders.regions import LAYOUTS, WHOLE, Regions, best_part, inside, tiles
from openitr.errors import InputError, ShapeError
from openitr.index import ManyIndex, MemoryIndex


@pytest.fixture(scope="module")
def base(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> OnnxEncoder:
    return OnnxEncoder(tiny.onnx_folder(tmp_path_factory.mktemp("model") / "tiny"))


def picture(seed: int = 0, side: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype(np.uint8)


@pytest.mark.parametrize("layout", ["whole", "corners", [WHOLE, (0.2, 0.3, 0.9, 0.8)]])
def test_the_contract_of_every_encoder(base: OnnxEncoder, layout: object) -> None:
    check_encoder(Regions(base, layout), again=lambda: Regions(base, layout))  # type: ignore[arg-type]


def test_one_region_is_the_base(base: OnnxEncoder) -> None:
    encoder, pictures = Regions(base, "whole"), [picture(0), picture(1)]
    np.testing.assert_array_equal(encoder.encode_images(pictures).values, base.encode_images(pictures).values)
    np.testing.assert_array_equal(encoder.encode_texts(["a dog"]).values, base.encode_texts(["a dog"]).values)
    assert encoder.preparation == base.preparation
    assert encoder.fingerprint != base.fingerprint


def test_every_part_is_the_base_on_its_pixels(base: OnnxEncoder) -> None:
    encoder = Regions(base, "corners")
    square = picture(side=encoder.preparation.size)
    side = len(square)
    by_hand = [
        square[round(y0 * side) : round(y1 * side), round(x0 * side) : round(x1 * side)]
        for x0, y0, x1, y1 in LAYOUTS["corners"]
    ]
    alone = np.concatenate([base.encode_images([part]).values for part in by_hand])
    np.testing.assert_allclose(encoder.encode_images([square]).values, alone, atol=1e-6)


def test_more_regions_never_lower_a_score_and_cost_their_number(base: OnnxEncoder) -> None:
    pictures, texts = [picture(seed) for seed in range(5)], ["a dog", "two dogs on grass", "x"]
    boxes = LAYOUTS["grid"]
    scores = []
    for many in (1, 4, len(boxes)):
        # Of equal preparation, so that the parts they share are the same vectors.
        encoder = Regions(base, [*boxes[:many], *boxes[1:2]])
        found = encoder.encode_images(pictures)
        assert found.values.nbytes == 5 * (many + 1) * encoder.dim * 4
        scores.append(encoder.encode_texts(texts).score(found))
    assert (scores[1] >= scores[0]).all() and (scores[2] >= scores[1]).all()
    assert (scores[2] > scores[0] + 1e-4).any()


def test_search_is_the_maximum_over_the_parts(base: OnnxEncoder) -> None:
    encoder = Regions(base, "corners")
    found = encoder.encode_images([picture(seed) for seed in range(12)])
    query = encoder.encode_texts(["two dogs"])
    index = ManyIndex(MemoryIndex("dense", encoder.dim), slots=5)
    index.add(np.arange(12), found)
    by_hand = [max(float(query.values[0] @ v) for v in found[[row]].values) for row in range(12)]
    ranking = index.search(query, 12)[0]
    np.testing.assert_allclose(ranking.scores, sorted(by_hand, reverse=True), atol=1e-6)
    part = int(best_part(query, found)[0, 3])
    assert query.values[0] @ found[[3]].values[part] == pytest.approx(by_hand[3], abs=1e-6)


def test_what_cannot_be(base: OnnxEncoder) -> None:
    with pytest.raises(InputError, match="corners"):
        Regions(base, "spiral")
    for boxes in ([], [(0.5, 0, 0.5, 1)], [(0, 0, 1.2, 1)], [(-0.1, 0, 1, 1)]):
        with pytest.raises(InputError):
            Regions(base, boxes)
    with pytest.raises(ShapeError, match="dense"):
        Regions(Regions(base), "whole")
    with pytest.raises(InputError, match="uint8"):
        Regions(base).encode_images([np.zeros((4, 4, 3), np.float32)])  # type: ignore[list-item]
    uneven = TokenEmbeddings(np.eye(3, dtype=np.float32), np.array([0, 1, 3]))
    with pytest.raises(ShapeError, match="unequal"):
        best_part(uneven, uneven)


@pytest.mark.parametrize(("side", "share"), [(1, 1.0), (2, 0.5), (3, 0.4), (4, 0.3)])
def test_tiles_cover_the_picture(side: int, share: float) -> None:
    covered = np.zeros((100, 100), bool)
    for x0, y0, x1, y1 in tiles(side, share):
        covered[round(100 * y0) : round(100 * y1), round(100 * x0) : round(100 * x1)] = True
        assert 0 <= x0 < x1 <= 1 + 1e-6 and 0 <= y0 < y1 <= 1 + 1e-6
    assert covered.all()


def test_a_box_smaller_than_a_pixel_has_one() -> None:
    assert inside(picture(), (0.999, 0.999, 1, 1)).shape == (1, 1, 3)


def test_a_collection_can_name_them(base: OnnxEncoder) -> None:
    again = load(f"regions-grid:{base.spec}")
    assert again.fingerprint == Regions(base, "grid").fingerprint and again.spec == f"regions-grid:{base.spec}"
