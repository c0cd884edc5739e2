"""ChatIR on VisDial: a dialogue about the picture that is wanted, ranked after every round (Levy et al. 2023).

``dialogues/*.json`` is a list of ``{"img", "dialog": [caption, "question? answer", ...]}`` with ten rounds,
``ChatIR_Protocol/Search_Space_val_50k.json`` the list of the 50,000 pictures that are ranked.
"""

from __future__ import annotations

from pathlib import Path

from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import Folder, field, listed, text, texts
from openitr.evaluate.benchmarks.task import Combined, GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

ROUNDS = 11
_SPACE = "ChatIR_Protocol/Search_Space_val_50k.json"
_DIALOGUES = "dialogues/VisDial_v1.0_queries_val.json"
_GET = "https://github.com/levymsn/ChatIR; pictures: https://cocodataset.org/#download (2017 Unlabeled)"


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    space = str(folder.path(_SPACE))
    names = dict.fromkeys(text(one, space, "a picture's name") for one in listed(folder.json(_SPACE), space))
    gallery = [GalleryItem(name, folder.picture((".", "images"), name, space)) for name in names]
    path = str(folder.path(_DIALOGUES))
    queries, right, groups = [], {}, {}
    sets: list[list[str]] = []
    for number, row in enumerate(listed(folder.json(_DIALOGUES), path), 1):
        where = f"{path}, dialogue {number}"
        turns = texts(field(row, "dialog", where), where)
        sets.append([f"{number}/{after}" for after in range(min(ROUNDS, len(turns)))])
        for after, name in enumerate(sets[-1]):
            queries.append(QueryItem(name, turns=tuple(turns[: after + 1])))
            right[name] = [text(field(row, "img", where), where)]
            groups[name] = f"round {after:02d}"
    combined = {
        f"Hits@10 up to round {after:02d}": Combined("R@10", "any", [members[: after + 1] for members in sets])
        for after in range(ROUNDS)
    }
    return [Task("dialogue", queries, gallery, Qrels.of_sets(right), ("R@10", "MeanR"), "", groups, combined=combined)]


CHATIR = Benchmark(
    name="visdial-chatir",
    title="ChatIR's protocol on VisDial 1.0 val, 2,064 dialogues, 50,000 pictures",
    paper="2305.20062",
    task="dialogue to picture, after 0 to 10 rounds",
    get=_GET,
    files=(
        File(_DIALOGUES, "dialogues"),
        File(_SPACE, "names of the pictures"),
        File("unlabeled2017|images", "the pictures", pictures=True),
    ),
    layout="eval.py, dialogues and ChatIR_Protocol of levymsn/ChatIR",
    hit="the picture the dialogue is about",
    gallery="the 50,000 pictures of the search space",
    metrics=("R@10", "MeanR", "Hits@10 up to a round"),
    licence="MIT; pictures belong to their Flickr uploaders",
    read=_read,
    parsed="the released dialogues and list of pictures, whole",
    notes=(
        "'Hits@10 up to round r' counts a dialogue that hit in any round up to r, as the paper does; it cannot fall, "
        "even when answers are noise: compare R@10 of the single rounds beside it",
    ),
)
