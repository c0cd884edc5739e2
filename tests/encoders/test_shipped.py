"""The models inside the package: the battery, terms, and that they tell plain things apart."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from openitr import datasets
from openitr.encoders import WEIGHTS, available, load
from openitr.encoders.checks import check_encoder
from openitr.encoders.multilingual import MultilingualEncoder, same_pictures
from openitr.encoders.onnx import OnnxEncoder
from openitr.evaluate import evaluate
from openitr.evaluate.by_language import compare_languages
from openitr.search.calibrate import Calibration, calibration_of

SHIPPED = ("default", "conse", "multilingual")


@cache
def encoder(name: str) -> OnnxEncoder:
    found = load(name)
    assert isinstance(found, OnnxEncoder)
    return found


@cache
def photos() -> list[np.ndarray]:
    """The two photographs that scikit-learn carries: a Chinese palace and a red flower."""
    from PIL import Image
    from sklearn import datasets

    folder = Path(datasets.__file__).parent / "images"
    return [np.asarray(Image.open(folder / name).convert("RGB")) for name in ("china.jpg", "flower.jpg")]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_battery(name: str) -> None:
    # Measured between a batch of one and of many: 1e-7 for texts, 0 for pictures. 1e-5 leaves room for other CPUs.
    check_encoder(encoder(name), again=lambda: load(name), tolerance=1e-5)


@pytest.mark.parametrize("name", SHIPPED)
def test_it_says_what_it_is(name: str) -> None:
    info = {model.name: model for model in available()}[name]
    assert info.installed
    assert info.summary and info.terms and info.kind == "dense" and info.dim == encoder(name).dim
    assert encoder(name).spec == name


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize(
    ("right", "wrong"),
    [("a flower", "a temple"), ("a red flower with green leaves", "an old palace with a big roof")],
)
def test_a_flower_is_a_flower(name: str, right: str, wrong: str) -> None:
    model = encoder(name)
    scores = model.encode_texts([right, wrong]).score(model.encode_images(photos()))
    assert scores[0, 1] > scores[0, 0], "the flower is nearer to the picture of the flower"
    assert scores[1, 0] > scores[1, 1], "the building is nearer to the picture of the building"


def test_the_shipped_models_differ() -> None:
    assert len({encoder(name).fingerprint for name in SHIPPED}) == len(SHIPPED)


def test_the_weights_stay_under_60_megabytes() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()) <= 60_000_000


def test_the_multilingual_model_adds_10_megabytes_at_most() -> None:
    # The background of its calibration is a copy of the default model's.
    files = [path for path in (WEIGHTS / "multilingual").iterdir() if path.name != "background.npz"]
    assert sum(path.stat().st_size for path in files) <= 10_000_000


def test_the_multilingual_model_answers_with_the_default_s_calibration() -> None:
    mine, lent = calibration_of(encoder("multilingual")), calibration_of(encoder("default"))
    assert lent is not None and mine is not None, "python -m recipes.multilingual.calibrate takes it over"
    assert plain(mine) == plain(lent) and mine.fingerprint == encoder("multilingual").fingerprint


def plain(calibration: Calibration) -> dict[str, object]:
    """What a calibration says, in fields that can be compared."""
    said = {field.name: getattr(calibration, field.name) for field in fields(calibration)}
    background = said.pop("background")
    said["background"] = background.texts.values.tolist() + background.images.values.tolist()
    return {name: value for name, value in said.items() if name not in ("fingerprint", "measured")}


def test_english_is_the_default_model_s_bit_for_bit() -> None:
    texts = ["two dogs run over the wet grass", "a flower", "an old palace with a big roof", "man", "surfing"]
    assert np.array_equal(
        encoder("multilingual").encode_texts(texts).values, encoder("default").encode_texts(texts).values
    )


@pytest.mark.parametrize(
    ("flower", "building"),
    [
        ("eine rote Blume", "ein alter Palast"),
        ("une fleur rouge", "un vieux palais"),
        ("一朵红花", "一座古老的宫殿"),
        ("زهرة حمراء", "قصر قديم"),
        ("červená květina", "starý palác"),
        ("una flor roja", "un palacio"),
    ],
)
def test_other_languages_tell_a_flower_from_a_building(flower: str, building: str) -> None:
    model = encoder("multilingual")
    assert isinstance(model, MultilingualEncoder)
    assert not model.english([flower, building]).any()
    scores = model.encode_texts([flower, building]).score(model.encode_images(photos()))
    assert scores[0, 1] > scores[0, 0] and scores[1, 0] > scores[1, 1]


def test_the_multilingual_model_asks_what_the_default_has_indexed() -> None:
    assert same_pictures(encoder("multilingual"), encoder("default"))
    assert not same_pictures(encoder("multilingual"), encoder("conse"))


@pytest.mark.slow
@pytest.mark.real_data
def test_the_default_model_on_flickr8k_val(real_data: Path) -> None:
    report = evaluate(datasets.read(real_data / "flickr8k"), load("default"), split="val", samples=10)
    assert report.rsum >= 315


@pytest.mark.slow
@pytest.mark.real_data
def test_the_multilingual_model_on_flickr8k_val(real_data: Path) -> None:
    columns = ["en", "de", "ar", "fr_translated", "cs_translated"]
    found = compare_languages(
        datasets.read(real_data / "flickr8k"), load("multilingual"), columns, split="val", samples=10
    )
    assert max(row.behind for row in found.rows) <= 15
