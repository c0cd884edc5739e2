"""Duplicates, the collection with its jobs, two models side by side, the door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.page.conftest import serving

Open = Callable[..., Any]


def test_duplicates_are_reviewed_and_leave_the_collection_only(open_page: Open, scenes: Path) -> None:
    tab = open_page("?view=duplicates&collection=spare")
    group = tab.locator(".group:has-text('copy.png')")
    group.wait_for()
    assert group.locator(".card-keeper").count() == 1
    group.locator("text=Mark the others").click()
    assert tab.inner_text(".review-bar p").startswith("1 picture marked")
    kept = group.locator(".card-keeper .card-name").inner_text()
    other = group.locator(".card:not(.card-keeper) .card-name").inner_text()
    group.locator("text=Keep this").click()
    assert group.locator(".card-keeper .card-name").inner_text() == other != kept
    group.locator("text=Mark the others").click()
    tab.click("text=Remove from the collection")
    tab.click("dialog.asks >> text=Cancel")
    assert group.count() == 1
    tab.click("text=Remove from the collection")
    with tab.expect_response("**/v1/items/remove") as told:
        tab.click("dialog.asks button.danger")
    assert told.value.json() == {"removed": 1}
    group.wait_for(state="detached")
    assert (scenes / kept).exists(), "the file stays"
    tab.click("a[data-go][title=Pictures]")
    tab.wait_for_function("() => document.querySelector('.found')?.textContent === '25 pictures'")


def test_kinds_of_duplicates_are_addresses(open_page: Open) -> None:
    tab = open_page("?view=duplicates")
    tab.wait_for_selector(".group")
    tab.click("text='Copies'")
    tab.wait_for_url("**kind=copy**")
    tab.wait_for_function("""() => {
      const kinds = [...document.querySelectorAll(".group .kind")].map((one) => one.textContent);
      return kinds.length && kinds.every((one) => one === "Copies");
    }""")


def test_many_groups_come_in_pages(open_page: Open) -> None:
    def stub(tab: Any) -> None:
        item = {"root": 1, "path": "a.jpg", "name": "a.jpg", "width": 3, "height": 2, "size": 9}
        groups = [
            {"kind": "near", "keeper": n, "items": [{**item, "id": n}, {**item, "id": n + 1}]} for n in range(1, 61, 2)
        ]
        tab.route("**/v1/items/*/thumbnail*", lambda route: route.fulfill(body="GIF89a", content_type="image/gif"))
        tab.route("**/duplicates?*", lambda route: route.fulfill(json={"groups": groups, "total": 4000}))

    tab = open_page("?view=duplicates", stub=stub)
    tab.wait_for_selector(".pager")
    assert "Page 1 of 134" in tab.inner_text(".pager")
    tab.click(".pager >> text=Next")
    tab.wait_for_url("**page=2**")
    assert tab.locator(".group").count() == 30
    tab.click("text=in every group")
    assert tab.inner_text(".review-bar p").startswith("30 pictures marked")


def test_the_collection_says_what_it_holds_and_what_it_skipped(open_page: Open) -> None:
    tab = open_page("?view=collection")
    tab.wait_for_selector("table")
    text = tab.inner_text("main")
    assert "26" in tab.inner_text(".numbers")
    assert "broken.jpg" in tab.inner_text("table")
    for word in ("conse", "default", "answers now", "Stars", "Tags", "Folders"):
        assert word in text
    assert "/tmp" not in text, "no folder of the server's disk is named"


def test_a_job_is_followed_live(open_page: Open, scenes: Path) -> None:
    tab = open_page("?view=collection&collection=spare")
    tab.click("text=Update")
    tab.wait_for_selector(".jobs .state-running, .jobs .state-done, .jobs .state-queued")
    tab.wait_for_selector(".jobs .state-done", timeout=60_000)
    assert "added" in tab.inner_text(".jobs")


def test_a_folder_that_is_not_allowed_is_refused_in_words(open_page: Open) -> None:
    tab = open_page("?view=collection", expected=("status of 4",))
    tab.click("text=Index another folder")
    tab.fill("[aria-label='Folder on the server']", "/etc")
    tab.keyboard.press("Enter")
    assert tab.inner_text(".toast").strip()


def test_two_models_answer_side_by_side(open_page: Open) -> None:
    tab = open_page("?view=compare")
    assert "Ask something" in tab.inner_text(".note")
    tab.fill("#words", "a red circle")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".rank")
    assert "view=compare" in tab.url
    assert tab.locator(".ranks").count() == 2
    left, right = (tab.locator(".ranks").nth(n).locator(".rank a").all_text_contents() for n in (0, 1))
    assert len(left) == len(right) == 26
    assert "of the first 10 are the same" in tab.inner_text(".found")
    tab.select_option("[aria-label='Right model']", "conse")
    tab.wait_for_function("() => document.querySelector('.found').textContent.startsWith('10 of')")
    assert "versus=conse" in tab.url


@pytest.fixture(scope="module")
def locked(served: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that asks for a key and lets nobody change anything."""
    place = next(path for path in tmp_path_factory.getbasetemp().glob("served*/scenes"))
    env = {"OPENITR_HOME": str(tmp_path_factory.mktemp("locked")), "OPENITR_API_KEY": "open sesame"}
    with serving(place, env=env, options=("--read-only",)) as address:
        yield address


def test_the_door_opens_with_the_key(open_page: Open, locked: str) -> None:
    tab = open_page(base=locked, expected=("status of 401",))
    tab.wait_for_selector("dialog.door[open]")
    assert tab.locator(".tile").count() == 0
    tab.fill("#key", "open barley")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".wrong:has-text('not the key')")
    tab.fill("#key", "open sesame")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".tile")
    tab.reload()
    tab.wait_for_selector(".tile")
    assert tab.evaluate("document.cookie") == "", "no script can read the key"
    tab.click("[aria-label='Sign out']")
    tab.wait_for_selector("dialog.door[open]")


def test_nothing_can_be_changed_where_nothing_may(open_page: Open, locked: str) -> None:
    tab = open_page(base=locked, expected=("status of 401",))
    tab.fill("#key", "open sesame")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".tile")
    tab.keyboard.press("/")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("x")
    tab.wait_for_selector("#selection p")
    assert "Remove" not in tab.inner_text("#selection")
    tab.goto(locked + "?view=duplicates")
    tab.wait_for_selector(".group")
    assert tab.locator(".group input").count() == tab.locator("text=Mark the others").count() == 0
    tab.goto(locked + "?view=collection")
    tab.wait_for_selector("table")
    assert tab.locator("text=Update").count() == 0 and "read only" in tab.inner_text("main")
