"""The same pictures in many languages: XTD, xFlickrCO, XM3600. A pair of tasks for every language.

Each is read in its publishers' layout, or from the one file into which the Babel-ImageNet repository has put it:
``{"images": [name, ...], "captions": {language: [[text, ...], ...]}}``, a list of texts for every picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openitr.errors import DatasetError
from openitr.evaluate.benchmarks.benchmark import Benchmark, File, Published
from openitr.evaluate.benchmarks.both_ways import HIT, RECALLS, Captioned, both_ways
from openitr.evaluate.benchmarks.files import Folder, field, key, listed, mapped, text, texts
from openitr.evaluate.benchmarks.task import Task

_ONE_FILE = "gregor-ge/Babel-ImageNet, data/{name}.json and benchmark/data/retrieval.py"
_GALLERY = "per language: all pictures that have a text in it, and those texts; the mean counts each language the same"

Rows = dict[str, list[Captioned]]


@dataclass(frozen=True)
class Languages:
    """Reads one of the three.

    Args:
        name: Of the one file, without ending.
        get: Where the publishers' files are to be had.
        folders: Where the pictures may be.
        published: Reads the publishers' layout into rows by language; None where the one file alone is known.
    """

    name: str
    get: str
    folders: tuple[str, ...]
    published: Callable[[Folder, tuple[str, ...]], Rows]

    def __call__(self, root: Path) -> list[Task]:
        folder = Folder(root, self.get)
        rows = self._one_file(folder) if (root / f"{self.name}.json").exists() else self.published(folder, self.folders)
        return [task for lang in sorted(rows) for task in both_ways(rows[lang], lang)]

    def _one_file(self, folder: Folder) -> Rows:
        path = folder.path(f"{self.name}.json")
        document = folder.json(f"{self.name}.json")
        names = [text(one, str(path), "a picture's name") for one in listed(field(document, "images", str(path)), "")]
        pictures = [folder.picture(self.folders, name, str(path)) for name in names]
        found = {}
        for lang, said in mapped(field(document, "captions", str(path)), str(path)).items():
            where = f"{path}, language {lang!r}"
            if len(listed(said, where)) != len(names):
                raise DatasetError(
                    f"{where}: {len(said)} lists of texts, {len(names)} pictures", "one for each picture"
                )
            words = [texts(one, where, blanks=True) for one in said]
            found[lang] = [Captioned(n, p, t) for n, p, t in zip(names, pictures, words, strict=True) if t]
        return found


def _xtd(folder: Folder, folders: tuple[str, ...]) -> Rows:
    """``test_image_names.txt`` and ``test_1kcaptions_LANG.txt``, line by line; de and fr are in MIC, jp in STAIR."""
    listing = folder.path("XTD10/test_image_names.txt")
    names = [name for name in folder.words("XTD10/test_image_names.txt") if name.strip()]
    pictures = [folder.picture(folders, name, str(listing)) for name in names]
    found = {}
    for path in sorted(
        p for part in ("XTD10", "MIC", "STAIR") for p in (folder.root / part).glob("test_1kcaptions_*.txt")
    ):
        said = folder.words(f"{path.parent.name}/{path.name}")
        if len(said) != len(names):
            raise DatasetError(f"{path}: {len(said)} lines, {len(names)} pictures", "one line for each picture")
        rows = zip(names, pictures, said, strict=True)
        lang = path.stem.rpartition("_")[2]
        found[lang] = [Captioned(n, p, [text(t, f"{path}, {n}")]) for n, p, t in rows]
    if not found:
        raise DatasetError(f"{folder.root}: no test_1kcaptions_*.txt", f"get it from {XTD.get}")
    return found


def _xflickrco(folder: Folder, folders: tuple[str, ...]) -> Rows:
    """``annotations/LANG/test.jsonl``: ``{"sentences": [text], "id", "img_path"}``."""
    places = sorted((folder.root / "annotations").glob("*/test.jsonl"))
    if not places:
        folder.path("annotations/en/test.jsonl")
    found: Rows = {}
    for path in places:
        for where, row in folder.lines(f"annotations/{path.parent.name}/test.jsonl"):
            picture = folder.picture(folders, field(row, "img_path", where), where)
            said = texts(field(row, "sentences", where), where, blanks=True)
            if said:
                one = Captioned(key(field(row, "id", where), where), picture, said)
                found.setdefault(path.parent.name, []).append(one)
    return found


def _xm3600(folder: Folder, folders: tuple[str, ...]) -> Rows:
    """``captions.jsonl``: ``{"image/key": key, LANG: {"caption": [text, ...]}, ...}``; pictures are ``KEY.jpg``."""
    found: Rows = {}
    for where, row in folder.lines("captions.jsonl"):
        name = key(field(row, "image/key", where), where)
        picture = folder.picture(folders, f"{name}.jpg", where)
        for lang, value in row.items():
            if "/" not in lang and isinstance(value, dict) and value.get("caption"):
                said = texts(field(value, "caption", f"{where}, {lang}"), f"{where}, {lang}")
                found.setdefault(lang, []).append(Captioned(name, picture, said))
    if not found:
        raise DatasetError(f"{folder.root / 'captions.jsonl'}: no caption in any language", f"get it from {XM3600.get}")
    return found


def _xlmr(name: str, t2i: float, i2t: float) -> tuple[Published, ...]:
    source = f"gregor-ge/Babel-ImageNet, results/retrieval/{name}/openclip-xlmrb-vitb32.json, mean over languages"
    model = "OpenCLIP xlm-roberta-base-ViT-B-32 laion5b_s13b_b90k"
    return (Published(model, "t2i", "R@1", t2i, source), Published(model, "i2t", "R@1", i2t, source))


_XTD_GET = "https://github.com/adobe-research/Cross-lingual-Test-Dataset-XTD10; pictures: COCO 2014 Train and Val"
XTD = Benchmark(
    name="xtd",
    title="XTD: 1,000 COCO pictures in 11 languages",
    paper="2012.05107",
    task="text to image and back, multilingual",
    get=_XTD_GET,
    files=(
        File("xtd.json|XTD10/test_image_names.txt", "names of the pictures, texts by language"),
        File("images|train2014|val2014", "the pictures", pictures=True),
    ),
    layout=f"adobe-research/Cross-lingual-Test-Dataset-XTD10, whole; {_ONE_FILE.format(name='xtd')}",
    hit=HIT,
    gallery=_GALLERY,
    metrics=RECALLS,
    licence="Adobe's licence for research (LICENSE.md of the repository); pictures as COCO's",
    read=Languages("xtd", _XTD_GET, ("images", "train2014", "val2014"), _xtd),
    parsed="the released texts, whole, in both layouts",
    published=_xlmr("xtd", 52.7, 56.4),
)
_XFLICKRCO_GET = "https://github.com/e-bug/iglue (datasets/xFlickrCO); pictures: Flickr30k and COCO 2014 Val"
XFLICKRCO = Benchmark(
    name="xflickrco",
    title="xFlickrCO of IGLUE: 2,000 pictures in 8 languages",
    paper="2201.11732",
    task="text to image and back, multilingual",
    get=_XFLICKRCO_GET,
    files=(
        File("xflickrco.json|annotations/*/test.jsonl", "texts by language"),
        File("images|flickr30k-images|val2014", "the pictures", pictures=True),
    ),
    layout=f"datasets/xFlickrCO/annotations of e-bug/iglue; {_ONE_FILE.format(name='xflickrco')}",
    hit=HIT,
    gallery=_GALLERY,
    metrics=RECALLS,
    licence="as the sources: see the IGLUE repository; pictures as Flickr30k's and COCO's",
    read=Languages("xflickrco", _XFLICKRCO_GET, ("images", "flickr30k-images", "val2014"), _xflickrco),
    parsed="the released texts, whole, in both layouts",
    published=_xlmr("xflickrco", 55.8, 59.4),
    notes=("a published text is blank (one, in German) and is left out with its picture, in that language",),
)
_XM3600_GET = "https://google.github.io/crossmodal-3600/ (captions.zip, images.tgz)"
XM3600 = Benchmark(
    name="xm3600",
    title="Crossmodal-3600: 3,600 pictures in 36 languages",
    paper="2205.12522",
    task="text to image and back, multilingual",
    get=_XM3600_GET,
    files=(
        File("xm3600.json|captions.jsonl", "texts by language"),
        File("images", "the pictures, KEY.jpg", pictures=True),
    ),
    layout="clip_benchmark/datasets/crossmodal3600.py of LAION-AI/CLIP_benchmark; the one file, as the "
    "other two have it, was not seen",
    hit=HIT,
    gallery=_GALLERY,
    metrics=RECALLS,
    licence="annotations CC-BY-4.0; pictures are Open Images'",
    read=Languages("xm3600", _XM3600_GET, ("images",), _xm3600),
    published=_xlmr("xm3600", 42.6, 52.7),
    notes=("CLIP_benchmark takes the first caption of each picture only; all of them count here",),
)
