"""Asking in words, refining, filtering; the address says it all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

Open = Callable[..., Any]


def asked(tab: Any) -> dict[str, list[str]]:
    """The query string of the address."""
    return parse_qs(urlsplit(tab.url).query)


def search(tab: Any, words: str) -> dict[str, Any]:
    """Type words, press Enter; what the server was asked."""
    with tab.expect_request("**/v1/search") as told:
        tab.fill("#words", words)
        tab.press("#words", "Enter")
    tab.wait_for_selector(".band")
    body: dict[str, Any] = json.loads(told.value.post_data)
    return body


def test_browsing_shows_every_picture_newest_first(open_page: Open) -> None:
    tab = open_page()
    tab.wait_for_selector(".tile")
    assert tab.inner_text(".found") == "26 pictures"
    tab.keyboard.press("End")
    tab.wait_for_function("() => document.querySelectorAll('.tile').length >= 8")
    assert tab.title() == "OpenITR"


def test_words_are_asked_and_answered_in_bands(open_page: Open) -> None:
    tab = open_page()
    body = search(tab, "a red circle")
    assert body["text"] == "a red circle"
    assert asked(tab)["q"] == ["a red circle"]
    heads = tab.locator("h2.band").all_inner_texts()
    assert heads and all(head.split("\n")[0] in ("Likely", "Maybe", "Unlikely") for head in heads)
    assert "pictures" in tab.inner_text("#said")
    assert "ms" in tab.inner_text(".found")
    assert "red circle" in tab.title()


def test_typing_asks_by_itself_and_is_one_step_back(open_page: Open) -> None:
    tab = open_page()
    tab.wait_for_selector(".tile")
    tab.locator("#words").press_sequentially("blue sq", delay=30)
    tab.wait_for_selector(".band")
    tab.locator("#words").press_sequentially("uare", delay=30)
    tab.wait_for_url("**q=blue+square**")
    tab.go_back()
    tab.wait_for_function("() => document.querySelector('.found').textContent === '26 pictures'")
    assert tab.input_value("#words") == ""


def test_a_minus_keeps_away(open_page: Open) -> None:
    tab = open_page()
    body = search(tab, 'a circle -red -"two squares"')
    assert (body["text"], body["not"]) == ("a circle", ["red", "two squares"])
    assert asked(tab)["not"] == ["red", "two squares"]
    assert tab.input_value("#words") == "a circle"
    with tab.expect_request("**/v1/search") as told:
        tab.click("[aria-label='Take out not red']")
    assert json.loads(told.value.post_data)["not"] == ["two squares"]


def test_a_hyphen_inside_a_word_is_no_minus(open_page: Open) -> None:
    assert search(open_page(), "a t-shirt - on a 3-legged table")["text"] == "a t-shirt - on a 3-legged table"


def test_further_words_have_a_weight(open_page: Open) -> None:
    tab = open_page("?q=circle")
    tab.wait_for_selector(".band")
    tab.click(".chip-more")
    tab.fill("[aria-label='Also like']", "square")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".chip-add")
    tab.click(".chip-weight")
    with tab.expect_request("**/v1/search") as told:
        tab.locator("input[aria-label='Weight of square']").fill("2.5")
        tab.locator("input[aria-label='Weight of square']").dispatch_event("change")
    texts = [{"text": "circle", "weight": 1}, {"text": "square", "weight": 2.5}]
    assert json.loads(told.value.post_data)["text"] == texts
    assert asked(tab)["add"] == ["2.5:square"]


def test_filters_come_from_the_fields_and_narrow_both_lists(open_page: Open) -> None:
    tab = open_page()
    tab.click(".tools .tool")
    tab.check(".filters fieldset:has(legend:text-is('Folder')) label:has-text('south') input")
    tab.wait_for_function("() => document.querySelector('.found').textContent === '10 pictures'")
    assert asked(tab)["where"] == ["folder=south"]
    tab.fill("[aria-label='Stars from']", "5")
    tab.locator("[aria-label='Stars from']").press("Enter")
    tab.wait_for_function("() => parseInt(document.querySelector('.found').textContent) < 10")
    assert asked(tab)["where"] == ["folder=south", "stars>=5"]
    tab.fill("#words", "a circle")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".band")
    assert tab.locator(".chip-where").count() == 2
    tab.click(".filters >> text=Clear all")
    tab.wait_for_selector(".chip-where", state="detached")
    assert "where" not in asked(tab)


def test_filters_that_nothing_passes_say_so(open_page: Open) -> None:
    tab = open_page("?where=stars%3E%3D9")
    assert "No picture passes" in tab.inner_text(".note")
    tab.click("text=Clear the filters")
    tab.wait_for_selector(".tile")


def test_a_filter_that_means_nothing_is_explained(open_page: Open) -> None:
    tab = open_page("?where=colour%3Dred", expected=("status of 4",))
    assert "colour" in tab.inner_text(".note")


def test_back_forward_and_reload_keep_every_step(open_page: Open) -> None:
    tab = open_page()
    search(tab, "a green star")
    search(tab, "a blue square")
    tab.wait_for_function("() => document.title.startsWith('“a blue square”')")
    tab.go_back()
    tab.wait_for_function("() => document.title.startsWith('“a green star”')")
    assert tab.input_value("#words") == "a green star"
    tab.go_forward()
    tab.wait_for_function("() => document.title.startsWith('“a blue square”')")
    before = tab.locator(".tile").first.get_attribute("data-id")
    tab.reload()
    tab.wait_for_selector(".band")
    assert tab.locator(".tile").first.get_attribute("data-id") == before


def test_back_returns_to_where_one_had_scrolled(open_page: Open) -> None:
    tab = open_page(viewport={"width": 700, "height": 400})
    tab.wait_for_selector(".tile")
    tab.evaluate("scrollTo(0, 500)")
    tab.wait_for_timeout(50)
    search(tab, "a circle")
    assert tab.evaluate("scrollY") == 0
    tab.go_back()
    tab.wait_for_function("() => Math.abs(scrollY - 500) < 3")


def test_the_order_can_be_by_date(open_page: Open) -> None:
    tab = open_page("?q=a+circle")
    tab.wait_for_selector(".band")
    with tab.expect_request("**/v1/search") as told:
        tab.select_option("[aria-label=Order]", "date")
    assert json.loads(told.value.post_data)["sort"] == "date"
    assert asked(tab)["sort"] == ["date"]


def hit(number: int, bucket: str, probability: float) -> dict[str, Any]:
    """A made-up answer."""
    why = [{"stage": "match", "score": probability, "text": "matches"}]
    return {"id": number, "root": 1, "path": f"{number}.jpg", "name": f"{number}.jpg", "width": 3, "height": 2,
            "score": probability, "probability": probability, "bucket": bucket, "why": why}  # fmt: skip


def answering(*hits: dict[str, Any]) -> Callable[[Any], None]:
    """A server that finds these."""
    answer = {"query": {}, "hits": list(hits), "counts": {}, "total": 500, "took_ms": 1.0}
    return lambda tab: tab.route("**/v1/search", lambda route: route.fulfill(json=answer))


def test_nothing_likely_is_said_and_the_maybes_are_shown(open_page: Open) -> None:
    hits = [*(hit(n, "maybe", 0.2) for n in (1, 2)), *(hit(n, "rest", 0.01) for n in (3, 4, 5))]
    tab = open_page("?q=a+unicorn", stub=answering(*hits))
    assert "Nothing here is likely to be that" in tab.inner_text(".note")
    assert tab.locator("h2.band").all_inner_texts() == ["Maybe\n2"]
    tab.click(".more")
    tab.wait_for_selector(".band-rest")
    assert asked(tab)["rest"] == ["1"]


def test_when_all_is_unlikely_the_nearest_are_shown_all_the_same(open_page: Open) -> None:
    tab = open_page("?q=a+unicorn", stub=answering(hit(3, "rest", 0.01)))
    assert "judge for yourself" in tab.inner_text(".note")
    assert tab.locator(".tile").count() == 1


def test_a_server_that_is_gone_is_named_and_can_be_asked_again(open_page: Open) -> None:
    tab = open_page(expected=("Failed to load",))
    tab.wait_for_selector(".tile")
    tab.route("**/v1/search", lambda route: route.abort())
    tab.fill("#words", "a circle")
    tab.keyboard.press("Enter")
    assert "does not answer" in tab.inner_text(".note")
    tab.unroute("**/v1/search")
    tab.click("text=Try again")
    tab.wait_for_selector(".band")
