"""Takes the pictures of docs/images, of the page serving the demo's photographs: ``python -m docs.screenshots``.

The photographs come out of packages that carry them under their own licences (see demo/photos.py).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import openitr
from demo.photos import gather

IMAGES = Path(__file__).parent / "images"
SHOTS = {
    # name: (address, width, height, colours, what to wait for, what to click then)
    "page-browse": ("", 1280, 800, "light", ".tile-here", ()),
    "page-search": ("?q=a+big+cat&rest=1", 1280, 800, "light", ".band-rest", ()),
    "page-dark": ("?q=a+rocket+launch+at+night&rest=1", 1280, 800, "dark", ".band-rest", ()),
    "page-viewer": ("?q=a+big+cat", 1280, 800, "dark", ".tile", (".tile >> nth=1", "text=Where in the picture")),
    "page-collection": ("?view=collection", 1280, 800, "light", ".number", ()),
    "page-phone": ("?q=a+big+cat&rest=1", 390, 844, "light", ".band-rest", ()),
}


def main() -> None:
    """Index, serve, look."""
    from playwright.sync_api import sync_playwright

    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        place = Path(home) / "photos"
        with openitr.create(place) as library:
            library.index(gather(Path(".cache/demo")))
        command = [sys.executable, "-m", "openitr", "serve", str(place), "--port", "0"]
        env = {**os.environ, "OPENITR_HOME": home}
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as server,
            sync_playwright() as driver,
        ):
            assert server.stdout is not None
            address = server.stdout.readline().strip() + "/"
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name, (query, width, height, colours, ready, clicks) in SHOTS.items():
                size = {"width": width, "height": height}
                tab = browser.new_page(
                    viewport=size, color_scheme=colours, is_mobile=width < 500, has_touch=width < 500
                )
                tab.goto(address + query)
                tab.wait_for_selector(ready)
                for target in clicks:
                    tab.click(target)
                    tab.wait_for_timeout(1500)
                if "viewer" in name:
                    tab.wait_for_selector(".heat")
                    tab.evaluate("document.querySelector('.why').scrollIntoView()")
                tab.wait_for_timeout(800)
                tab.screenshot(path=IMAGES / f"{name}.jpg", type="jpeg", quality=86)
                tab.close()
            browser.close()
            server.terminate()


if __name__ == "__main__":
    main()
