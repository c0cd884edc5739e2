"""A second look at the hits, chosen on the page; how `but` is followed; and what the server has to say of an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.server.page.test_search import asked

Open = Callable[..., Any]

AGAIN = "select[aria-label='Second look']"
WAY = "select[aria-label='How it is followed']"
ORDER = "[...document.querySelectorAll('.tile')].map((tile) => tile.dataset.id)"


def options(tab: Any, select: str) -> list[str]:
    found: list[str] = tab.eval_on_selector_all(f"{select} option", "all => all.map((one) => one.textContent)")
    return found


def test_the_hits_are_looked_at_twice_and_say_why(open_page: Open) -> None:
    tab = open_page("?q=a+red+circle+or+a+blue+star&rest=1")
    tab.wait_for_selector(".tile-here")
    assert options(tab, AGAIN) == ["Look once", "Look twice: and, or, not", "Look twice: who does what"]
    before = tab.evaluate(ORDER)
    with tab.expect_request("**/v1/search") as told:
        tab.select_option(AGAIN, "logic")
    body = json.loads(told.value.post_data)
    assert body["rerank"] == "logic" and body["text"] == "a red circle or a blue star"
    tab.wait_for_function(f"(before) => JSON.stringify({ORDER}) !== before", arg=json.dumps(before).replace(" ", ""))
    assert asked(tab)["rerank"] == ["logic"]
    tab.click(".tile >> nth=0")
    tab.wait_for_selector(".stages")
    assert "Second look" in tab.inner_text(".stages")
    assert "places" in tab.inner_text(".stages") or "kept its place" in tab.inner_text(".stages")
    tab.keyboard.press("Escape")
    tab.wait_for_url(lambda url: "item=" not in url)
    assert asked(tab)["rerank"] == ["logic"], "looking closely at a picture asks nothing new"
    # The address holds it; back leads to the first look.
    tab.reload()
    tab.wait_for_selector(".tile-here")
    assert tab.input_value(AGAIN) == "logic"
    tab.go_back()
    tab.wait_for_url(lambda url: "rerank" not in url)
    tab.wait_for_function(f"(before) => JSON.stringify({ORDER}) === before", arg=json.dumps(before).replace(" ", ""))
    assert tab.input_value(AGAIN) == ""


def test_the_next_question_is_answered_at_once(open_page: Open) -> None:
    tab = open_page("?q=a+red+circle&rerank=logic")
    tab.wait_for_selector(".tile-here")
    with tab.expect_request("**/v1/search") as told:
        tab.fill("#words", "a blue star")
    assert "rerank" not in json.loads(told.value.post_data)
    tab.wait_for_url(lambda url: "rerank" not in url)
    tab.wait_for_function(f"document.querySelector({json.dumps(AGAIN)}).value === ''")


def test_it_is_offered_where_there_are_words(open_page: Open) -> None:
    tab = open_page()
    tab.wait_for_selector(".tile")
    for address, there in (("?image=3", False), ("?image=3&q=red", True), ("?image=3&q=red&but=blue", False)):
        tab.goto(tab.url.partition("?")[0] + address)
        tab.wait_for_selector(".band")
        assert tab.locator(AGAIN).is_visible() is there, address


def test_what_the_server_says_of_an_answer_is_seen(open_page: Open) -> None:
    def stub(tab: Any) -> None:
        def answer(route: Any) -> None:
            got = route.fetch()
            body = {**got.json(), "notes": ["reranked the first 7 of 10: 10000 ms were over"]}
            route.fulfill(response=got, json=body)

        tab.route("**/v1/search", answer)

    tab = open_page("?q=a+red+circle&rerank=comclip", stub=stub)
    tab.wait_for_selector(".remarks li")
    assert "the first 7 of 10" in tab.inner_text(".remarks")
    tab.unroute("**/v1/search")
    tab.fill("#words", "a blue star")
    tab.wait_for_selector(".remarks li", state="detached")


def test_how_a_change_is_followed_can_be_chosen(open_page: Open) -> None:
    tab = open_page("?image=3&but=a+yellow+star&rest=1")
    tab.wait_for_selector(WAY)
    assert options(tab, WAY) == [
        "As weighted words",
        "As a direction",
        "As a mean of both",
        "As a description, changed",
    ]
    for composer in ("pdv", "weimocir"):
        # The answer to what the page asked before may still come in.
        with tab.expect_response(lambda got, way=composer: f'"{way}"' in (got.request.post_data or "")) as told:
            tab.select_option(WAY, composer)
        assert told.value.status == 200
        assert json.loads(told.value.request.post_data)["composer"] == composer
        assert asked(tab)["composer"] == [composer]
    tab.select_option(WAY, "cirevl")
    tab.wait_for_selector(".remarks li")
    assert "OPENITR_LMM_URL" in tab.inner_text(".remarks"), "what a language model would gain is said"
    # What was asked at first is kept, so that it may come back without a request.
    tab.select_option(WAY, "")
    tab.wait_for_selector(".remarks li", state="detached")
    assert "composer" not in asked(tab)
    # With two pictures nothing is composed, and the choice is not there.
    tab.goto(tab.url.partition("?")[0] + "?image=3&image=4&but=red&composer=pdv")
    tab.wait_for_selector(".band")
    assert not tab.locator(WAY).is_visible()


def test_both_fit_a_phone(open_page: Open) -> None:
    for query in ("?q=a+red+circle&rerank=logic", "?image=3&but=in+red&composer=pdv"):
        tab = open_page(query, phone=True)
        tab.wait_for_selector(".band")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), query
        box = tab.locator(AGAIN if "rerank" in query else WAY).bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390


def test_more_pictures_than_a_question_takes_are_left_out_aloud(open_page: Open) -> None:
    tab = open_page()
    tab.wait_for_selector(".tile-here")
    order = tab.evaluate(ORDER)
    for place in range(8):
        tab.focus(f".tile >> nth={place}")
        tab.keyboard.press("x")
    tab.click("[aria-label='More like these']")
    tab.wait_for_selector("#toasts :text('6 pictures')")
    assert asked(tab)["image"] == order[:6], "those selected first"
