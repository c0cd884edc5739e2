"""ARO, the Visual Genome parts: which of two word orders fits (Yuksekgonul et al. 2023).

``visual_genome_relation.json`` and ``visual_genome_attribution.json`` are lists of ``{"image_path", "bbox_x",
"bbox_y", "bbox_w", "bbox_h", "true_caption", "false_caption", "relation_name" | "attributes"}``.
"""

from __future__ import annotations

from pathlib import Path

from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import Folder, box, field, listed, text
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

_GET = "https://github.com/mertyg/vision-language-models-are-bows (links to the files)"
_PARTS = {"relation": "visual_genome_relation.json", "attribution": "visual_genome_attribution.json"}


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    return [_part(folder, name, file) for name, file in _PARTS.items()]


def _part(folder: Folder, part: str, file: str) -> Task:
    path = str(folder.path(file))
    queries, gallery, right, candidates, groups = [], [], {}, {}, {}
    for number, row in enumerate(listed(folder.json(file), path), 1):
        where, name = f"{path}, entry {number}", str(number)
        image = folder.picture("images", field(row, "image_path", where), where)
        inside = box([field(row, f"bbox_{side}", where) for side in "xywh"], where)
        queries.append(QueryItem(name, image=image, box=inside))
        yes, no = f"{name}+", f"{name}-"
        gallery.append(GalleryItem(yes, texts=(text(field(row, "true_caption", where), where),)))
        gallery.append(GalleryItem(no, texts=(text(field(row, "false_caption", where), where),)))
        right[name], candidates[name] = [yes], [yes, no]
        if part == "relation":
            groups[name] = text(field(row, "relation_name", where), where)
        else:
            groups[name] = "_".join(str(one) for one in listed(field(row, "attributes", where), where))
    return Task(part, queries, gallery, Qrels.of_sets(right), ("R@1",), "", groups, candidates)


ARO = Benchmark(
    name="aro",
    title="ARO: Visual Genome Relation and Attribution",
    paper="2210.01936",
    task="choice: picture to one of two captions",
    get=_GET,
    files=(
        *(File(file, f"captions and boxes, {part}") for part, file in _PARTS.items()),
        File("images", "the pictures", pictures=True),
    ),
    layout="dataset_zoo/aro_datasets.py of mertyg/vision-language-models-are-bows",
    hit="the right caption scores strictly above the wrong one; R@1 is the accuracy, 50 is chance",
    gallery="two captions for each box of a picture",
    metrics=("R@1",),
    licence="annotations MIT; pictures are Visual Genome's, CC-BY-4.0",
    read=_read,
    notes=(
        "the authors give the mean over relations (mean of groups), and over attribute pairs with 25 cases or more",
        "its COCO and Flickr30k order tests make their wrong captions with a tagger at run time and are not read",
    ),
)
