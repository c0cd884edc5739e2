"""The domains that calibration learns from, and those that it is judged on."""

from __future__ import annotations

from pathlib import Path

from recipes.calibration.plain import fit_pictures, plain, read_pictures
from recipes.calibration.questions import Domain, photos, products, stamps


def fitting(data: Path) -> list[Domain]:
    """What calibration learns from; the held-out photos and drawings were never trained on, the products were."""
    return [photos(data, "held"), products(data, ("train",), every=4), plain(fit_pictures(data), fitted=True)]


def reading(data: Path) -> list[Domain]:
    """What it is judged on: other splits of photos and products, stamps that nothing was trained on, and all of them
    mixed, asked for words that were not asked when fitting.
    """
    return [
        photos(data, "val", seed=1),
        photos(data, "val", only="dog", seed=1),
        products(data, ("val", "test"), seed=1),
        stamps(data, seed=1),
        plain(read_pictures(data), fitted=False),
    ]
