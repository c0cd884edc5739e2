"""A benchmark protocol as a declaration: what it asks, of which files, and what counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from openitr.evaluate.benchmarks.task import Task

Here = Literal["yes", "annotations", "no"]


@dataclass(frozen=True)
class File:
    """A file or folder that a benchmark reads, below its root.

    Args:
        path: Relative; alternatives are separated by "|", and ``*`` stands for any name.
        what: What it holds.
        pictures: Whether it holds pictures, which are often fetched apart from the annotations.
    """

    path: str
    what: str
    pictures: bool = False

    def found(self, root: Path) -> bool:
        """Whether one of its alternatives is there."""
        for name in self.path.split("|"):
            if "*" in name:
                if root.is_dir() and next(iter(root.glob(name)), None) is not None:
                    return True
            elif (root / name).exists():
                return True
        return False


@dataclass(frozen=True)
class Published:
    """A number that someone else has published for this protocol.

    Args:
        model: Name of the model.
        task: Name of a task, or of a family of tasks for their mean.
        metric: As it is called here.
        value: In percent.
        source: Where it was read.
    """

    model: str
    task: str
    metric: str
    value: float
    source: str


@dataclass(frozen=True)
class Benchmark:
    """A benchmark protocol.

    Args:
        name: As on the command line.
        title: As published.
        paper: arXiv id, or where else it was published.
        task: What is asked, in a few words ("text to image and back").
        get: Where its files are to be had.
        files: What is read, with the layout.
        layout: Where that layout was read.
        hit: What counts as right.
        gallery: What is ranked.
        prompts: How texts are worded for the model.
        metrics: What is measured.
        licence: Terms of the data, as far as known.
        read: Reads the files below a root into tasks.
        tried: The real data, pictures and all, that it was run on; "" when it never was.
        parsed: The released annotations that its reader has read, without pictures; "" when it read its fixture only.
        published: Numbers of others under this protocol.
        notes: What a reader of the numbers must know.
    """

    name: str
    title: str
    paper: str
    task: str
    get: str
    files: tuple[File, ...]
    layout: str
    hit: str
    gallery: str
    metrics: tuple[str, ...]
    licence: str
    read: Callable[[Path], Sequence[Task]]
    prompts: str = "none: texts as they are"
    tried: str = ""
    parsed: str = ""
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ran(self) -> Here:
        """Whether it ever ran on real data: "yes", only its annotations were read, or "no" (its fixture alone)."""
        return "yes" if self.tried else "annotations" if self.parsed else "no"

    def here(self, root: Path | None) -> Here:
        """Whether its files are below a root: all of them, all but the pictures, or less."""
        if root is None:
            return "no"
        if all(file.found(root) for file in self.files):
            return "yes"
        words = [file for file in self.files if not file.pictures]
        return "annotations" if words and all(file.found(root) for file in words) else "no"

    def find(self, home: Path | None) -> Path | None:
        """The folder below ``home`` that holds it, None for none: one of its name, or one with a file of its name.

        Names alone decide: "captions.jsonl beside images" is the layout of several benchmarks.
        """
        if home is None or not home.is_dir():
            return None
        inner = sorted(path for path in home.iterdir() if path.is_dir() and not path.name.startswith("."))
        named = [home / self.name, *(path / self.name for path in inner)]
        places = [*named, *(path for path in (home, *inner) if self._has_file_of_its_name(path))]
        ranked = sorted((place for place in places if place.is_dir()), key=lambda p: _ORDER[self.here(p)])
        return ranked[0] if ranked and self.here(ranked[0]) != "no" else None

    def _has_file_of_its_name(self, root: Path) -> bool:
        names = [name for file in self.files if not file.pictures for name in file.path.split("|")]
        own = [name for name in names if Path(name).name.lower().replace("_", "-").startswith(self.name)]
        return any((root / name).is_file() for name in own)

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain data."""
        plain = {
            name: getattr(self, name)
            for name in ("name", "title", "paper", "task", "get", "layout", "hit", "gallery", "prompts", "licence")
        }
        return {
            **plain,
            "metrics": list(self.metrics),
            "files": [{"path": f.path, "what": f.what, "pictures": f.pictures} for f in self.files],
            "ran_on_real_data": self.tried or None,
            "annotations_read": self.parsed or None,
            "published": [vars(number) for number in self.published],
            "notes": list(self.notes),
        }


_ORDER = {"yes": 0, "annotations": 1, "no": 2}
