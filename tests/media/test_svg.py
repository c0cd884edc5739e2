from __future__ import annotations

import base64
import gzip
from pathlib import Path

import pytest
from PIL import Image

from openitr.errors import UnreadableImage
from openitr.media import Limits, decode
from tests.media.samples import BLUE, GREEN, RED, SVG, WHITE, corners, encoded, near, png_claiming, quadrants

pytest.importorskip("resvg_py")

FOUR = [RED, GREEN, BLUE, WHITE]
OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="48" height="32">'


def reason_of(text: str | bytes, limits: Limits | None = None) -> str:
    with pytest.raises(UnreadableImage) as caught:
        decode(text.encode() if isinstance(text, str) else text, shrink_to=64, limits=limits)
    return caught.value.reason


def test_it_is_drawn_at_the_size_that_is_wanted_and_keeps_its_own() -> None:
    for shrink_to, shape in ((None, (32, 48, 3)), (320, (320, 480, 3)), (16, (16, 24, 3))):
        picture = decode(SVG, shrink_to=shrink_to)
        assert (picture.width, picture.height, picture.array.shape) == (48, 32, shape)
        assert corners(picture.array) == FOUR


@pytest.mark.parametrize("packed", [gzip.compress(SVG), SVG.decode().encode("utf-16"), b"\xef\xbb\xbf" + SVG])
def test_packings(packed: bytes) -> None:
    assert corners(decode(packed).array) == FOUR


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="36pt" height="24pt"', (48, 32)),
        ('width="1in" height="2.54cm"', (96, 96)),
        ('viewBox="0 0 48 32"', (48, 32)),
        ('viewBox="0 0 4800 3200"', (1024, 683)),
        ('width="96" viewBox="0,0,48,32"', (96, 64)),
        ('height="64" viewBox="0 0 48 32"', (96, 64)),
        ('width="100%" height="100%" viewBox="0 0 48 32"', (48, 32)),
    ],
)
def test_sizes_in_all_units(attributes: str, size: tuple[int, int]) -> None:
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}><rect width="9" height="9"/></svg>'
    picture = decode(text.encode())
    assert (picture.width, picture.height) == size
    assert picture.array.shape[:2] == size[::-1]


def test_a_drawing_without_any_size_is_fitted_around_what_it_shows() -> None:
    picture = decode(SVG.replace(b' width="48" height="32">', b">", 1), shrink_to=64)
    assert picture.width > picture.height
    assert near(corners(picture.array), FOUR, 0)


def test_huge_sizes_are_drawn_small_or_refused() -> None:
    text = '<svg xmlns="http://www.w3.org/2000/svg" width="900000" height="300"><rect width="9" height="9"/></svg>'
    assert max(decode(text.encode(), shrink_to=260).array.shape) <= 16384
    with pytest.raises(UnreadableImage, match="too many pixels"):
        decode(text.encode())
    assert reason_of(text.replace("900000", "1e300")) == "too many pixels"


@pytest.mark.parametrize("name", ["href", "xlink:href"])
@pytest.mark.parametrize("how", ["plain", "entity", "nested"])
def test_no_file_is_ever_read(tmp_path: Path, name: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (48, 32), "black").save(secret)
    monkeypatch.chdir(tmp_path)
    for target in (str(secret), f"file://{secret}", "secret.png", "http://localhost:9/secret.png"):
        image = f'<image {name}="{target}" width="48" height="32"/>'
        if how == "plain":
            text = OPEN + image + "</svg>"
        elif how == "entity":
            text = f'<!DOCTYPE svg [<!ENTITY f "{target}">]>' + OPEN + image.replace(target, "&f;") + "</svg>"
        else:
            inner = base64.b64encode((OPEN + image + "</svg>").encode()).decode()
            text = OPEN + f'<image {name}="data:image/svg+xml;base64,{inner}" width="48" height="32"/></svg>'
        picture = decode(text.encode())
        assert corners(picture.array) == [WHITE] * 4
        assert picture.notes == ("references to other files were left out",)


def test_small_inset_pictures_are_drawn_and_inset_bombs_are_not() -> None:
    inset = base64.b64encode(encoded(quadrants(), "PNG")).decode()
    text = OPEN + f'<image xlink:href="data:image/png;base64,{inset}" width="48" height="32"/></svg>'
    assert near(corners(decode(text.encode()).array), FOUR, 1)
    bomb = base64.b64encode(png_claiming(50_000, 50_000)).decode()
    assert corners(decode(text.replace(inset, bomb).encode()).array) == [WHITE] * 4


def test_inner_references_and_plain_entities_work() -> None:
    text = (
        '<!DOCTYPE svg [<!ENTITY ns "http://www.w3.org/2000/svg"><!ENTITY colour "#f00">]>'
        '<svg xmlns="&ns;" width="48" height="32"><defs><rect id="a" width="24" height="16"/></defs>'
        '<use href="#a" fill="&colour;"/></svg>'
    )
    assert corners(decode(text.encode()).array) == [RED, WHITE, WHITE, WHITE]


def test_billion_laughs_and_its_relatives_are_refused() -> None:
    laughs = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    assert reason_of(f"<!DOCTYPE svg [{laughs}]>{OPEN}<text>&a9;</text></svg>") == "unsafe"
    external = '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    assert reason_of(f"{external}{OPEN}<text>&x;</text></svg>") == "unsafe"
    quadratic = f'<!DOCTYPE svg [<!ENTITY a "{"x" * 1900}">]>{OPEN}<desc>{"&a;" * 100_000}</desc></svg>'
    assert reason_of(quadratic) in ("too complex", "corrupt")
    levels = "".join(
        f'<g id="g{i}">' + f'<use href="#g{i - 1}"/>' * 10 + "</g>" if i else '<rect id="g0" width="1" height="1"/>'
        for i in range(12)
    )
    assert reason_of(f"{OPEN}<defs>{levels}</defs><use href='#g11'/></svg>") == "too complex"
    assert reason_of(OPEN + "<g>" * 5000 + "</g>" * 5000 + "</svg>") == "too complex"
    assert reason_of(gzip.compress(SVG + b" " * (64 << 20))) == "too complex"


def test_a_drawing_that_uses_itself_does_not_hang() -> None:
    text = f'{OPEN}<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g><rect width="48" height="32"/></svg>'
    try:
        assert decode(text.encode()).width == 48
    except UnreadableImage as error:
        assert error.reason == "corrupt"


def test_lettering_is_noted() -> None:
    assert decode(f'{OPEN}<text y="20">hello</text></svg>'.encode()).notes == ("lettering is not drawn",)


def test_malformed_text() -> None:
    assert reason_of(SVG[:-10]) == "truncated"
    assert reason_of(SVG.replace(b"/>", b">", 1)) == "corrupt"
    assert reason_of(gzip.compress(SVG + bytes(range(256)) * 9)[:-300]) in ("truncated", "corrupt")
