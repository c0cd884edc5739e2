"""Asking by picture: chosen, pasted, dropped, taken from the wall, with words and without."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Open = Callable[..., Any]

DROP = """([name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, {type}));
  document.body.dispatchEvent(new DragEvent("dragover", {dataTransfer: carried, bubbles: true, cancelable: true}));
  const shown = getComputedStyle(document.querySelector(".drop")).display !== "none";
  document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true}));
  return shown;
}"""
PASTE = """([name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, {type}));
  document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: carried, bubbles: true, cancelable: true}));
}"""


@pytest.fixture
def scene(scenes: Path) -> Path:
    """One of the indexed pictures."""
    return scenes / "north" / "scene-05.png"


def carried(path: Path) -> list[str]:
    """A file as the scripts above take it."""
    return [path.name, "image/png", base64.b64encode(path.read_bytes()).decode()]


def first_name(tab: Any) -> str:
    """The best hit."""
    tab.wait_for_selector(".band")
    return str(tab.locator(".tile").first.get_attribute("aria-label"))


def test_a_chosen_file_finds_itself(open_page: Open, scene: Path) -> None:
    tab = open_page()
    with tab.expect_request("**/v1/search") as told:
        tab.set_input_files("form.box input[type=file]", scene)
    assert json.loads(told.value.post_data)["image"].startswith("data:image/")
    assert first_name(tab).startswith("scene-05.png, likely")
    assert "image=%40" in tab.url
    assert tab.inner_text(".chip-image") == "scene-05.png"
    assert tab.locator(".chip-image img").evaluate("image => image.complete && image.naturalWidth > 0")


def test_a_dropped_picture_finds_itself_and_outlives_a_reload(open_page: Open, scene: Path) -> None:
    tab = open_page()
    assert tab.evaluate(DROP, carried(scene)), "the page shows that it takes the picture"
    assert first_name(tab).startswith("scene-05.png")
    tab.reload()
    assert first_name(tab).startswith("scene-05.png")


def test_a_pasted_picture_finds_itself(open_page: Open, scene: Path) -> None:
    tab = open_page()
    tab.evaluate(PASTE, carried(scene))
    assert first_name(tab).startswith("scene-05.png")


def test_words_join_a_picture_and_both_have_weights(open_page: Open, scene: Path) -> None:
    tab = open_page()
    tab.set_input_files("form.box input[type=file]", scene)
    tab.wait_for_selector(".band")
    with tab.expect_request("**/v1/search") as told:
        tab.fill("#words", "in blue")
        tab.keyboard.press("Enter")
    body = json.loads(told.value.post_data)
    assert body["text"] == "in blue" and body["image"].startswith("data:")
    tab.wait_for_selector(".chip-weight")
    tab.click(".chip-weight")
    with tab.expect_request("**/v1/search") as told:
        tab.locator(".weigh input").fill("0.5")
        tab.locator(".weigh input").dispatch_event("change")
    assert json.loads(told.value.post_data)["image"]["weight"] == 0.5
    assert "image=0.5%3A%40" in tab.url


def test_a_large_photo_is_sent_small(open_page: Open) -> None:
    tab = open_page()
    big = tab.evaluate("""async () => {
      const canvas = new OffscreenCanvas(3000, 2000);
      canvas.getContext("2d").fillRect(200, 200, 900, 900);
      const buffer = await (await canvas.convertToBlob()).arrayBuffer();
      return btoa(String.fromCharCode(...new Uint8Array(buffer)));
    }""")
    with tab.expect_request("**/v1/search") as told:
        tab.evaluate(DROP, ["big.png", "image/png", big])
    size = tab.evaluate(
        """(data) => new Promise((done) => {
          const image = new Image();
          image.onload = () => done(image.naturalWidth);
          image.src = data;
        })""",
        json.loads(told.value.post_data)["image"],
    )
    assert size == 512


def test_what_is_no_picture_is_refused_in_words(open_page: Open) -> None:
    tab = open_page()
    tab.evaluate(DROP, ["notes.txt", "text/plain", base64.b64encode(b"hello").decode()])
    assert "notes.txt is not a picture" in tab.inner_text(".toast")


def test_what_only_calls_itself_a_picture_is_refused_by_the_server(open_page: Open) -> None:
    tab = open_page(expected=("status of 4",))
    tab.evaluate(DROP, ["fake.jpg", "image/jpeg", base64.b64encode(b"no picture at all").decode()])
    tab.wait_for_selector(".note")
    assert tab.locator(".note").inner_text().strip()


def test_an_address_that_is_dropped_is_not_fetched(open_page: Open) -> None:
    tab = open_page()
    tab.evaluate("""() => {
      const carried = new DataTransfer();
      carried.setData("text/uri-list", "https://example.org/cat.jpg");
      document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true}));
    }""")
    assert "Only files" in tab.inner_text(".toast")


def test_a_tile_dragged_into_the_box_is_asked_with(open_page: Open) -> None:
    tab = open_page()
    tab.wait_for_selector(".tile")
    number = tab.locator(".tile").first.get_attribute("data-id")
    tab.drag_and_drop(".tile >> nth=0", "form.box")
    tab.wait_for_selector(".band")
    assert f"image={number}" in tab.url


def test_a_picture_of_another_tab_is_missed_politely(open_page: Open) -> None:
    tab = open_page("?q=circle&image=%40abc123")
    assert "another tab" in tab.inner_text(".note")
    tab.click(".chip-image .chip-out")
    tab.wait_for_selector(".band")


def test_a_picture_can_be_what_to_stay_away_from(open_page: Open, scene: Path) -> None:
    tab = open_page("?q=circle")
    tab.wait_for_selector(".band")
    tab.click(".chip-more")
    with tab.expect_request("**/v1/search") as told:
        tab.set_input_files(".adder input[type=file]", scene)
    assert json.loads(told.value.post_data)["not"][0]["image"].startswith("data:image/")
    tab.wait_for_selector(".chip-not img")
