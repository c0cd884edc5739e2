"""SugarCrepe: which of two captions fits, where the wrong one is fluent as well (Hsieh et al. 2023).

``KIND.json`` is ``{number: {"filename", "caption", "negative_caption"}}`` for seven kinds; pictures are COCO's val2017.
"""

from __future__ import annotations

from pathlib import Path

from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import Folder, field, mapped, text
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

KINDS = ("add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj")
_GET = "https://github.com/RAIVNLab/sugar-crepe (data); pictures: https://cocodataset.org/#download (2017 Val)"


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    return [_kind(folder, name) for name in KINDS]


def _kind(folder: Folder, kind: str) -> Task:
    names = (f"data/{kind}.json", f"{kind}.json")
    path = str(folder.path(*names))
    queries, gallery, right, candidates = [], [], {}, {}
    for number, row in mapped(folder.json(*names), path).items():
        where = f"{path}, {number!r}"
        image = folder.picture(("val2017", "images"), field(row, "filename", where), where)
        queries.append(QueryItem(number, image=image))
        yes, no = f"{number}+", f"{number}-"
        gallery.append(GalleryItem(yes, texts=(text(field(row, "caption", where), where),)))
        gallery.append(GalleryItem(no, texts=(text(field(row, "negative_caption", where), where),)))
        right[number], candidates[number] = [yes], [yes, no]
    return Task(kind, queries, gallery, Qrels.of_sets(right), ("R@1",), family="kinds", candidates=candidates)


SUGARCREPE = Benchmark(
    name="sugarcrepe",
    title="SugarCrepe, seven kinds of hard negatives",
    paper="2306.14610",
    task="choice: picture to one of two captions",
    get=_GET,
    files=(
        *(File(f"data/{kind}.json|{kind}.json", f"captions, {kind}") for kind in KINDS),
        File("val2017|images", "the pictures", pictures=True),
    ),
    layout="data and main_eval.py of RAIVNLab/sugar-crepe",
    hit="the right caption scores strictly above the wrong one; R@1 is the accuracy, 50 is chance",
    gallery="two captions for each picture",
    metrics=("R@1",),
    licence="annotations MIT; pictures belong to their Flickr uploaders",
    read=_read,
    parsed="the seven released files, whole",
)
