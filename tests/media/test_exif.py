from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from openitr.media import decode
from openitr.media.exif import facts_of
from tests.media.samples import encoded, quadrants


def exif_of(base: dict[int, Any], shot: dict[int, Any] | None = None, gps: dict[int, Any] | None = None) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in base.items():
        exif[tag] = value
    for directory, values in ((0x8769, shot), (0x8825, gps)):
        if values:
            exif.get_ifd(directory).update(values)
            exif[directory] = values
    return exif


FULL = exif_of(
    {
        0x010F: "Canon",
        0x0110: "Canon EOS R5",
        0x010E: "Two dogs at the lake",
        0x013B: "Ann",
        0x0132: "2025:01:01 00:00:00",
    },
    {
        0x9003: "2024:05:03 14:22:01",
        0x9011: "+02:00",
        0xA434: "RF 24-70mm",
        0x8827: 400,
        0x920A: IFDRational(50, 1),
        0x829D: IFDRational(28, 10),
        0x829A: IFDRational(1, 250),
    },
    {1: "S", 2: (33.0, 51.0, 24.84), 3: "E", 4: (151.0, 12.0, 55.2), 5: b"\0", 6: IFDRational(125, 10)},
)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_facts_of_a_camera_come_out_of_every_format(kind: str) -> None:
    facts = decode(encoded(quadrants(), kind, exif=FULL)).facts
    assert facts == {
        "taken_at": "2024-05-03T14:22:01+02:00",
        "camera": "Canon EOS R5",
        "lens": "RF 24-70mm",
        "latitude": pytest.approx(-(33 + 51 / 60 + 24.84 / 3600), abs=1e-6),
        "longitude": pytest.approx(151 + 12 / 60 + 55.2 / 3600, abs=1e-6),
        "altitude": 12.5,
        "iso": 400,
        "focal_length": 50.0,
        "aperture": 2.8,
        "exposure": 0.004,
        "description": "Two dogs at the lake",
        "artist": "Ann",
    }
    json.dumps(dict(facts), allow_nan=False)


def test_facts_survive_shrinking() -> None:
    data = encoded(quadrants(800, 600), "JPEG", exif=FULL)
    assert decode(data, shrink_to=64).facts == decode(data).facts


@pytest.mark.parametrize(
    ("base", "shot", "expected"),
    [
        ({0x0132: "2023:12:31 23:59:58"}, {}, "2023-12-31T23:59:58"),
        ({}, {0x9004: "2020:02:29 00:00:00", 0x9012: "-03:30"}, "2020-02-29T00:00:00-03:30"),
        ({}, {0x9003: "2024-05-03 14:22:01", 0x9011: "nonsense"}, "2024-05-03T14:22:01"),
        ({0x0132: "2023:01:01 10:00:00"}, {0x9003: "0000:00:00 00:00:00"}, "2023-01-01T10:00:00"),
        ({0x0132: "2023:02:30 10:00:00"}, {}, None),
        ({0x0132: "    :  :     :  :  "}, {}, None),
    ],
)
def test_dates(base: dict[int, Any], shot: dict[int, Any], expected: str | None) -> None:
    assert facts_of(exif_of(base, shot)).get("taken_at") == expected


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: (95.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)},
        {1: "N", 2: (50.0, 0.0, 0.0)},
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "N", 2: (IFDRational(0, 0), 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)},
        {1: "N", 2: "fifty", 3: "E", 4: (10.0, 0.0, 0.0)},
    ],
    ids=["beyond the pole", "half", "no fix", "nan", "words"],
)
def test_a_senseless_place_is_no_place(gps: dict[int, Any]) -> None:
    facts = facts_of(exif_of({}, None, gps))
    assert "latitude" not in facts and "longitude" not in facts


def test_what_cameras_write_as_a_caption_is_none_and_comments_are_captions() -> None:
    assert "description" not in facts_of(exif_of({0x010E: "OLYMPUS DIGITAL CAMERA  "}))
    comments = {
        b"ASCII\0\0\0a red boat": "a red boat",
        b"UNICODE\0" + "ein Boot".encode("utf-16-le"): "ein Boot",
        b"UNICODE\0" + "ein Boot".encode("utf-16-be"): "ein Boot",
        bytes(8) + b"plain": "plain",
        b"ASCII\0\0\0" + bytes(40): None,
    }
    for raw, text in comments.items():
        assert facts_of(exif_of({}, {0x9286: raw})).get("description") == text


def test_maker_is_told_once() -> None:
    assert facts_of(exif_of({0x010F: "NIKON CORPORATION", 0x0110: "NIKON D850"}))["camera"] == "NIKON D850"
    assert facts_of(exif_of({0x010F: "Apple", 0x0110: "iPhone 15"}))["camera"] == "Apple iPhone 15"
    assert facts_of(exif_of({0x010F: "Apple"}))["camera"] == "Apple"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_broken_exif_never_costs_the_picture(seed: int) -> None:
    rng = random.Random(seed)
    raw = bytearray(FULL.tobytes())
    for _ in range(rng.randint(1, 40)):
        raw[rng.randrange(6, len(raw))] = rng.randrange(256)
    data = encoded(quadrants(), "JPEG", exif=bytes(raw[: rng.choice((len(raw), rng.randrange(6, len(raw))))]))
    picture = decode(data)
    assert sorted((picture.width, picture.height)) == [32, 48]
    json.dumps(dict(picture.facts), allow_nan=False).encode("utf-8")


def test_pictures_without_exif_have_no_facts() -> None:
    assert decode(encoded(np.zeros((4, 4, 3), np.uint8), "JPEG")).facts == {}
