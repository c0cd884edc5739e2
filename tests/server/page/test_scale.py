"""A hundred thousand pictures, ten thousand hits, and one: the page holds what is near the window and no more."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

Open = Callable[..., Any]

# Thumbnails that nobody has to send: thousands of them through a stub would be a test of the stub.
PICTURE = """(() => {
  const plain = "data:image/gif;base64,R0lGODlhAQABAIAAAIiZqgAAACwAAAAAAQABAAACAkQBADs=";
  const set = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    set.call(this, name, name === "src" && String(value).includes("/thumbnail") ? plain : value);
  };
})()"""
MOST_TILES = 400
TILES = "document.querySelectorAll('.tile').length"


def item(number: int) -> dict[str, Any]:
    """A made-up picture; proportions vary."""
    name = f"picture-{number}.jpg"
    return {"id": number, "root": 1, "path": f"a/{name}", "name": name,
            "width": 300 + number * 37 % 400, "height": 300 + number * 53 % 300}  # fmt: skip


class Stub:
    """Answers for a library of any size; counts what it was asked."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.pages: list[int] = []

    def __call__(self, tab: Any) -> None:
        tab.route("**/v1/items?*", self.items)
        tab.route("**/v1/search", self.search)
        tab.add_init_script(PICTURE)

    def items(self, route: Any) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)
        start, limit = int(asked.get("offset", ["0"])[0]), int(asked["limit"][0])
        self.pages.append(start)
        found = [item(n) for n in range(start, min(self.total, start + limit))]
        route.fulfill(json={"items": found, "total": self.total})

    def search(self, route: Any) -> None:
        asked = json.loads(route.request.post_data)
        start, k = asked.get("offset", 0), asked["k"]
        self.pages.append(start)
        found = [
            {**item(n), "score": 1.0, "probability": 0.9 if n < 40 else 0.3 if n < 9000 else 0.0, "why": [],
             "bucket": "likely" if n < 40 else "maybe" if n < 9000 else "rest"}
            for n in range(start, min(10_000, start + k))
        ]  # fmt: skip
        route.fulfill(json={"hits": found, "total": self.total, "took_ms": 3.0, "counts": {}, "query": {}})


def test_browsing_a_hundred_thousand(open_page: Open) -> None:
    stub = Stub(100_000)
    tab = open_page(stub=stub)
    tab.wait_for_selector(".tile")
    assert tab.inner_text(".found") == "100,000 pictures"
    most = 0
    for part in (0.1, 0.35, 0.5, 0.8):
        tab.evaluate("(part) => scrollTo(0, document.documentElement.scrollHeight * part)", part)
        tab.wait_for_function("""() => [...document.querySelectorAll('.tile')].some((one) => {
          const box = one.getBoundingClientRect(); return box.top < innerHeight && box.bottom > 0; })""")
        most = max(most, tab.evaluate(TILES))
    assert 0 < most < MOST_TILES
    assert len(stub.pages) < 30, "only pages that were looked at are fetched"
    tab.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    tab.wait_for_function("() => document.querySelector('.tile[data-id=\"99999\"]')")
    assert tab.locator(".tile[data-id='99999']").get_attribute("aria-setsize") == "100000"
    assert tab.evaluate(TILES) < MOST_TILES


def test_pages_that_arrive_above_do_not_move_what_is_seen(open_page: Open) -> None:
    tab = open_page(stub=Stub(3000))
    tab.wait_for_selector(".tile")
    tab.evaluate("scrollTo(0, document.documentElement.scrollHeight * 0.6)")
    tab.wait_for_function(
        "() => [...document.querySelectorAll('.tile')].some((one) => one.getBoundingClientRect().top > 100)"
    )
    tab.wait_for_timeout(300)
    script = """() => { const seen = [...document.querySelectorAll('.tile')]
      .map((one) => [one.dataset.id, one.getBoundingClientRect().top])
      .filter(([, top]) => top > 90 && top < innerHeight);
      return seen[0]; }"""
    number, top = tab.evaluate(script)
    tab.set_viewport_size({"width": 1000, "height": 800})
    tab.wait_for_function("(id) => document.querySelector(`.tile[data-id='${id}']`)", arg=number)
    tab.wait_for_timeout(100)
    after = tab.evaluate("(id) => document.querySelector(`.tile[data-id='${id}']`).getBoundingClientRect().top", number)
    assert abs(after - top) < 260, "a narrower window shows the same pictures"


def test_ten_thousand_hits(open_page: Open) -> None:
    stub = Stub(100_000)
    tab = open_page("?q=dog", stub=stub)
    tab.wait_for_selector(".band-likely")
    assert stub.pages == [0]
    for _ in range(12):
        tab.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        tab.wait_for_timeout(120)
        assert tab.evaluate(TILES) < MOST_TILES
        if tab.locator(".more").is_visible():
            break
    tab.click(".more")
    tab.wait_for_function("() => document.querySelector('.grid').clientHeight > 50000")
    tab.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    tab.wait_for_selector(".band-rest")
    assert tab.evaluate(TILES) < MOST_TILES
    assert max(stub.pages) < 10_000


def test_one_picture_is_not_blown_up(open_page: Open) -> None:
    tab = open_page(stub=Stub(1))
    box = tab.locator(".tile").bounding_box()
    assert 150 < box["height"] < 260
    assert tab.inner_text(".found") == "1 picture"


def test_no_picture_tells_how_to_begin(open_page: Open) -> None:
    tab = open_page(stub=Stub(0))
    assert "openitr index" in tab.inner_text(".note")


JUSTIFY = """async ([ratios, width, target, gap, ragged]) => {
  const { justify } = await import("/static/js/justify.js");
  const made = justify(ratios, width, target, gap, ragged);
  return { ...made, lefts: [...made.lefts], widths: [...made.widths] };
}"""


def cheapest(ratios: list[float], width: float, target: float, gap: float) -> float:
    """Least total of squared log deviations over all ways to break into full rows."""
    best = [0.0] + [math.inf] * len(ratios)
    for end in range(1, len(ratios) + 1):
        for start in range(end):
            height = (width - gap * (end - start - 1)) / sum(ratios[start:end])
            if height > 0:
                best[end] = min(best[end], best[start] + math.log(height / target) ** 2)
    return best[-1]


def test_rows_fill_the_width_and_are_the_best_there_are(open_page: Open) -> None:
    tab = open_page("?view=collection")
    rng = random.Random(4)
    for _ in range(20):
        ratios = [rng.uniform(0.45, 3.2) for _ in range(rng.randint(8, 60))]
        width, target, gap = rng.randint(320, 2000), rng.randint(90, 340), 4
        made = tab.evaluate(JUSTIFY, [ratios, width, target, gap, False])
        cost = 0.0
        assert [row["start"] for row in made["rows"]] == [0, *(row["end"] for row in made["rows"])][:-1]
        assert made["rows"][-1]["end"] == len(ratios)
        for row in made["rows"]:
            first, last = row["start"], row["end"] - 1
            assert made["lefts"][first] == 0
            assert made["lefts"][last] + made["widths"][last] == width
            for a, b in pairwise(range(first, last + 1)):
                assert made["lefts"][b] == made["lefts"][a] + made["widths"][a] + gap
            height = (width - gap * (last - first)) / sum(ratios[first : last + 1])
            assert abs(height - row["height"]) <= 0.5
            cost += math.log(height / target) ** 2
        assert math.isclose(cost, cheapest(ratios, width, target, gap), rel_tol=1e-6, abs_tol=1e-9)
        assert (
            tab.evaluate(JUSTIFY, [ratios, width, target, gap, True])["rows"][-1]["height"] <= target + 1
            or len(made["rows"]) == 1
        )
