"""One picture, large: facts, neighbours, what can be asked from it, why it is an answer."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Open = Callable[..., Any]

NAMES = "[...document.querySelectorAll('.tile')].map((tile) => tile.getAttribute('aria-label').split(',')[0])"


def viewer(tab: Any) -> Any:
    """The open viewer, its facts loaded."""
    tab.wait_for_selector("dialog.viewer[open] .facts dl")
    return tab.locator("dialog.viewer")


def test_a_click_opens_and_the_address_says_so(open_page: Open) -> None:
    tab = open_page("?where=name%3Dscene-03.png")
    tab.click(".tile")
    box = viewer(tab)
    assert box.locator("h2").inner_text() == "scene-03.png"
    assert "item=" in tab.url
    facts = box.locator(".facts").inner_text()
    assert "south/scene-03.png" in facts and "PNG" in facts and "Stars" in facts and "Captions" in facts
    tab.wait_for_selector(".stage-here .stage-large")
    tab.goto(tab.url.replace("scene-03", "scene-04"))
    assert viewer(tab).locator("h2").inner_text() == "scene-03.png", "an address shows its picture whatever the list"
    tab.wait_for_selector(".stage-here .stage-large")
    size = tab.locator(".stage-picture").bounding_box()
    assert abs(size["width"] / size["height"] - 224 / 128) < 0.02


def test_next_and_previous_walk_through_the_list(open_page: Open) -> None:
    tab = open_page("?sort=path")
    tab.wait_for_selector(".tile")
    names = tab.evaluate(NAMES)
    tab.click(".tile >> nth=1")
    box = viewer(tab)
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("(name) => document.querySelector('.viewer-name').textContent === name", arg=names[2])
    tab.click("[aria-label='Previous picture']")
    tab.click("[aria-label='Previous picture']")
    tab.wait_for_function("(name) => document.querySelector('.viewer-name').textContent === name", arg=names[0])
    assert box.locator("[aria-label='Previous picture']").is_disabled()
    assert box.locator(".viewer-place").inner_text() == "1 of 26"


def test_escape_goes_back_to_the_same_tile(open_page: Open) -> None:
    tab = open_page()
    tab.wait_for_selector(".tile")
    tab.click(".tile >> nth=2")
    viewer(tab)
    tab.keyboard.press("Escape")
    tab.wait_for_selector("dialog.viewer[open]", state="detached")
    assert "item" not in tab.url
    assert tab.evaluate("document.activeElement.dataset.position") == "2"
    tab.go_forward()
    viewer(tab)


def test_more_like_this_leaves_the_picture_itself_out(open_page: Open) -> None:
    tab = open_page("?where=name%3Dscene-01.png")
    number = tab.locator(".tile").get_attribute("data-id")
    tab.click(".tile")
    viewer(tab)
    with tab.expect_request("**/v1/search") as told:
        tab.click("text='More like this'")
    assert json.loads(told.value.post_data)["image"] == int(number)
    tab.wait_for_selector(".band")
    names = tab.evaluate(NAMES)
    assert names[0] == "copy.png" and "scene-01.png" not in names


def test_more_like_this_but(open_page: Open) -> None:
    tab = open_page("?where=name%3Dscene-01.png")
    tab.click(".tile")
    viewer(tab)
    tab.fill("[aria-label='More like this, but']", "in yellow")
    with tab.expect_request("**/v1/search") as told:
        tab.keyboard.press("Enter")
    body = json.loads(told.value.post_data)
    assert (body["but"], body["strength"]) == ("in yellow", 1)
    tab.wait_for_selector("input[aria-label='How different']")
    assert "but=in+yellow" in tab.url
    with tab.expect_request("**/v1/search") as told:
        tab.locator("input[aria-label='How different']").fill("2")
        tab.locator("input[aria-label='How different']").dispatch_event("change")
    assert json.loads(told.value.post_data)["strength"] == 2


def test_not_like_this(open_page: Open) -> None:
    tab = open_page("?q=a+circle")
    tab.wait_for_selector(".band")
    number = tab.locator(".tile").first.get_attribute("data-id")
    tab.click(".tile")
    viewer(tab)
    with tab.expect_request("**/v1/search") as told:
        tab.click("text='Not like this'")
    assert json.loads(told.value.post_data)["not"] == [{"image": int(number)}]


def test_why_shows_what_each_stage_added(open_page: Open) -> None:
    tab = open_page("?q=a+circle&not=a+square")
    tab.wait_for_selector(".band")
    tab.click(".tile")
    box = viewer(tab)
    lines = box.locator(".stages li")
    assert lines.count() >= 2
    assert lines.first.locator("b").inner_text() == "Match"
    assert "a circle" in lines.first.inner_text()
    assert box.locator(".verdict").inner_text().split("\n")[0] in ("Likely", "Maybe", "Unlikely")
    width = lines.first.locator(".bar").evaluate("bar => bar.getBoundingClientRect().width")
    assert width > 1


def test_where_in_the_picture_is_drawn_over_it(open_page: Open) -> None:
    grid = [[0.0, 0.1], [0.4, -0.1]]

    def stub(tab: Any) -> None:
        tab.route("**/v1/explain", lambda route: route.fulfill(json={"rows": 2, "cols": 2, "values": grid, "base": 1}))

    tab = open_page("?q=a+circle", stub=stub)
    tab.wait_for_selector(".band")
    tab.click(".tile")
    viewer(tab)
    with tab.expect_request("**/v1/explain") as told:
        tab.click("text=Where in the picture")
    assert json.loads(told.value.post_data)["text"] == "a circle"
    tab.wait_for_selector("canvas.heat")
    alphas = tab.evaluate("[...document.querySelector('.heat').getContext('2d').getImageData(0, 0, 2, 2).data]")[3::4]
    assert alphas[2] == max(alphas) > alphas[1] > alphas[0] == alphas[3] == 0
    tab.click("text=Where in the picture")
    tab.wait_for_selector("canvas.heat", state="detached")


def test_the_server_explains_a_picture_for_real(open_page: Open) -> None:
    tab = open_page("?q=a+circle")
    tab.wait_for_selector(".band")
    tab.click(".tile")
    viewer(tab)
    tab.click("text=Where in the picture")
    tab.wait_for_selector("canvas.heat", timeout=20_000)


def test_download_gives_the_file_itself(open_page: Open, scenes: Path) -> None:
    tab = open_page("?where=name%3Dscene-02.png")
    tab.click(".tile")
    viewer(tab)
    with tab.expect_download() as got:
        tab.click(".viewer [aria-label=Download]")
    assert got.value.suggested_filename == "scene-02.png"
    assert Path(got.value.path()).read_bytes() == (scenes / "north" / "scene-02.png").read_bytes()


def test_a_format_the_browser_lacks_is_shown_small(open_page: Open) -> None:
    def stub(tab: Any) -> None:
        tab.route("**/v1/items/*/file", lambda route: route.fulfill(body=b"II*\0", content_type="image/tiff"))

    tab = open_page("?where=name%3Dscene-02.png", stub=stub)
    tab.click(".tile")
    viewer(tab)
    assert "small copy" in tab.inner_text(".stage-note")
    assert tab.locator(".stage-small").is_visible()


def test_selection_is_exported_and_copied(open_page: Open, scenes: Path) -> None:
    tab = open_page("?sort=path", permissions=["clipboard-read", "clipboard-write"])
    tab.wait_for_selector(".tile")
    tab.hover(".tile >> nth=0")
    tab.click(".tile-check >> nth=0")
    tab.click(".tile >> nth=2", modifiers=["Shift"])
    assert tab.inner_text("#selection p") == "3 pictures selected"
    names = tab.evaluate(NAMES)[:3]
    tab.click("#selection >> text=Copy paths")
    tab.wait_for_selector(".toast")
    copied = tab.evaluate("navigator.clipboard.readText()").split("\n")
    assert [line.rsplit("/", 1)[-1] for line in copied] == names
    with tab.expect_download() as got:
        tab.click("#selection >> text=Export")
    with zipfile.ZipFile(io.BytesIO(Path(got.value.path()).read_bytes())) as archive:
        held = archive.namelist()
    assert sum(name.endswith(".png") for name in held) == 3 and any(name.endswith("items.json") for name in held)
    tab.keyboard.press("Escape")
    tab.wait_for_function("() => !document.querySelector('#selection').childElementCount")
