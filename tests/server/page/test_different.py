"""A picture, but different: the field, the sliders, and that sliding is cheap and stays in the address."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.server.page.test_search import asked

Open = Callable[..., Any]

ORDER = "[...document.querySelectorAll('.tile')].map((tile) => tile.dataset.id)"
FIELD = "[aria-label^='But different']"
CHANGE = "input[aria-label='How different']"
PICTURE = "input[aria-label='The picture counts']"


def model_rows(tab: Any, kind: str) -> float:
    """How many rows the model has encoded by now."""
    text = tab.evaluate("fetch('/metrics').then((got) => got.text())")
    lines = [line for line in text.splitlines() if line.startswith(f'openitr_model_rows_sum{{kind="{kind}"}}')]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


def test_the_field_is_there_once_there_is_a_picture(open_page: Open) -> None:
    tab = open_page()
    tab.wait_for_selector(".tile")
    assert not tab.locator(".different").is_visible()
    tab.goto(tab.url + "?image=3")
    tab.wait_for_selector(".band")
    assert tab.locator(".different").is_visible() and not tab.locator(CHANGE).is_visible()
    with tab.expect_request("**/v1/search") as told:
        tab.fill(FIELD, "in yellow")
    body = json.loads(told.value.post_data)
    assert (body["image"], body["but"], body["strength"]) == (3, "in yellow", 1)
    tab.wait_for_selector(CHANGE)
    assert asked(tab) == {"image": ["3"], "but": ["in yellow"]}
    assert "3" not in tab.evaluate(ORDER), "the picture itself is no answer"
    tab.fill(FIELD, "")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(CHANGE, state="hidden")
    assert asked(tab) == {"image": ["3"]}


def test_sliding_ranks_anew_without_the_model(open_page: Open) -> None:
    tab = open_page("?image=3&but=a+yellow+star&rest=1")
    tab.wait_for_selector(CHANGE)
    tab.wait_for_selector(".tile-here")
    first, encoded = tab.evaluate(ORDER), [model_rows(tab, kind) for kind in ("texts", "images")]
    assert encoded[0] > 0
    tab.evaluate("document.querySelectorAll('.tile').forEach((tile) => (tile.dataset.seen = '1'))")
    entries = tab.evaluate("history.length")
    tab.focus(CHANGE)
    bodies: list[dict[str, Any]] = []
    tab.on("request", lambda sent: bodies.append(json.loads(sent.post_data)) if "v1/search" in sent.url else None)
    for _ in range(12):
        tab.keyboard.press("ArrowRight")
    tab.wait_for_url("**strength=2.2**")
    tab.wait_for_function(f"(before) => JSON.stringify({ORDER}) !== before", arg=json.dumps(first).replace(" ", ""))
    for _ in range(100):
        if bodies and bodies[-1]["strength"] == 2.2:
            break
        tab.wait_for_timeout(100)
    assert bodies[-1]["strength"] == 2.2 and bodies[-1]["but"] == "a yellow star"
    assert [model_rows(tab, kind) for kind in ("texts", "images")] == encoded, "nothing was encoded again"
    assert tab.evaluate("history.length") == entries, "a slide is no step to come back to"
    assert tab.evaluate("document.activeElement.getAttribute('aria-label')") == "How different"
    assert tab.evaluate("document.activeElement.getAttribute('aria-valuetext')") == "2.2 times"
    stayed = tab.evaluate("document.querySelectorAll('.tile[data-seen]').length")
    assert stayed > 5, "pictures that stay are moved, not loaded again"
    assert tab.evaluate("[...document.querySelectorAll('.tile')].every((tile, i) => tile.dataset.position === `${i}`)")


def test_the_picture_has_a_weight_of_its_own_and_the_address_holds_both(open_page: Open) -> None:
    tab = open_page("?image=0.4:3&but=in+red&strength=2.5")
    tab.wait_for_selector(".band")
    assert (tab.input_value(CHANGE), tab.input_value(PICTURE)) == ("2.5", "0.4")
    tab.focus(FIELD)
    names = []
    for _ in range(3):
        tab.keyboard.press("Tab")
        names.append(tab.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert names == ["How it is followed", "How different", "The picture counts"], (
        "every control has a name and can be reached"
    )
    with tab.expect_request("**/v1/search") as told:
        tab.keyboard.press("ArrowRight")
    assert json.loads(told.value.post_data)["image"] == {"image": 3, "weight": 0.5}
    tab.wait_for_url("**image=0.5%3A3**")
    tab.reload()
    tab.wait_for_selector(".band")
    assert (tab.input_value(CHANGE), tab.input_value(PICTURE)) == ("2.5", "0.5")
    before = tab.evaluate(ORDER)
    tab.goto(tab.url.replace("strength=2.5", "strength=0"))
    tab.wait_for_selector(".band")
    assert tab.input_value(CHANGE) == "0" and tab.evaluate(ORDER) != before


def test_a_pasted_picture_can_be_changed_too(open_page: Open) -> None:
    tab = open_page()
    tab.wait_for_selector(".tile")
    tab.evaluate("""async () => {
      const canvas = Object.assign(document.createElement("canvas"), {width: 60, height: 60});
      canvas.getContext("2d").fillRect(0, 0, 60, 60);
      const blob = await new Promise((done) => canvas.toBlob(done));
      const given = new DataTransfer();
      given.items.add(new File([blob], "black.png", {type: "image/png"}));
      document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: given, bubbles: true}));
    }""")
    tab.wait_for_selector(".different")
    with tab.expect_request("**/v1/search") as told:
        tab.fill(FIELD, "with a red circle")
    body = json.loads(told.value.post_data)
    assert body["image"].startswith("data:image/") and body["but"] == "with a red circle"
    tab.wait_for_selector(".band")
