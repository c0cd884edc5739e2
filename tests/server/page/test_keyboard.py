"""Everything can be done without a mouse, and screen readers are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Open = Callable[..., Any]

ACTIVE = "Number(document.activeElement.dataset.position ?? -1)"
BOX = (
    "(() => { const r = document.activeElement.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()"
)


def test_a_whole_errand_by_keyboard(open_page: Open) -> None:
    tab = open_page()
    tab.wait_for_selector(".tile")
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.id") == "words"
    tab.keyboard.type("a circle")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".band")
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate(ACTIVE) == 0
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("x")
    assert tab.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"
    assert tab.inner_text("#selection p") == "1 picture selected"
    tab.keyboard.press("Enter")
    tab.wait_for_selector("dialog.viewer[open] .facts dl")
    tab.keyboard.press("m")
    tab.wait_for_selector("dialog.viewer", state="hidden")
    tab.wait_for_selector(".chip-image")
    assert "q=" not in tab.url
    tab.go_back()
    tab.wait_for_selector("dialog.viewer[open]")
    tab.keyboard.press("Escape")
    tab.wait_for_selector("dialog.viewer", state="hidden")
    tab.keyboard.press("Escape")
    assert not tab.evaluate("document.querySelector('#selection').childElementCount")


def test_arrows_go_where_they_point(open_page: Open) -> None:
    tab = open_page()
    tab.wait_for_selector(".tile")
    tab.focus("#words")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowRight")
    left, top, width, _ = tab.evaluate(BOX)
    tab.keyboard.press("ArrowDown")
    new_left, new_top, new_width, _ = tab.evaluate(BOX)
    assert new_top > top
    assert new_left < left + width and new_left + new_width > left, "the tile below lies under the one above"
    tab.keyboard.press("ArrowUp")
    assert tab.evaluate(BOX)[1] < new_top
    tab.keyboard.press("End")
    assert tab.evaluate(ACTIVE) == 25
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(ACTIVE) == 25
    tab.keyboard.press("Home")
    assert tab.evaluate(ACTIVE) == 0 and tab.evaluate("scrollY") == 0


def test_one_tile_at_a_time_is_in_the_tab_order(open_page: Open) -> None:
    tab = open_page()
    tab.wait_for_selector(".tile")
    tab.focus("#words")
    tab.keyboard.press("ArrowDown")
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    assert tab.evaluate("[...document.querySelectorAll('.tile')].filter((one) => one.tabIndex === 0).length") == 1
    tab.keyboard.press("Shift+ArrowRight")
    assert tab.inner_text("#selection p") == "2 pictures selected"


def test_the_focused_picture_is_never_under_the_bar(open_page: Open) -> None:
    tab = open_page(viewport={"width": 900, "height": 500})
    tab.wait_for_selector(".tile")
    tab.focus("#words")
    tab.keyboard.press("ArrowDown")
    for key in ["ArrowDown"] * 5 + ["ArrowUp"] * 3:
        tab.keyboard.press(key)
        _, top, _, height = tab.evaluate(BOX)
        assert top >= 70 and top + height <= 500


def test_help_lists_the_keys_and_views_have_theirs(open_page: Open) -> None:
    tab = open_page()
    tab.wait_for_selector(".tile")
    tab.keyboard.press("?")
    tab.wait_for_selector("dialog.help[open]")
    assert "to the search box" in tab.inner_text("dialog.help")
    tab.keyboard.press("Escape")
    tab.wait_for_selector("dialog.help", state="hidden")
    tab.keyboard.press("f")
    tab.wait_for_selector(".filters fieldset")
    tab.keyboard.press("g")
    tab.keyboard.press("d")
    tab.wait_for_selector("h1:text('Duplicates')")
    assert "view=duplicates" in tab.url


def test_screen_readers_are_told(open_page: Open) -> None:
    tab = open_page("?q=a+circle")
    tab.wait_for_selector(".band")
    assert tab.get_attribute("#said", "aria-live") == "polite"
    assert tab.inner_text("#said").endswith("pictures")
    first = tab.locator(".tile").first
    assert first.get_attribute("role") == "option"
    assert first.get_attribute("aria-posinset") == "1"
    assert int(first.get_attribute("aria-setsize")) >= 1
    assert tab.locator(".grid-body").first.get_attribute("role") == "listbox"
    nameless = tab.evaluate("""[...document.querySelectorAll("button, a[href], input, select")].filter((one) => {
      const label = one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.[0]?.textContent.trim();
      return one.checkVisibility() && !label;
    }).map((one) => one.outerHTML)""")
    assert nameless == []
    images = tab.evaluate("[...document.images].filter((one) => !one.hasAttribute('alt')).length")
    assert images == 0
