"""WIT: Wikipedia's pictures with their texts in 108 languages (Srinivasan et al. 2021).

Tables of 17 tab-separated columns, gzipped or not, quoted as CSV is. They hold the addresses of the pictures, not the
pictures: ``images.tsv`` (ours), with the columns ``image_url`` and ``file``, says which file below ``images/`` was
fetched from which address.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from openitr.errors import DatasetError, InputError
from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import Folder, field
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

COLUMNS = (
    "language",
    "page_url",
    "image_url",
    "page_title",
    "section_title",
    "hierarchical_section_title",
    "caption_reference_description",
    "caption_attribution_description",
    "caption_alt_text_description",
    "mime_type",
    "original_height",
    "original_width",
    "is_main_image",
    "attribution_passes_lang_id",
    "page_changed_recently",
    "context_page_description",
    "context_section_description",
)
TEXTS: Mapping[str, tuple[str, ...]] = {
    "reference": ("caption_reference_description",),
    "attribution": ("caption_attribution_description",),
    "alt": ("caption_alt_text_description",),
    "context": ("page_title", "section_title", "context_page_description", "context_section_description"),
}
_GET = "https://github.com/google-research-datasets/wit (DATA.md)"
_METRICS = ("R@1", "R@3", "R@5")


@dataclass(frozen=True)
class WitRow:
    """One text of one picture.

    Args:
        language: As the table has it.
        image_url: Address of the picture; rows of one address are one picture.
        text: The parts asked for, in their order, joined by a space.
    """

    language: str
    image_url: str
    text: str


def read_wit(
    paths: Sequence[str | Path], text: str = "reference+alt", langs: Iterable[str] | None = None
) -> Iterator[WitRow]:
    """Rows of tables that have one of the texts asked for.

    Args:
        paths: ``.tsv`` or ``.tsv.gz`` files.
        text: Names out of "reference", "attribution", "alt" and "context", joined by "+"; their order is kept, what is
            empty is passed over.
        langs: Only these languages; None for all.

    Raises:
        InputError: An unknown name in ``text``.
        DatasetError: A table that has not these columns, or a row that does not fit them.
    """
    names = text.split("+")
    for name in names:
        if name not in TEXTS:
            raise InputError(f"there is no text {name!r}", f"use {', '.join(TEXTS)}, joined by +")
    wanted = None if langs is None else set(langs)
    for path in map(Path, paths):
        for where, row in Folder(path.parent, _GET).table(path.name, delimiter="\t"):
            if wanted is not None and field(row, "language", where) not in wanted:
                continue
            parts = [field(row, column, where).strip() for name in names for column in TEXTS[name]]
            said = " ".join(part for part in parts if part)
            address = field(row, "image_url", where).strip()
            if not address:
                raise DatasetError(f"{where}: no image_url", "every row has one")
            if said:
                yield WitRow(field(row, "language", where), address, said)


def write_wit(path: str | Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write rows (a value by column, missing ones empty) as a table that :func:`read_wit` reads back."""
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    tables = sorted([*root.glob("*test*.tsv"), *root.glob("*test*.tsv.gz")])
    if not tables:
        folder.path("wit_v1.test.all-00000-of-00005.tsv.gz")
    file_of = {}
    for where, row in folder.table("images.tsv", delimiter="\t"):
        file_of[field(row, "image_url", where)] = folder.picture("images", field(row, "file", where), where)
    rows = [row for row in read_wit(tables, "reference") if row.image_url in file_of]
    if not rows:
        raise DatasetError(f"{root}: images.tsv names no picture of the tables", "fetch pictures, and list them there")
    texts = dict.fromkeys((row.image_url, row.language, row.text) for row in rows)
    numbered = [(str(number), *one) for number, one in enumerate(texts, 1)]
    languages = {number: language for number, _, language, _ in numbered}
    of_picture: dict[str, list[str]] = {}
    for number, address, _, _ in numbered:
        of_picture.setdefault(address, []).append(number)
    pictures = [GalleryItem(address, file_of[address]) for address in of_picture]
    t2i = Task(
        "t2i",
        [QueryItem(number, said) for number, _, _, said in numbered],
        pictures,
        Qrels.of_owners([one[0] for one in numbered], [one[1] for one in numbered]),
        _METRICS,
        family="t2i",
        groups=languages,
    )
    i2t = Task(
        "i2t",
        [QueryItem(address, image=file_of[address]) for address in of_picture],
        [GalleryItem(number, texts=(said,)) for number, _, _, said in numbered],
        Qrels.of_sets(of_picture),
        _METRICS,
        family="i2t",
    )
    return [t2i, i2t]


WIT = Benchmark(
    name="wit",
    title="WIT, test tables, reference texts",
    paper="2103.01913",
    task="text to image and back, multilingual",
    get=_GET,
    files=(
        File("*test*.tsv|*test*.tsv.gz", "the tables"),
        File("images.tsv", "which file was fetched from which address (yours)"),
        File("images", "the pictures you fetched", pictures=True),
    ),
    layout="DATA.md of google-research-datasets/wit",
    hit="t2i: the picture of that address; i2t: any text of the picture, in whatever language",
    gallery="all pictures that were fetched and have a reference text; all those texts. Rows that repeat a picture, "
    "language and text count once",
    metrics=_METRICS,
    licence="CC-BY-SA-3.0; each picture has terms of its own",
    read=_read,
    notes=("numbers depend on which pictures could still be fetched: give their number beside them",),
)
