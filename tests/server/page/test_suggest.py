"""Ways to narrow a question down, under the box: asked for when the typing is over, and never in the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.server.page.test_search import answering, asked, hit

Open = Callable[..., Any]

FOUND = {
    "query": "a dog",
    "suggestions": [
        {"query": "a dog", "added": [], "ids": [1], "share": 0.5},
        {"query": "a dog in the snow", "added": ["in the snow"], "ids": [2], "share": 0.3},
        {"query": "a dog running", "added": ["running"], "ids": [3], "share": 0.2},
    ],
    "results": 9,
    "did_you_mean": None,
    "language": None,
    "advice": None,
    "notes": [],
}


def suggesting(bucket: str = "likely", status: int = 200, **changed: Any) -> Callable[[Any], None]:
    """A server with six hits and these suggestions."""

    def stub(tab: Any) -> None:
        answering(*(hit(number, bucket, 0.9) for number in range(1, 7)))(tab)
        tab.route("**/v1/suggest", lambda route: route.fulfill(status=status, json={**FOUND, **changed}))

    return stub


def test_the_real_server_suggests_and_a_suggestion_is_a_question(open_page: Open) -> None:
    tab = open_page("?q=a+red+circle&where=stars%3E%3D1")
    with tab.expect_response("**/v1/suggest") as told:
        tab.wait_for_selector(".band")
    assert json.loads(told.value.request.post_data) == {"text": "a red circle", "where": ["stars>=1"]}
    answer = told.value.json()
    assert told.value.status == 200 and {"suggestions", "did_you_mean", "language"} <= set(answer)


def test_what_is_suggested_can_be_asked(open_page: Open) -> None:
    tab = open_page("?q=a+dog&rest=1", stub=suggesting())
    tab.wait_for_selector(".suggest li a")
    assert tab.locator(".suggest li a").all_inner_texts() == ["a dog in the snow", "a dog running"]
    top = tab.locator(".tile").first.bounding_box()["y"]
    assert tab.locator(".suggest").bounding_box()["height"] >= 42
    with tab.expect_request("**/v1/search") as told:
        tab.focus(".suggest li a >> nth=0")
        tab.keyboard.press("Enter")
    assert json.loads(told.value.post_data)["text"] == "a dog in the snow"
    assert asked(tab)["q"] == ["a dog in the snow"] and tab.input_value("#words") == "a dog in the snow"
    tab.go_back()
    tab.wait_for_selector(".suggest li a")
    assert tab.locator(".tile").first.bounding_box()["y"] == top, "pictures do not move when suggestions come"


def test_hints_on_spelling_and_language(open_page: Open) -> None:
    tab = open_page("?q=a+dgo", stub=suggesting(did_you_mean="a dog"))
    tab.click(".suggest >> text='a dog'")
    tab.wait_for_url("**?q=a+dog")
    tab = open_page("?q=ein+Hund", stub=suggesting(bucket="rest", language="German", advice="this looks like German"))
    assert "This looks like German." in tab.inner_text(".suggest p")
    assert tab.locator(".suggest li a").count() == 0, "what nobody understood is not narrowed down"


def test_no_suggestion_is_no_trouble(open_page: Open) -> None:
    tab = open_page("?q=a+dog", stub=suggesting(status=500), expected=("status of 500",))
    tab.wait_for_selector(".band")
    tab.wait_for_timeout(1000)
    assert tab.locator(".suggest li a").count() == tab.locator(".toast").count() == 0
    sent: list[str] = []
    tab = open_page("?image=3&but=in+red", stub=lambda tab: tab.on("request", lambda one: sent.append(one.url)))
    tab.wait_for_selector(".band")
    tab.wait_for_timeout(1000)
    assert not [url for url in sent if "v1/suggest" in url], "there are no words to change"
