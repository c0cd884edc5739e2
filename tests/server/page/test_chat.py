"""The conversation beside the wall: said, asked, pointed at, left out, taken back; by mouse, keys and screen reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.server.page.test_look import CONTRAST
from tests.server.page.test_search import asked

Open = Callable[..., Any]

ORDER = "[...document.querySelectorAll('.tile')].map((tile) => Number(tile.dataset.id))"
QUESTION = {"text": "Which colour: red, blue?", "options": ["red", "blue", "none of these"], "gain": 0.9}
MEANS = {"adds": ["red", "blue", ""], "avoids": ["", "", ""]}


def asking(tab: Any) -> None:
    """The real server, that asks for the colour after the first turn, whatever it would have asked."""

    def answered(route: Any) -> None:
        got = route.fetch()
        document = got.json()
        if "state" in document:
            turns = document["state"]["turns"]
            for number, turn in enumerate(turns):
                turn["question"] = None if number else {**QUESTION, **MEANS}
            document["question"] = QUESTION if len(turns) == 1 else None
        route.fulfill(response=got, json=document)

    tab.route("**/v1/chat", answered)


def say(tab: Any, words: str) -> dict[str, Any]:
    """Say something in the panel; what the server was sent."""
    with tab.expect_request("**/v1/chat") as told:
        tab.fill(".chat-say input", words)
        tab.keyboard.press("Enter")
    tab.wait_for_function("(words) => document.querySelector('.chat-log').innerText.includes(words)", arg=words)
    body: dict[str, Any] = json.loads(told.value.post_data)
    return body


def begun(open_page: Open, words: str = "a circle", **options: Any) -> Any:
    tab = open_page("?rest=1", stub=asking, **options)
    tab.wait_for_selector(".tile")
    tab.click(".tool:has-text('Chat')" if not options.get("phone") else ".tools .tool >> nth=1")
    tab.wait_for_selector(".chat")
    say(tab, words)
    tab.wait_for_selector(".chat-options .button")
    tab.wait_for_selector(".band")
    return tab


def test_words_are_answered_by_hits_and_a_question(open_page: Open) -> None:
    tab = open_page("?q=a+circle", stub=asking)
    tab.wait_for_selector(".band")
    tab.keyboard.press("Escape")
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("t")
    tab.wait_for_selector(".chat")
    assert tab.input_value(".chat-say input") == "a circle", "what was looked for begins it"
    body = say(tab, "a circle")
    assert (body["say"], body["k"]) == ("a circle", 200) and "state" not in body
    tab.wait_for_selector(".chat-options .button")
    assert tab.locator(".chat-options button").all_inner_texts() == ["red", "blue", "none of these", "Not sure"]
    assert "in 26 pictures" in tab.inner_text(".chat-found")
    assert tab.inner_text(".chat-theirs") == QUESTION["text"]
    assert set(asked(tab)) >= {"panel", "chat"} and tab.title().startswith("A conversation")
    with tab.expect_request("**/v1/chat") as told:
        tab.click(".chat-options >> text=blue")
    sent = json.loads(told.value.post_data)
    assert sent["say"] == "blue" and sent["state"]["turns"][0]["said"] == "a circle" and "k" not in sent
    tab.wait_for_function("() => document.querySelectorAll('.chat-mine').length === 2")
    assert tab.locator(".chat-options button").count() == 0


def test_pointing_with_the_mouse(open_page: Open) -> None:
    tab = begun(open_page)
    tab.wait_for_timeout(200)
    before = tab.evaluate(ORDER)
    tab.hover(".tile >> nth=0")
    tab.click(".judge-not")
    tab.wait_for_function("(id) => !document.querySelector(`.tile[data-id='${id}']`)", arg=before[0])
    assert tab.inner_text(".chat-out summary") == "1 picture left out"
    tab.click(".chat-out summary")
    assert f"items/{before[0]}/" in tab.get_attribute(".chat-out img", "src")
    say(tab, "a square")
    assert before[0] not in tab.evaluate(ORDER), "left out for good"
    tab.hover(".tile >> nth=1")
    with tab.expect_request("**/v1/chat") as told:
        tab.click(".judge-like")
    assert json.loads(told.value.post_data)["like"] in before
    tab.wait_for_selector(".chat-mine:has-text('Close to this') img")


def test_pointing_with_keys_and_with_a_selection(open_page: Open) -> None:
    tab = begun(open_page)
    tab.wait_for_timeout(200)
    before = tab.evaluate(ORDER)
    tab.focus(".tile >> nth=1")
    tab.keyboard.press("n")
    tab.wait_for_function("(id) => !document.querySelector(`.tile[data-id='${id}']`)", arg=before[1])
    tab.wait_for_function("() => document.activeElement.classList.contains('tile')")
    with tab.expect_request("**/v1/chat") as told:
        tab.keyboard.press("l")
    assert json.loads(told.value.post_data)["like"] == before[0]
    tab.wait_for_selector(".chat-mine:has-text('Close to this')")
    now = tab.evaluate(ORDER)
    for place in (0, 1):
        tab.focus(f".tile >> nth={place}")
        tab.keyboard.press("x")
    with tab.expect_request("**/v1/chat") as told:
        tab.click("[aria-label='Not these']")
    assert json.loads(told.value.post_data)["reject"] == now[:2]
    tab.wait_for_function("() => document.querySelector('.chat-out summary').innerText === '3 pictures left out'")
    tab.wait_for_selector(".selection-bar", state="detached")


@pytest.mark.slow
def test_pointing_from_the_open_picture(open_page: Open) -> None:
    tab = begun(open_page)
    tab.click(".tile >> nth=0")
    tab.wait_for_selector("dialog.viewer[open] .facts dl")
    with tab.expect_request("**/v1/chat") as told:
        tab.click("text='Not like this'")
    assert "reject" in json.loads(told.value.post_data)
    tab.wait_for_selector("dialog.viewer[open]", state="detached")
    tab.wait_for_selector(".chat-out summary")


def test_a_step_is_taken_back_by_the_button_and_by_the_browser(open_page: Open) -> None:
    tab = begun(open_page)
    tab.wait_for_timeout(200)
    first = tab.evaluate(ORDER)
    say(tab, "blue")
    tab.wait_for_function(f"(then) => JSON.stringify({ORDER}) !== then", arg=json.dumps(first).replace(" ", ""))
    tab.click("[aria-label='Take the last step back']")
    tab.wait_for_function("() => document.querySelectorAll('.chat-mine').length === 1")
    tab.wait_for_function(f"(then) => JSON.stringify({ORDER}) === then", arg=json.dumps(first).replace(" ", ""))
    assert tab.inner_text("#said") == "Taken back"
    tab.go_back()
    tab.wait_for_function("() => document.querySelectorAll('.chat-mine').length === 2")
    tab.go_back()
    tab.wait_for_function("() => document.querySelectorAll('.chat-mine').length === 1")
    assert tab.locator(".chat-options .button").count() == 3
    tab.click("[aria-label='Take the last step back']")
    tab.wait_for_function("() => document.querySelector('.found').textContent === '26 pictures'")
    assert tab.locator(".chat-mine").count() == 0 and "chat" not in asked(tab)


@pytest.mark.slow
def test_it_outlives_a_reload_and_another_search(open_page: Open) -> None:
    tab = begun(open_page)
    with tab.expect_response("**/v1/chat"):
        say(tab, "not red")
    tab.wait_for_timeout(200)
    before = tab.evaluate(ORDER)
    tab.reload()
    tab.wait_for_selector(".band")
    tab.wait_for_function("() => document.querySelectorAll('.chat-mine').length === 2")
    assert tab.evaluate(ORDER) == before
    tab.fill("#words", "a star")
    tab.keyboard.press("Enter")
    tab.wait_for_function("() => document.title.startsWith('“a star”')")
    assert "chat" not in asked(tab) and tab.locator(".chat-mine").count() == 2
    tab.click("[aria-label='Close the conversation']")
    tab.wait_for_selector(".chat", state="hidden")
    tab.click(".tool:has-text('Chat')")
    tab.wait_for_function("() => document.title.startsWith('A conversation')")
    assert say(tab, "a square")["state"]["turns"][1]["said"] == "not red"
    tab.click(".chat >> text='New'")
    tab.wait_for_function("() => document.querySelectorAll('.chat-mine').length === 0")
    assert "state" not in say(tab, "a star")


def test_another_tab_s_conversation_is_explained(open_page: Open) -> None:
    tab = open_page("?panel=chat&chat=k3f9")
    assert "only known to another tab" in tab.inner_text(".note")
    tab.wait_for_selector(".chat")
    say(tab, "a circle")
    tab.wait_for_selector(".band")


def test_what_is_refused_is_said_and_nothing_is_lost(open_page: Open) -> None:
    tab = begun(open_page, expected=("status of 4",))
    tab.fill(".chat-say input", "like 9999")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".toast")
    assert "there is no hit 9999" in tab.inner_text(".toast")
    assert tab.input_value(".chat-say input") == "like 9999" and tab.locator(".chat-mine").count() == 1


def test_it_can_be_heard_and_walked_through(open_page: Open) -> None:
    tab = begun(open_page)
    assert tab.get_attribute(".chat-log", "role") == "log"
    assert tab.get_attribute(".chat-found", "role") == "status"
    # Only what is new is put into the log: what stands there is not read out again.
    tab.evaluate("document.querySelectorAll('.chat-log li').forEach((line) => (line.dataset.old = '1'))")
    say(tab, "blue")
    tab.wait_for_function("() => document.querySelectorAll('.chat-mine').length === 2")
    assert tab.locator(".chat-log li[data-old]").count() == 2
    tab.focus(".chat [aria-label='Take the last step back']")
    names = []
    for _ in range(5):
        tab.keyboard.press("Tab")
        names.append(
            tab.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText")
        )
    assert names == [
        "New", "Close the conversation", "What was said", "Say what the picture shows, or answer", "Send",
    ]  # fmt: skip
    unnamed = tab.evaluate("""[...document.querySelectorAll(".chat button, .chat input")].filter((one) =>
      !one.getAttribute("aria-label") && !one.innerText.trim()).length""")
    assert unnamed == 0


def test_it_can_be_read_in_light_and_in_the_dark(open_page: Open) -> None:
    tab = begun(open_page)
    tab.hover(".tile >> nth=0")
    tab.click(".judge-not")
    tab.wait_for_selector(".chat-out summary")
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        tab.wait_for_timeout(250)
        seen, poor = tab.evaluate(CONTRAST)
        assert seen > 10 and poor == []


def test_on_a_phone_it_leaves_room_for_the_pictures(open_page: Open) -> None:
    tab = begun(open_page, phone=True)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    sheet = tab.locator(".chat").bounding_box()
    assert sheet["width"] > 380 and sheet["y"] > 844 * 0.35
    assert tab.locator(".tile >> nth=0").bounding_box()["y"] < sheet["y"] - 60
    assert not tab.locator(".chat-hint").is_visible()
