"""How it looks and what it weighs: phones, dark, contrast, motion, and nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

Open = Callable[..., Any]

PAGE = Path(str(files("openitr.server") / "page"))
MOST_BYTES = 150_000
MOST_BYTES_IN_ALL = 195_000

# Every text that is seen, with its ratio to what lies behind it; texts over pictures have a shade of their own.
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [x, y, z] = [r, g, b].map((v) => linear(v / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const poor = [];
  let seen = 0;
  const root = document.querySelector("dialog[open]") ?? document.body;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (!text || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    if (element.closest(".tile, .unseen, option, [aria-hidden=true], .skip, :disabled, .heat")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const ink = over(rgba(style.color), ground);
    const [low, high] = [light(ink), light(ground)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    seen += 1;
    if (ratio < (large ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} ${text} (${element.className})`);
  }
  return [seen, poor];
}"""

PLACES = [
    ("?q=a+circle&not=red&where=stars%3E%3D1&add=2:blue&panel=filters&rest=1", ".band"),
    ("?view=duplicates", ".group"),
    ("?view=collection", "table"),
    ("?view=compare&q=a+circle", ".rank"),
    ("?q=a+circle&where=name%3Dscene-01.png&item=1", ".viewer .facts dl"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(open_page: Open, scheme: str) -> None:
    tab = open_page(color_scheme=scheme)
    for place, ready in PLACES:
        tab.goto(tab.url.split("?")[0] + place)
        tab.wait_for_selector(ready)
        tab.wait_for_timeout(250)
        seen, poor = tab.evaluate(CONTRAST)
        assert seen > 5
        assert poor == [], (scheme, place)


def test_the_colours_follow_the_system_until_one_chooses(open_page: Open) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    tab = open_page(color_scheme="dark")
    tab.wait_for_selector(".tile")
    assert tab.evaluate(ground) == "rgb(19, 20, 22)"
    tab.click("[aria-label^=Colours]")
    assert tab.evaluate(ground) == "rgb(255, 255, 255)"
    tab.reload()
    assert tab.evaluate(ground) == "rgb(255, 255, 255)"
    tab.click("[aria-label='Colours: light']")
    tab.emulate_media(color_scheme="light")
    assert tab.evaluate(ground) == "rgb(19, 20, 22)"


@pytest.mark.parametrize(("place", "ready"), PLACES)
def test_nothing_is_wider_than_a_phone(open_page: Open, place: str, ready: str) -> None:
    tab = open_page(place, phone=True)
    tab.wait_for_selector(ready, state="attached")
    tab.wait_for_timeout(150)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.locator("#tabs").is_visible() and not tab.locator(".views").is_visible()
    small = tab.evaluate("""[...document.querySelectorAll("#bar button, #bar input, #tabs a")].filter((one) => {
      const box = one.getBoundingClientRect(); return box.width && (box.height < 34 || box.width < 30); }).length""")
    assert small == 0, "what a thumb must hit is large enough"


def test_a_phone_opens_and_swipes(open_page: Open) -> None:
    tab = open_page("?sort=path", phone=True)
    tab.tap(".tile >> nth=0")
    tab.wait_for_selector("dialog.viewer[open]")
    tab.wait_for_function("() => document.querySelector('.viewer-place').textContent === '1 of 26'")
    tab.evaluate("""() => {
      const stage = document.querySelector(".stage");
      const touch = (x) => new Touch({identifier: 1, target: stage, clientX: x, clientY: 300});
      stage.dispatchEvent(new TouchEvent("touchstart", {touches: [touch(300)], changedTouches: [touch(300)]}));
      stage.dispatchEvent(new TouchEvent("touchend", {touches: [], changedTouches: [touch(120)]}));
    }""")
    tab.wait_for_function("() => document.querySelector('.viewer-place').textContent === '2 of 26'")


def test_motion_can_be_refused(open_page: Open) -> None:
    tab = open_page(reduced_motion="reduce")
    tab.wait_for_selector(".tile")
    moving = tab.evaluate("""[...document.querySelectorAll("*")]
      .filter((one) => parseFloat(getComputedStyle(one).transitionDuration) > 0).length""")
    assert moving == 0


def test_focus_is_seen(open_page: Open) -> None:
    tab = open_page()
    tab.wait_for_selector(".tile")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    for _ in range(6):
        tab.keyboard.press("Tab")
        outline, shadow = tab.evaluate("""(() => {
          const at = document.activeElement;
          const box = getComputedStyle(at.closest(".box") ?? document.body);
          return [parseFloat(getComputedStyle(at).outlineWidth), box.boxShadow];
        })()""")
        assert outline >= 2 or shadow != "none"


def test_a_first_visit_is_light(open_page: Open) -> None:
    """Nothing is packed, and what most visits never open is fetched when it is opened."""
    loaded: list[str] = []
    tab = open_page(stub=lambda tab: tab.on("request", lambda request: loaded.append(request.url.split("?")[0])))
    tab.wait_for_selector(".tile")
    tab.wait_for_timeout(100)
    parts = [PAGE / url.split("/static/")[1] for url in set(loaded) if "/static/" in url]
    assert len(parts) > 20
    weight = sum(path.stat().st_size for path in [PAGE / "index.html", *parts])
    assert weight < MOST_BYTES


def test_the_whole_page_is_light() -> None:
    weight = sum(path.stat().st_size for path in PAGE.rglob("*") if path.suffix in (".html", ".css", ".js", ".svg"))
    assert weight < MOST_BYTES_IN_ALL


def test_nothing_in_the_page_comes_from_elsewhere_or_needs_a_looser_policy() -> None:
    for path in PAGE.rglob("*"):
        if path.suffix not in (".html", ".js", ".css", ".svg"):
            continue
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"https?://[\w./]+", text)) <= {"http://www.w3.org/2000/svg"}, path.name
        assert not re.search(r"\b(eval\(|innerHTML|outerHTML|insertAdjacentHTML|document\.write)", text), path.name
        if path.suffix == ".html":
            assert not re.search(r"\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text), path.name
