"""MRMR: expert questions whose answers need reasoning, texts and pictures interleaved (Zhang et al. 2025).

One folder for each of its five sets, with Parquet files of three tables: ``corpus`` and ``query`` (id, text, image,
image 1, image 2, ...; ``<image>`` or ``<image 1>`` in the text says where a picture goes) and ``qrels`` (query-id,
corpus-id, score; some sets write underscores).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from openitr.datasets.sources import ImageSource
from openitr.errors import DatasetError, InputError
from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import key
from openitr.evaluate.benchmarks.parquet import first_of, parquet_rows
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.interleaved import InterleavedItem
from openitr.evaluate.qrels import Qrels

SETS = ("knowledge", "theorem", "traffic", "design", "negation")
_GET = "https://huggingface.co/MRMRbenchmark (knowledge, theorem, traffic, design, negation)"
_NUMBERED = re.compile(r"(?:^|_)([A-Za-z_]*[A-Za-z])_\d+$")


def read_set(root: Path, name: str) -> tuple[list[InterleavedItem], list[InterleavedItem], Qrels]:
    """Queries, corpus and judgements of one set, with the order of texts and pictures kept.

    Raises:
        DatasetError: A table that is missing or damaged, or ids that do not fit together.
    """
    queries, corpus = (_items(root / name, table) for table in ("query", "corpus"))
    grades: dict[str, dict[str, float]] = {}
    for where, row, _ in parquet_rows(root / name, _files("qrels"), _GET):
        query = key(first_of(row, "query-id", "query_id"), where)
        document = key(first_of(row, "corpus-id", "corpus_id"), where)
        grades.setdefault(query, {})[document] = float(first_of(row, "score") or 0)
    return queries, corpus, Qrels(grades)


def domain(query: str) -> str:
    """The domain that a query id names ("test_Physics_381"), "" when it names none.

    >>> domain("test_Physics_381"), domain("validation_Basic_Medical_Science_7"), domain("17")
    ('Physics', 'Basic_Medical_Science', '')
    """
    found = _NUMBERED.search(query)
    words = found[1].split("_") if found else []
    return "_".join(words[1:] if words and words[0].lower() in ("test", "validation", "dev", "train") else words)


def _files(table: str) -> str:
    return f"{table}/test-*.parquet|{table}/*.parquet"


def _items(root: Path, table: str) -> list[InterleavedItem]:
    found = []
    for where, row, pictures in parquet_rows(root, _files(table), _GET):
        name, said = key(row.get("id"), where), row.get("text") or ""
        if not isinstance(said, str):
            raise DatasetError(f"{where}: the text is a {type(said).__name__}", "is this the published file?")
        try:
            found.append(InterleavedItem.of_text(name, said, _in_order(pictures)))
        except InputError as error:
            raise DatasetError(f"{where}: {error.message}", error.remedy) from error
    return found


def _in_order(pictures: Mapping[str, ImageSource]) -> list[ImageSource]:
    """The columns image, image 1, image 2, ... in that order; "vision", a page with the text drawn, is none of them."""
    numbered = [(int(name.removeprefix("image").strip() or 0), p) for name, p in pictures.items() if _is_image(name)]
    return [picture for _, picture in sorted(numbered, key=lambda one: one[0])]


def _is_image(name: str) -> bool:
    rest = name.removeprefix("image")
    return name.startswith("image") and (not rest.strip() or rest.strip().isdigit())


def _read(root: Path) -> list[Task]:
    there = [name for name in SETS if (root / name).is_dir()]
    if not there:
        raise DatasetError(f"{root / SETS[0]} is not there", f"get it from {_GET}")
    tasks = []
    for name in there:
        asked, corpus, qrels = read_set(root, name)
        queries = [QueryItem(q.id, q.text, _first(q), also=tuple(q.images[1:])) for q in asked if q.id in qrels]
        gallery = [GalleryItem(d.id, _first(d), (d.text,) if d.text else (), also=tuple(d.images[1:])) for d in corpus]
        groups = {q.id: domain(q.id) for q in queries if domain(q.id)}
        tasks.append(Task(name, queries, gallery, qrels, ("nDCG@10", "R@1"), family="sets", groups=groups))
    return tasks


def _first(item: InterleavedItem) -> ImageSource | None:
    return item.images[0] if item.images else None


MRMR = Benchmark(
    name="mrmr",
    title="MRMR, 1,502 expert queries in five sets",
    paper="2510.09510",
    task="interleaved text and pictures to documents of the same",
    get=_GET,
    files=(File("|".join(f"{name}/corpus" for name in SETS), "corpus, query and qrels of a set, pictures within"),),
    layout="mteb's MRMR tasks (columns) and the authors' task for the set traffic; the file names are Hugging Face's "
    "usual ones, not seen",
    hit="grades of the authors; contradiction sets: the rule that is broken",
    gallery="the set's whole corpus",
    metrics=("nDCG@10", "R@1"),
    licence="MIT as mteb has it; see the data cards",
    read=_read,
    notes=(
        "the vector sum does not see the order of texts and pictures; openitr.evaluate.reasoning has what does",
        "the authors' split_corpus, four documents for each query of some sets, is not read: which four is in files "
        "that were not seen",
    ),
)
