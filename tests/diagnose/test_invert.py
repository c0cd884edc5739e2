"""Modality inversion on a small trained tower, and mAP by label against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from openitr.diagnose.invert import ModalityInverter, intra_modal_report, label_map
from openitr.diagnose.towers import TowerEncoder, weights_hash
from openitr.errors import InputError, ShapeError
from tests.diagnose.conftest import one_thing

pytest.importorskip("torch")


def some(count: int = 8) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [one_thing(row % 4, *(0.25 + 0.5 * rng.random(2))) for row in range(count)]


def test_oti_comes_nearer_and_leaves_the_weights_alone(tower: TowerEncoder) -> None:
    before, pictures = weights_hash(tower.model), some()
    found = ModalityInverter(tower).image_to_text(pictures, steps=60)
    assert weights_hash(tower.model) == before
    assert (found.after > found.before).all()
    assert found.after.mean() > 0.7
    targets = tower.encode_images(pictures).values
    np.testing.assert_allclose((found.features.values * targets).sum(axis=1), found.after, atol=1e-4)


def test_ovi_comes_nearer_with_one_patch_and_with_several(tower: TowerEncoder) -> None:
    texts = ["a red circle", "a green star"]
    gains = {}
    for patches in (1, 2):
        found = ModalityInverter(tower, patches=patches).text_to_image(texts, steps=40)
        assert (found.after > found.before).all()
        gains[patches] = float(found.after.mean())
    assert gains[1] > 0.3


def test_each_item_is_inverted_by_itself(tower: TowerEncoder) -> None:
    pictures = some(3)
    inverter = ModalityInverter(tower, spread=0.0)
    together = inverter.image_to_text(pictures, steps=10).features.values
    alone = inverter.image_to_text(pictures[1:2], steps=10).features.values
    np.testing.assert_allclose(together[1:2], alone, atol=1e-3)


def test_the_report_holds_together(tower: TowerEncoder) -> None:
    labels = np.arange(8) % 4
    report = intra_modal_report(ModalityInverter(tower), some(), labels, steps=30)
    vectors = tower.encode_images(some()).values
    assert report.direct == pytest.approx(label_map(vectors @ vectors.T, labels))
    assert report.advantage == report.inverted - report.direct
    assert 0 <= report.gap <= 2 and report.likeness > 0


def test_label_map_by_plain_loops() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(12, 12)).astype(np.float32), rng.integers(0, 4, 12)
    found = []
    for query in range(12):
        ranked = sorted((i for i in range(12) if i != query), key=lambda i: -scores[query, i])
        hits = [labels[i] == labels[query] for i in ranked]
        if any(hits):
            precisions = [sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit]
            found.append(sum(precisions) / len(precisions))
    assert label_map(scores, labels) == pytest.approx(np.mean(found))


def test_refusals(tower: TowerEncoder) -> None:
    with pytest.raises(InputError, match="0 to invert"):
        ModalityInverter(tower).image_to_text([])
    with pytest.raises(ShapeError, match="no label stands twice"):
        label_map(np.eye(3, dtype=np.float32), np.arange(3))
