"""MSCOCO-FG and Flickr30K-FG: more look-alikes among the pictures, captions made specific (Chen, Yao & Jin 2023).

``Annotations/*_ann.json`` is ``{picture name without ending: [5 captions]}``; ``Images/*_img_filenames.npy`` lists the
file names of the pool, the target pictures among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from openitr.errors import DatasetError
from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.both_ways import RECALLS, Captioned, both_ways
from openitr.evaluate.benchmarks.files import Folder, mapped, texts
from openitr.evaluate.benchmarks.task import Task

_GET = "https://github.com/cwj1412/MSCOCO-Flikcr30K_FG"
MAX_NAMES = 256 << 20
"""Bytes of a list of file names."""


@dataclass(frozen=True)
class FineGrained:
    """Reads one of the two.

    Args:
        stem: How its files begin.
        folders: Where the pictures may be.
    """

    stem: str
    folders: tuple[str, ...]

    def __call__(self, root: Path) -> list[Task]:
        folder = Folder(root, _GET)
        annotations = folder.path(f"Annotations/{self.stem}_ann.json", f"{self.stem}_ann.json")
        captions = mapped(folder.json(f"Annotations/{self.stem}_ann.json", f"{self.stem}_ann.json"), str(annotations))
        listing = folder.path(f"Images/{self.stem}_img_filenames.npy", f"{self.stem}_img_filenames.npy")
        rows, seen = [], set()
        for name in _names(listing):
            stem = PurePosixPath(name).stem
            said = texts(captions[stem], f"{annotations}, {stem!r}") if stem in captions else []
            rows.append(Captioned(name, folder.picture(self.folders, name, str(listing)), said))
            seen.add(stem)
        lost = [stem for stem in captions if stem not in seen]
        if lost:
            raise DatasetError(
                f"{annotations}: {len(lost)} pictures are not in the pool, first {lost[0]!r}", f"both come from {_GET}"
            )
        return both_ways(rows)


def _names(path: Path) -> list[str]:
    """The file names in a .npy array of strings. Raises DatasetError when it is anything else."""
    if path.stat().st_size > MAX_NAMES:
        raise DatasetError(f"{path} has {path.stat().st_size:,} bytes", f"a list of names has at most {MAX_NAMES:,}")
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DatasetError(f"{path}: no plain array: {str(error)[:120]}", f"fetch it again from {_GET}") from error
    if not isinstance(found, np.ndarray) or found.ndim != 1 or found.dtype.kind != "U":
        raise DatasetError(f"{path} holds no list of file names", f"fetch it again from {_GET}")
    return [str(name) for name in found]


_COCO = FineGrained("MSCOCO_FG", ("images", "val2014", "unlabeled2017"))
_FLICKR = FineGrained("Flickr30K_FG", ("images", "flickr30k-images", "unlabeled2017"))


def _fg(name: str, title: str, reader: FineGrained, pictures: str) -> Benchmark:
    return Benchmark(
        name=name,
        title=title,
        paper="2304.10824",
        task="text to image and back, fine-grained",
        get=f"{_GET}; pictures: {pictures}",
        files=(
            File(f"Annotations/{reader.stem}_ann.json|{reader.stem}_ann.json", "captions by picture"),
            File(f"Images/{reader.stem}_img_filenames.npy|{reader.stem}_img_filenames.npy", "file names of the pool"),
            File("|".join(reader.folders), "the pictures", pictures=True),
        ),
        layout="the annotations and lists of cwj1412/MSCOCO-Flikcr30K_FG, whole",
        hit="t2i: the target picture; i2t: any of the five captions of the picture",
        gallery="t2i: the whole pool, look-alikes included; i2t: all captions, asked with target pictures only",
        metrics=RECALLS,
        licence="not stated; pictures as COCO's and Flickr's",
        read=reader,
        parsed="the released annotations and lists, whole",
    )


MSCOCO_FG = _fg("mscoco-fg", "MSCOCO-FG, 5,000 targets in 31,244 pictures", _COCO, "COCO 2014 Val and 2017 Unlabeled")
FLICKR30K_FG = _fg(
    "flickr30k-fg", "Flickr30K-FG, 1,000 targets in 6,867 pictures", _FLICKR, "Flickr30k and COCO 2017 Unlabeled"
)
