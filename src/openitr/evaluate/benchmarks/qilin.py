"""Qilin: searches in an app, with what was shown and what was clicked (Chen et al. 2025).

Parquet: ``notes`` (note_idx, note_title, note_content, image_path: [name, ...]) and ``search_test`` (search_idx, query,
search_result_details_with_idx: [{note_idx, click, position, ...}]).
"""

from __future__ import annotations

from pathlib import Path

from openitr.datasets.sources import ImageSource
from openitr.evaluate.benchmarks.benchmark import Benchmark, File
from openitr.evaluate.benchmarks.files import Folder, field, key, listed, text
from openitr.evaluate.benchmarks.parquet import parquet_rows
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.qrels import Qrels

_GET = "https://huggingface.co/datasets/THUIR/Qilin; pictures: see https://github.com/RED-Search/Qilin"
_NOTES, _SEARCHES = "notes/*.parquet", "search_test/*.parquet"
_METRICS = ("MRR@10", "mAP@10", "Recall@10", "P@10")


def _read(root: Path) -> list[Task]:
    queries, candidates = [], {}
    clicked: dict[str, list[str]] = {}
    for where, row, _ in parquet_rows(root, _SEARCHES, _GET):
        name = key(field(row, "search_idx", where), where)
        queries.append(QueryItem(name, text(field(row, "query", where), where)))
        shown = listed(field(row, "search_result_details_with_idx", where), where)
        notes = [key(field(one, "note_idx", where), where) for one in shown]
        candidates[name] = list(dict.fromkeys(notes))
        good = [note for note, one in zip(notes, shown, strict=True) if field(one, "click", where)]
        clicked[name] = list(dict.fromkeys(good))
    wanted = {note for ids in candidates.values() for note in ids}
    folder, gallery = Folder(root, _GET), []
    for where, row, _ in parquet_rows(root, _NOTES, _GET):
        if (name := key(field(row, "note_idx", where), where)) in wanted:
            said = " ".join(str(row[part]) for part in ("note_title", "note_content") if row.get(part))
            names = row.get("image_path") or []
            image: ImageSource | None = folder.picture(("images", "."), names[0], where) if names else None
            gallery.append(GalleryItem(name, image, (said,) if said.strip() else ()))
    return [
        Task("search", queries, gallery, Qrels.of_sets(clicked), _METRICS, candidates=candidates),
    ]


QILIN = Benchmark(
    name="qilin",
    title="Qilin, search test, 6,192 searches",
    paper="2503.00501",
    task="text to notes of text and picture, shown results ranked anew",
    get=_GET,
    files=(
        File(_NOTES, "the notes"),
        File(_SEARCHES, "the searches"),
        File("images", "the pictures", pictures=True),
    ),
    layout="baselines/src/dataset_factory.py and datasets/analyze_qilin.py of RED-Search/Qilin (columns); the file "
    "names are Hugging Face's usual ones, not seen",
    hit="a note that was clicked",
    gallery="the notes that were shown for the search; a note is its title, its text and its first picture",
    metrics=_METRICS,
    licence="MIT for the code; the data for research, see its card",
    read=_read,
    notes=(
        "the authors' dense baseline ranks all 1.9 million notes instead",
        "a search without a click is left out; the authors' code leaves out searches that a run does not answer, here "
        "they count 0",
    ),
)
