"""Pictures with texts as two tasks: text to image, and image to text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openitr.datasets.sources import ImageSource
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

RECALLS = ("R@1", "R@5", "R@10")
HIT = "t2i: the picture the text belongs to; i2t: any text of the picture"


@dataclass(frozen=True)
class Captioned:
    """A picture and its texts.

    Args:
        id: Of the picture, unique.
        image: Its bytes.
        texts: What is said of it; may be empty, then it only stands in the gallery.
    """

    id: str
    image: ImageSource
    texts: Sequence[str]


def both_ways(rows: Sequence[Captioned], label: str = "", metrics: Sequence[str] = RECALLS) -> list[Task]:
    """The two tasks, of the families "t2i" and "i2t".

    A text that stands word for word at two pictures is two texts, each with its own picture. Pictures without a text
    are distractors of text to image and ask nothing.

    Args:
        rows: The pictures.
        label: What tells these tasks from others of the family (a language, a fold).
        metrics: Of both tasks.

    >>> from openitr.datasets.sources import MemoryImage
    >>> t2i, i2t = both_ways([Captioned("a", MemoryImage(b"1"), ["x", "y"]), Captioned("b", MemoryImage(b"2"), [])])
    >>> [len(task.queries) for task in (t2i, i2t)], [len(task.gallery) for task in (t2i, i2t)]
    ([2, 1], [2, 2])
    """
    said = [(f"{row.id}#{number}", text, row) for row in rows for number, text in enumerate(row.texts)]
    tail = f"/{label}" if label else ""
    of_text = {name: row.id for name, _, row in said}
    t2i = Task(
        f"t2i{tail}",
        [QueryItem(name, text) for name, text, _ in said],
        [GalleryItem(row.id, row.image) for row in rows],
        Qrels.of_owners(list(of_text), list(of_text.values())),
        metrics,
        family="t2i",
    )
    of_image: dict[str, list[str]] = {}
    for name, owner in of_text.items():
        of_image.setdefault(owner, []).append(name)
    i2t = Task(
        f"i2t{tail}",
        [QueryItem(row.id, image=row.image) for row in rows if row.texts],
        [GalleryItem(name, texts=(text,)) for name, text, _ in said],
        Qrels.of_sets(of_image),
        metrics,
        family="i2t",
    )
    return [t2i, i2t]
