"""Layouts of benchmarks with queries of their own kind: composed, choices, boxes, dialogues, on coloured pictures."""

from __future__ import annotations

from pathlib import Path

from tests.evaluate.benchmarks.fakes import NAMES, paint
from tests.evaluate.benchmarks.writing import dump, lines


def cirr(root: Path) -> None:
    names = {"dev-1": "red", "dev-2": "red+green", "dev-3": "blue", "dev-4": "yellow"}
    paint(root / "img_raw" / "dev", **{f"{name}.png": colour for name, colour in names.items()})
    dump(root / "image_splits" / "split.rc2.val.json", {name: f"./dev/{name}.png" for name in names})
    row = {
        "pairid": 1,
        "reference": "dev-1",
        "target_hard": "dev-2",
        "target_soft": {"dev-2": 1.0},
        "caption": "add green",
        "img_set": {"id": 1, "members": ["dev-1", "dev-2", "dev-3"], "reference_rank": 0, "target_rank": 1},
    }
    dump(root / "captions" / "cap.rc2.val.json", [row])


def fashioniq(root: Path) -> None:
    paint(root / "images", A="red", B="green", C="red+green")
    for category in ("dress", "shirt", "toptee"):
        dump(root / "image_splits" / f"split.{category}.val.json", ["A", "B", "C"])
        row = {"target": "C", "candidate": "A", "captions": ["is green.", "more green "]}
        dump(root / "captions" / f"cap.{category}.val.json", [row])


def circo(root: Path) -> None:
    base = root / "COCO2017_unlabeled"
    paint(base / "unlabeled2017", **{f"{n:012d}": c for n, c in enumerate(("red", "red+green", "green", "blue"))})
    images = [{"id": n, "file_name": f"{n:012d}.jpg"} for n in range(4)]
    dump(base / "annotations" / "image_info_unlabeled2017.json", {"images": images})
    row = {
        "reference_img_id": 0,
        "target_img_id": 1,
        "relative_caption": "has green",
        "shared_concept": "a thing",
        "gt_img_ids": [1, 2],
        "id": 5,
        "semantic_aspects": ["addition", "cardinality"],
    }
    dump(root / "annotations" / "val.json", [row])


def itcpr(root: Path) -> None:
    paint(root / "Celeb-reID" / "001", q="red", g1="red+green", g2="blue")
    (root / "PRCC").mkdir()
    (root / "LAST").mkdir()
    query = {"file_path": "Celeb-reID/001/q.jpg", "datasets": "Celeb-reID", "person_id": 1, "instance_id": 1}
    dump(root / "query.json", [{**query, "caption": "green shirt"}])
    gallery = [("g1", 1), ("g2", -1)]
    rows = [{**query, "file_path": f"Celeb-reID/001/{name}.jpg", "instance_id": i} for name, i in gallery]
    dump(root / "gallery.json", rows)


def sugarcrepe(root: Path) -> None:
    from openitr.evaluate.benchmarks.sugarcrepe import KINDS

    paint(root / "val2017", p1="red", p2="green")
    right = {"filename": "p1.jpg", "caption": "red", "negative_caption": "green"}
    wrong = {"filename": "p2.jpg", "caption": "blue", "negative_caption": "green"}
    tied = {"filename": "p1.jpg", "caption": "a red dog", "negative_caption": "a red cat"}
    for kind in KINDS:
        dump(root / "data" / f"{kind}.json", {"0": right, "1": wrong, "2": tied, "3": right})


def winoground(root: Path) -> None:
    paint(root / "images", **{"ex_0_img_0.png": "red", "ex_0_img_1.png": "green", "ex_1_img_0.png": "red"})
    paint(root / "images", **{"ex_1_img_1.png": "red"})
    first = {"id": 0, "image_0": "ex_0_img_0", "image_1": "ex_0_img_1", "caption_0": "red", "caption_1": "green"}
    other = {"id": 1, "image_0": "ex_1_img_0", "image_1": "ex_1_img_1", "caption_0": "red", "caption_1": "green"}
    tags = {"tag": "Scope", "secondary_tag": "", "collapsed_tag": "Relation"}
    lines(root / "examples.jsonl", [{**first, **tags}, {**other, **tags, "collapsed_tag": "Object"}])


def aro(root: Path) -> None:
    paint(root / "images", v="red+green")
    half = {"image_path": "v.jpg", "bbox_y": 0, "bbox_w": 8, "bbox_h": 8}
    rows = [
        {**half, "bbox_x": 0, "true_caption": "red", "false_caption": "green"},
        {**half, "bbox_x": 8, "true_caption": "green", "false_caption": "red"},
    ]
    dump(root / "visual_genome_relation.json", [{**row, "relation_name": "on"} for row in rows])
    dump(root / "visual_genome_attribution.json", [{**row, "attributes": ["old", "new"]} for row in rows])


def croqs(root: Path) -> None:
    paint(root / "train2017", **{f"{n:012d}": c for n, c in ((1, "red"), (2, "red"), (3, "green"), (4, "blue"))})
    clusters = {"0": {"items": [1, 2], "caption": "red things"}, "2": {"items": [3], "caption": "green things"}}
    dump(root / "CroQS_Benchmark_v1.0.0.json", [{"query": "things", "clusters": clusters}])


def sorce(root: Path) -> None:
    for place in ("zoom_3x", "zoom_2x", "full_res"):
        paint(root / place, a="red", b="green")
    lines(root / "dataset.jsonl", [{"image": "a.jpg", "caption": "red"}, {"image": "b.jpg", "caption": "green"}])


def reircoco(root: Path) -> None:
    paint(root / "train2014", a="red+green", b="blue")
    named = [(1, "a.jpg", "the red half"), (2, "a.jpg", "green"), (3, "b.jpg", "blue"), (4, "a.jpg", "red")]
    images = [
        {"id": n, "file_name": file, "height": 8, "width": 16, "expressions": [text, f"{text} one"]}
        for n, file, text in named
    ]
    boxes = {1: [0, 0, 8, 8], 2: [8, 0, 8, 8], 3: [0, 0, 8, 8], 4: [0, 0, 10, 8]}
    annotations = [{"id": n, "image_id": n, "bbox": one, "category_id": 1} for n, one in boxes.items()]
    dump(root / "reircoco_val.json", {"images": images, "annotations": annotations, "categories": []})


def chatir(root: Path) -> None:
    paint(root / "unlabeled2017", **{f"{n:02d}": c for n, c in enumerate((*NAMES, *NAMES))})
    dump(root / "ChatIR_Protocol" / "Search_Space_val_50k.json", [f"unlabeled2017/{n:02d}.jpg" for n in range(12)])
    turns = ["something", *[f"is it so? no {n}" for n in range(4)], "which colour? red", *["and? no"] * 5]
    dialogues = [{"img": "unlabeled2017/00.jpg", "dialog": turns}]
    dump(root / "dialogues" / "VisDial_v1.0_queries_val.json", dialogues)
