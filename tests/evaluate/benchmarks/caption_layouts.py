"""Layouts of benchmarks that ask with texts, pictures or documents, on a handful of coloured pictures."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.evaluate.benchmarks.fakes import NAMES, paint
from tests.evaluate.benchmarks.writing import cell, dump, lines, parquet, table

FOUR = ("red", "green", "blue", "yellow")


def karpathy(file: str, folder: str, filepath: str = "", pictures: int = 5) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        colours = (NAMES * 2)[:pictures]
        paint(root / folder, **{f"{colour}{number}": colour for number, colour in enumerate(colours)})
        images = [
            {
                **({"filepath": filepath} if filepath else {}),
                "filename": f"{colour}{number}.jpg",
                "split": "test",
                "imgid": number,
                "sentences": [{"raw": f"a {colour} thing", "tokens": []}, {"raw": f"{colour}, that is", "tokens": []}],
            }
            for number, colour in enumerate(colours)
        ]
        other = {"filename": "train.jpg", "split": "train", "imgid": 99, "sentences": [{"raw": "no", "tokens": []}]}
        dump(root / file, {"images": [other, *images], "dataset": "x"})

    return write


def fine_grained(stem: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        paint(root / "images", a="red", b="green", near="red+green", far="blue")
        said = {"a": ["a red one"] * 4 + ["red"], "b": ["a green one"] * 4 + ["green"]}
        dump(root / "Annotations" / f"{stem}_ann.json", said)
        (root / "Images").mkdir(parents=True)
        np.save(root / "Images" / f"{stem}_img_filenames.npy", np.array(["a.jpg", "b.jpg", "near.jpg", "far.jpg"]))

    return write


def eccv(root: Path) -> None:
    paint(root / "val2014", p1="red", p2="green", p3="red")
    data = root / "eccv_caption" / "data"
    dump(data / "eccv_caption_to_image.json", {"11": [1, 3], "21": [2]})
    dump(data / "eccv_image_to_caption.json", {"1": [11, 31], "2": [21]})
    np.save(data / "coco_test_ids.npy", np.array([11, 21, 31]))
    said = {11: (1, "red"), 21: (2, "green"), 31: (3, "a red one"), 41: (4, "of the training set")}
    dump(
        root / "annotations" / "captions_val2014.json",
        {
            "images": [{"id": n, "file_name": f"p{n}.jpg"} for n in (1, 2, 3, 4)],
            "annotations": [{"id": i, "image_id": n, "caption": text} for i, (n, text) in said.items()],
        },
    )


def wit(root: Path) -> None:
    from openitr.evaluate.benchmarks.wit import write_wit

    rows = [
        ("de", "http://w/1.jpg", "ein red Ding"),
        ("de", "http://w/1.jpg", "ein red Ding"),
        ("ja", "http://w/1.jpg", "red の物"),
        ("de", "http://w/2.jpg", "green"),
        ("ja", "http://w/3.jpg", "not fetched"),
    ]
    named = [{"language": lang, "image_url": url, "caption_reference_description": text} for lang, url, text in rows]
    write_wit(root / "wit_v1.test.all-00000-of-00005.tsv", named)
    plain = (root / "wit_v1.test.all-00000-of-00005.tsv").read_bytes()
    (root / "wit_v1.test.all-00000-of-00005.tsv").unlink()
    (root / "wit_v1.test.all-00000-of-00005.tsv.gz").write_bytes(gzip.compress(plain))
    pictures = [("http://w/1.jpg", "one.jpg"), ("http://w/2.jpg", "two.jpg")]
    table(root / "images.tsv", [{"image_url": url, "file": file} for url, file in pictures], "\t")
    paint(root / "images", one="red", two="green")


def xtd(root: Path) -> None:
    paint(root / "train2014", COCO_train2014_1="red", COCO_train2014_2="green")
    (root / "XTD10").mkdir()
    (root / "MIC").mkdir()
    (root / "XTD10" / "test_image_names.txt").write_text("COCO_train2014_1.jpg\nCOCO_train2014_2.jpg\n")
    (root / "XTD10" / "test_1kcaptions_en.txt").write_text("a red one\na green one\n")
    (root / "MIC" / "test_1kcaptions_de.txt").write_text("ein red Ding\nein green Ding\n")


def one_file(name: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        paint(root / "images", a="red", b="green")
        captions = {"en": [["red"], ["green", "a green one"]], "de": [["ein red"], [""]]}
        dump(root / f"{name}.json", {"images": ["a.jpg", "b.jpg"], "captions": captions})

    return write


def xflickrco(root: Path) -> None:
    paint(root / "images", a="red", COCO_val2014_2="green")
    for lang in ("en", "de"):
        rows = [("a", "a red one"), ("COCO_val2014_2", "green")]
        made = [{"sentences": [text], "id": name, "img_path": f"{name}.jpg"} for name, text in rows]
        lines(root / "annotations" / lang / "test.jsonl", made)


def xm3600(root: Path) -> None:
    paint(root / "images", k1="red", k2="green")
    rows = [("k1", "red"), ("k2", "green")]
    made = [
        {
            "image/key": name,
            "image/locale": "en",
            "en": {"caption": [f"a {colour} one", colour], "caption/tokenized": ["x", "y"]},
            "quz": {"caption": [colour], "caption/tokenized": ["x"]},
        }
        for name, colour in rows
    ]
    lines(root / "captions.jsonl", made)


def babel_imagenet(root: Path) -> None:
    for number in range(1000):
        (root / "val" / f"n{number:08d}").mkdir(parents=True)
    for number, colour in enumerate(FOUR):
        paint(root / "val" / f"n{number:08d}", one=colour, two=colour)
    labels = {"EN": [[0, 1, 2, 3], list(FOUR)], "XX": [[0, 2], ["green?", "blue"]]}
    dump(root / "babel_imagenet.json", labels)
    dump(root / "nllb_dist13b_prompts.json", {"EN": ["{}", "a photo of a {}"]})


def inquire_fullrank(root: Path) -> None:
    paint(root / "inat24" / "train" / "c1", a="red", b="red")
    paint(root / "inat24" / "train" / "c2", c="green", d="blue")
    named = ["train/c1/a.jpg", "train/c1/b.jpg", "train/c2/c.jpg", "train/c2/d.jpg"]
    dump(root / "inat24" / "train.json", {"images": [{"id": i, "file_name": name} for i, name in enumerate(named)]})
    queries = [
        {
            "": 83,
            "query_id": 9,
            "query_text": "red",
            "supercategory": "Species",
            "category": "c",
            "iconic group": "Birds",
        },
        {
            "": 84,
            "query_id": 7,
            "query_text": "green",
            "supercategory": "Context",
            "category": "c",
            "iconic group": "Birds",
        },
    ]
    table(root / "inquire" / "inquire_queries_test.csv", queries)
    matches = [(9, 0, named[0]), (9, 1, named[1]), (7, 2, named[2]), (555, 3, named[3])]
    rows = [{"query_id": q, "image_id": i, "image_path": path} for q, i, path in matches]
    table(root / "inquire" / "inquire_annotations.csv", rows)


def inquire_rerank(root: Path) -> None:
    rows = [("red", 1, "red", 1), ("red", 2, "green", 0), ("green", 2, "green", 1), ("green", 1, "red", 0)]
    parquet(
        root / "data" / "test-00000-of-00001.parquet",
        {
            "query": [row[0] for row in rows],
            "inat24_image_id": [row[1] for row in rows],
            "image": [cell(row[2]) for row in rows],
            "relevant": [row[3] for row in rows],
            "supercategory": ["Species"] * 4,
            "iconic_group": ["Birds"] * 4,
        },
    )


def mrmr(root: Path, name: str = "knowledge") -> None:
    none = {"bytes": None, "path": None}
    parquet(
        root / name / "query" / "test-00000-of-00001.parquet",
        {
            "id": ["test_Physics_1", "test_Basic_Medical_Science_2"],
            "text": ["red <image 1>", "which? <image>"],
            "image": [none, cell("green")],
            "image 1": [cell("red"), none],
            "modality": ["image,text", "image,text"],
        },
    )
    parquet(
        root / name / "corpus" / "test-00000-of-00001.parquet",
        {
            "id": ["d1", "d2", "d3"],
            "text": ["red", None, "blue <image>"],
            "image": [none, cell("green"), cell("blue")],
            "vision": [cell("white")] * 3,
            "modality": ["text", "image", "image,text"],
        },
    )
    parquet(
        root / name / "qrels" / "test-00000-of-00001.parquet",
        {"query-id": ["test_Physics_1", "test_Basic_Medical_Science_2"], "corpus-id": ["d1", "d2"], "score": [2, 1]},
    )


def qilin(root: Path) -> None:
    paint(root / "images", n1="red", n2="green", n3="blue")
    parquet(
        root / "notes" / "train-00000-of-00001.parquet",
        {
            "note_idx": [1, 2, 3, 4],
            "note_title": ["red", "green", "blue", "never shown"],
            "note_content": ["", None, "", "x"],
            "image_path": [["n1.jpg"], ["n2.jpg"], ["n3.jpg", "n1.jpg"], []],
        },
    )
    shown = [
        [{"note_idx": 2, "click": 0, "position": 0}, {"note_idx": 1, "click": 1, "position": 1}],
        [{"note_idx": 2, "click": 1, "position": 0}, {"note_idx": 3, "click": 0, "position": 1}],
        [{"note_idx": 2, "click": 0, "position": 0}],
    ]
    parquet(
        root / "search_test" / "train-00000-of-00001.parquet",
        {"search_idx": [10, 11, 12], "query": ["red", "green", "no click"], "search_result_details_with_idx": shown},
    )


def feta(name: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        paint(root / name / "images" / "doc", p1="red", p2="green")
        pages = {
            "3": {
                "doc_ind": 0,
                "figures": [{"img_path": "doc/p1.jpg"}],
                "texts": [{"text": "red"}, {"text": "see red"}],
            },
            "4": {"doc_ind": 0, "figures": [{"img_path": "doc/p2.jpg"}], "texts": [{"text": "green"}]},
            "5": {"doc_ind": 1, "figures": [], "texts": [{"text": "a page without a figure"}]},
        }
        dump(root / name / f"{name}.json", pages)

    return write
