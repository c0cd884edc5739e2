"""Karpathy's split files: COCO 5k and 1k, Flickr8k, Flickr30k; and RSICD and RSITMD, which share their layout.

``dataset_*.json`` is ``{"images": [{"filename", "filepath"?, "split", "sentences": [{"raw"}], "cocoid"?}]}``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from openitr.errors import DatasetError
from openitr.evaluate.benchmarks.benchmark import Benchmark, File, Published
from openitr.evaluate.benchmarks.both_ways import HIT, RECALLS, Captioned, both_ways
from openitr.evaluate.benchmarks.files import Folder, field, listed, mapped, text
from openitr.evaluate.benchmarks.task import Task

SPLITS = "https://cs.stanford.edu/people/karpathy/deepimagesent/caption_datasets.zip"
LAYOUT = "Karpathy & Fei-Fei 2015, as openitr.datasets reads it too"
GALLERY = "all pictures of the test split; the first five sentences of each"
_TERMS = "research only; the pictures belong to their Flickr uploaders"
_TABLE = "LAION-AI/CLIP_benchmark, benchmark/benchmark.csv"


@dataclass(frozen=True)
class Split:
    """Reads one split of one such file.

    Args:
        file: The JSON file, alternatives separated by "|".
        folders: Where the pictures may be.
        get: Where the files are to be had.
        split: Which pictures.
        texts: How many sentences of each picture at most.
        folds: Into how many galleries of equal size the split is cut, in the order of the file.
    """

    file: str
    folders: tuple[str, ...]
    get: str
    split: str = "test"
    texts: int = 5
    folds: int = 1

    def __call__(self, root: Path) -> list[Task]:
        rows = self.rows(Folder(root, self.get))
        if not rows:
            raise DatasetError(f"{root}: no picture of the split {self.split!r}", "is this the published file?")
        if self.folds == 1:
            return both_ways(rows)
        size = len(rows) // self.folds
        if not size:
            raise DatasetError(f"{root}: {len(rows)} pictures for {self.folds} folds", "is this the published file?")
        cut = [rows[size * fold : size * (fold + 1)] for fold in range(self.folds)]
        return [task for fold, part in enumerate(cut, 1) for task in both_ways(part, f"fold {fold}")]

    def rows(self, folder: Folder) -> list[Captioned]:
        """The pictures of the split with their sentences."""
        names = self.file.split("|")
        path = folder.path(*names)
        found = []
        for number, image in enumerate(listed(field(folder.json(*names), "images", str(path)), str(path)), 1):
            where = f"{path}, image {number}"
            if mapped(image, where).get("split") != self.split:
                continue
            name = text(field(image, "filename", where), where, "filename")
            inside = str(image.get("filepath") or "")
            picture = folder.picture([*([inside] if inside else []), *self.folders], name, where)
            said = [text(field(one, "raw", where), where) for one in listed(field(image, "sentences", where), where)]
            found.append(Captioned(f"{inside}/{name}" if inside else name, picture, said[: self.texts]))
        return found


def _clip(task: str, value: float) -> Published:
    return Published("OpenAI CLIP ViT-B/32", task, "R@5", value, _TABLE)


COCO_5K = Benchmark(
    name="coco-5k",
    title="MS-COCO captions, Karpathy test split, 5,000 pictures",
    paper="1412.2306",
    task="text to image and back",
    get=f"{SPLITS} (dataset_coco.json); pictures: https://cocodataset.org/#download (2014 Val)",
    files=(File("dataset_coco.json", "Karpathy's splits"), File("val2014", "the pictures", pictures=True)),
    layout=LAYOUT,
    hit=HIT,
    gallery=GALLERY,
    metrics=RECALLS,
    licence=f"annotations CC-BY-4.0; pictures: {_TERMS}",
    read=Split("dataset_coco.json", ("val2014", "images"), SPLITS),
    published=(_clip("t2i", 55.8), _clip("i2t", 74.8)),
)
COCO_1K = Benchmark(
    name="coco-1k",
    title="MS-COCO captions, Karpathy test split, mean of five folds of 1,000 pictures",
    paper="1412.2306",
    task="text to image and back",
    get=COCO_5K.get,
    files=COCO_5K.files,
    layout=LAYOUT,
    hit=HIT,
    gallery="five galleries of 1,000 pictures in the order of the file, and their first five sentences; the mean",
    metrics=RECALLS,
    licence=COCO_5K.licence,
    read=Split("dataset_coco.json", ("val2014", "images"), SPLITS, folds=5),
)
FLICKR30K = Benchmark(
    name="flickr30k",
    title="Flickr30k, Karpathy test split, 1,000 pictures",
    paper="1412.2306",
    task="text to image and back",
    get=f"{SPLITS} (dataset_flickr30k.json); pictures: https://shannon.cs.illinois.edu/DenotationGraph/",
    files=(
        File("dataset_flickr30k.json", "Karpathy's splits"),
        File("flickr30k-images|images", "the pictures", pictures=True),
    ),
    layout=LAYOUT,
    hit=HIT,
    gallery=GALLERY,
    metrics=RECALLS,
    licence=_TERMS,
    read=Split("dataset_flickr30k.json", ("flickr30k-images", "images"), SPLITS),
    published=(_clip("t2i", 83.4), _clip("i2t", 94.9)),
)


def _remote_sensing(name: str, title: str, paper: str, file: str, folder: str, get: str, layout: str) -> Benchmark:
    return Benchmark(
        name=name,
        title=title,
        paper=paper,
        task="text to image and back, remote sensing",
        get=get,
        files=(File(file, "Karpathy's layout"), File(f"{folder}|images", "the pictures", pictures=True)),
        layout=layout,
        hit=HIT,
        gallery=GALLERY,
        metrics=RECALLS,
        licence="research only, as the authors say",
        read=Split(file, tuple(dict.fromkeys((folder, "images"))), get),
        notes=("papers give mean recall, the mean of the six numbers: RSUM / 6",),
    )


RSICD = _remote_sensing(
    "rsicd",
    "RSICD, test split, 1,093 pictures",
    "1712.07835",
    "dataset_rsicd.json",
    "RSICD_images",
    "https://github.com/201528014227051/RSICD_optimal",
    "the file and folder names of the RSICD_optimal repository and of codes that load them; the JSON itself is stored "
    "by reference there and was not seen",
)
RSITMD = _remote_sensing(
    "rsitmd",
    "RSITMD, test split, 452 pictures",
    "2204.09868",
    "dataset_RSITMD.json",
    "images",
    "https://github.com/xiaoyuan1996/AMFMN (RSITMD)",
    "RSITMD/README.md of xiaoyuan1996/AMFMN (file structure); the JSON itself was not seen",
)


def pair_dataset_rows(root: Path, split: str) -> Sequence[Captioned]:
    """The pictures of a split of any layout that :func:`openitr.datasets.read` knows, with their English texts."""
    from openitr import datasets

    part = datasets.read(root).split(split).language("en")
    return [Captioned(pair.id, pair.source, pair.texts["en"]) for pair in part]


def _flickr8k(root: Path) -> list[Task]:
    if (root / "dataset_flickr8k.json").exists():
        return Split("dataset_flickr8k.json", ("Flicker8k_Dataset", "Images", "images"), SPLITS)(root)
    Folder(root, FLICKR8K.get).path("captions.jsonl")
    splits = _splits(root)
    split = "test" if "test" in splits else "val"
    return both_ways(pair_dataset_rows(root, split), "" if split == "test" else split)


def _splits(root: Path) -> dict[str, int]:
    from openitr import datasets

    return datasets.read(root).splits


FLICKR8K = Benchmark(
    name="flickr8k",
    title="Flickr8k, Karpathy test split, 1,000 pictures",
    paper="1412.2306",
    task="text to image and back",
    get=f"{SPLITS} (dataset_flickr8k.json); pictures: https://www.kaggle.com/datasets/adityajn105/flickr8k",
    files=(
        File("dataset_flickr8k.json|captions.jsonl", "Karpathy's splits, or the pairs as JSON lines"),
        File("Flicker8k_Dataset|Images|images", "the pictures", pictures=True),
    ),
    layout=LAYOUT,
    hit=HIT,
    gallery=f"{GALLERY}; where there is no test split, the val split, and its tasks are called so",
    metrics=RECALLS,
    licence=_TERMS,
    read=_flickr8k,
    tried="val split from captions.jsonl, 1,000 photos squashed to 192 px (the test photos are untested here)",
    published=(_clip("t2i", 80.5), _clip("i2t", 91.4)),
)
