"""Winoground: two pictures, two captions of the same words; match them (Thrush et al. 2022).

``examples.jsonl`` has ``{"id", "image_0", "image_1", "caption_0", "caption_1", "tag", "secondary_tag",
"collapsed_tag"}``; ``images/`` holds the pictures under their names with ".png".
"""

from __future__ import annotations

from pathlib import Path

from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import Folder, field, key, text
from openitr.evaluate.benchmarks.task import Combined, GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

_GET = "https://huggingface.co/datasets/facebook/winoground (gated: data/examples.jsonl and data/images.zip)"


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    queries, gallery, right, candidates, groups = [], [], {}, {}, {}
    by_text, by_image = [], []
    for where, row in folder.lines("examples.jsonl", "data/examples.jsonl"):
        name = key(field(row, "id", where), where)
        captions, images = [f"{name}/c0", f"{name}/c1"], [f"{name}/i0", f"{name}/i1"]
        for side in (0, 1):
            said = text(field(row, f"caption_{side}", where), where)
            shown = text(field(row, f"image_{side}", where), where)
            shown = shown if Path(shown).suffix else f"{shown}.png"
            image = folder.picture(("images", "data/images"), shown, where)
            queries += [QueryItem(captions[side], said), QueryItem(images[side], image=image)]
            gallery += [GalleryItem(captions[side], texts=(said,)), GalleryItem(images[side], image)]
            right[captions[side]], right[images[side]] = [images[side]], [captions[side]]
            candidates[captions[side]], candidates[images[side]] = images, captions
            groups[captions[side]] = groups[images[side]] = str(row.get("collapsed_tag") or "no tag")
        by_image.append(captions)
        by_text.append(images)
    both = [[*one, *other] for one, other in zip(by_text, by_image, strict=True)]
    combined = {
        "text score": Combined("R@1", "all", by_text),
        "image score": Combined("R@1", "all", by_image),
        "group score": Combined("R@1", "all", both),
    }
    return [Task("match", queries, gallery, Qrels.of_sets(right), ("R@1",), "", groups, candidates, combined=combined)]


WINOGROUND = Benchmark(
    name="winoground",
    title="Winoground, 400 examples",
    paper="2204.03162",
    task="choice: two pictures and two captions",
    get=_GET,
    files=(
        File("examples.jsonl|data/examples.jsonl", "the examples"),
        File("images|data/images", "the pictures", pictures=True),
    ),
    layout="data card of facebook/winoground and the codes that load it (ajd12342/why-winoground-hard); the gated "
    "files themselves were not seen",
    hit="text score: both pictures score their own caption strictly higher; image score: both captions their own "
    "picture; group score: both. Chance is 25, 25 and 16.7",
    gallery="the two captions, or the two pictures, of the example",
    metrics=("R@1", "text score", "image score", "group score"),
    licence="research only, on the terms of its data card (Getty Images)",
    read=_read,
    notes=("groups show R@1 of single choices, 50 is chance, by the collapsed tag",),
)
