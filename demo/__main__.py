"""Index photographs, ask in words and by picture, print the hits, write a contact sheet."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import openitr
from demo.photos import gather
from openitr.cli.progress import Reporter
from openitr.cli.sheet import contact_sheet
from openitr.errors import FingerprintMismatch
from openitr.types import Hits

OUT = Path("demo/out")
QUESTIONS = (
    "a cat",
    "a cup of coffee",
    "an astronaut in a space suit",
    "a motorcycle in a garage",
    "a rocket launch at night",
    "a big cat in the savannah",
    "an old temple",
    "a submarine under water",
)


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--pictures", type=Path, help="a folder of your own")
    parser.add_argument("--ask", action="append", help="a question of your own; may be repeated")
    parser.add_argument("--serve", action="store_true", help="show the page at the end, until Ctrl-C")
    parser.add_argument("--port", type=int, default=8000, help="of the page")
    options = parser.parse_args()

    folder = options.pictures or gather(Path(".cache/demo"))
    place = OUT / ("own" if options.pictures else "photos")
    print(f"$ openitr index {folder} --into {place}")
    with openitr.create(str(place)) as library:
        with Reporter() as reporter:
            try:
                report = library.index(folder, on_progress=reporter)
            except FingerprintMismatch:
                library.reindex("default", on_progress=reporter)
                report = library.index(folder, on_progress=reporter)
        counts = report.to_json()
        print(
            f"{counts['added']} added, {counts['unchanged']} unchanged, {counts['skipped']} skipped, "
            f"{counts['seconds']:.1f} s\n"
        )
        answers: list[tuple[str, Hits]] = []
        for question in options.ask or QUESTIONS:
            answers.append((question, show(library, f'"{question}"', place, question)))
        for path in example_pictures(folder):
            answers.append((f"like {path.name}", show(library, f"--image {path}", place, images=[path])))
        sheet = OUT / "contact-sheet.html"
        sheet.write_text(contact_sheet(library, answers, title="OpenITR demo"), encoding="utf-8")
    print(f"contact sheet: {sheet.resolve()}")
    print(f"ask on: .venv/bin/openitr search {place} two animals outdoors")
    if not options.serve:
        print(f"or look: .venv/bin/openitr serve {place}")
        return
    from openitr.server.listen import serve
    from openitr.server.settings import Settings

    with openitr.open(str(place)) as library:
        serve(
            {place.name: library},
            Settings(port=options.port),
            ready=lambda address: print(f"the page, until Ctrl-C: {address}", flush=True),
        )


def show(library: openitr.Library, words: str, place: Path, text: str | None = None, **query: list[Path]) -> Hits:
    """Ask once and print the best hits."""
    start = time.perf_counter()
    hits = library.search(text, k=6, **query)
    took = (time.perf_counter() - start) * 1000
    print(f"$ openitr search {place} {words} -k 6")
    if not hits.likely():
        print("   nothing here is likely to be that; the nearest are")
    for hit in hits[:3]:
        print(f"   {hit.bucket:6} {hit.probability:4.0%}  {hit.path}")
    print(f"   ({took:.0f} ms)\n")
    return hits


def example_pictures(folder: Path) -> list[Path]:
    """Two pictures to ask with: the demo's own, or the first of the user's folder."""
    own = [folder / "gradio" / "cheetah.jpg", folder / "scikit-learn" / "flower.jpg"]
    if all(path.exists() for path in own):
        return own
    from openitr.media import looks_like_image

    return [path for path in sorted(folder.rglob("*")) if path.is_file() and looks_like_image(path)][:2]


if __name__ == "__main__":
    main()
